// Runs functions on Node.js, within an instance: the bootstrap has prepared everything and become this process.
//
// It talks to the platform in the messages of `messages.py`. Node.js 14 and later, without any package.
// Sources: Function Compute 2.0 and 3.0, "Node.js": "Handlers", "HTTP handlers", "Context", "Logs", "Error handling", "Lifecycle
// hooks for function instances".
'use strict';

const { AsyncLocalStorage } = require('async_hooks');
const fs = require('fs');
const net = require('net');
const path = require('path');
const { Readable } = require('stream');
const { pathToFileURL } = require('url');
const util = require('util');

const LEVELS = { trace: 'trace', debug: 'debug', log: 'info', info: 'info', warn: 'warn', error: 'error' };

const given = JSON.parse(process.argv[2]);
const { setup } = given;
const running = new AsyncLocalStorage();
process.argv.splice(1, 2, setup.function.handler);
fs.closeSync(given.certificates);
if (given.trusted) process.env.NODE_EXTRA_CA_CERTS = given.trusted;
else delete process.env.NODE_EXTRA_CA_CERTS;
const code = process.env.FC_FUNC_CODE_PATH;
const isFc2 = setup.service.name !== '';

/** Send connections to names of the cloud to the embedded one, as `redirect.py` does. */
function redirect() {
  const connect = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function (...args) {
    const options = Array.isArray(args[0]) ? args[0][0] : args[0];
    const host = options && typeof options === 'object' ? options.host : undefined;
    if (typeof host === 'string' && given.names.some((name) => `.${host.toLowerCase().replace(/\.$/, '')}`.endsWith(name))) {
      const moved = { ...options, host: setup.gateway[0], port: setup.gateway[1] };
      if (Array.isArray(args[0])) {
        const normalized = [...args[0]];
        normalized[0] = moved;
        for (const symbol of Object.getOwnPropertySymbols(args[0])) normalized[symbol] = args[0][symbol];
        args[0] = normalized;
      } else args[0] = moved;
    }
    return connect.apply(this, args);
  };
}

/** Put time, request id and level before what a function logs. */
function logInLines() {
  for (const [method, level] of Object.entries(LEVELS)) {
    const write = (...values) => {
      const id = running.getStore() || '';
      process.stdout.write(`${new Date().toISOString()} ${id} [${level}] ${util.format(...values)}\n`);
    };
    console[method] = write;
  }
}

function contextOf(requestId) {
  const names = { accessKeyId: 'ACCESS_KEY_ID', accessKeySecret: 'ACCESS_KEY_SECRET', securityToken: 'SECURITY_TOKEN' };
  const credentials = {};
  for (const [name, variable] of Object.entries(names)) credentials[name] = process.env[`ALIBABA_CLOUD_${variable}`] || '';
  const { function: fn, service } = setup;
  return {
    requestId,
    credentials,
    function: {
      name: fn.name, handler: fn.handler, memory: fn.memory, timeout: fn.timeout, initializer: fn.initializer,
      initializationTimeout: fn.initialization_timeout,
    },
    service: {
      name: service.name, logProject: service.log_project, logStore: service.log_store, qualifier: service.qualifier,
      versionId: service.version_id,
    },
    region: process.env.FC_REGION,
    accountId: process.env.FC_ACCOUNT_ID,
    logger: console,
    tracing: {},
  };
}

const modules = new Map();

/** Load a module of the code package: `index.js`, else `index.cjs`, else `index.mjs`. */
async function load(name) {
  const base = path.join(code, name);
  const file = ['.js', '.cjs', '.mjs'].map((end) => base + end).find((each) => fs.existsSync(each));
  if (!file) throw refusal('ImportModuleError', `Module '${base}.js' is missing.`);
  const asModule = () => import(pathToFileURL(file).href);
  if (file.endsWith('.mjs')) return asModule();
  try {
    return require(file);
  } catch (error) {
    if (error && error.code === 'ERR_REQUIRE_ESM') return asModule();
    throw error;
  }
}

class ImportError extends Error {}

/** Return an error of the platform's own, which has no trace. */
function refusal(name, message) {
  return Object.assign(new Error(message), { name, stack: '' });
}

async function find(handler) {
  const at = handler.lastIndexOf('.');
  const [name, member] = [handler.slice(0, at), handler.slice(at + 1)];
  if (!modules.has(name)) {
    try {
      modules.set(name, await load(name));
    } catch (error) {
      throw Object.assign(new ImportError(), { failure: describe(error) });
    }
  }
  const loaded = modules.get(name);
  const found = loaded[member] || (loaded.default && loaded.default[member]);
  if (typeof found !== 'function') {
    const missing = refusal('HandlerNotFound', `Handler '${member}' is missing on module '${name}'`);
    throw Object.assign(new ImportError(), { failure: describe(missing) });
  }
  return found;
}

/** Return the name that the platform has for what a function has thrown. */
function nameOf(error) {
  if (error.code === 'MODULE_NOT_FOUND') return 'ImportModuleError';
  return error instanceof SyntaxError ? 'UserCodeSyntaxError' : error.name;
}

/** Describe what a function has thrown, or given to its callback, as the platform does. */
function describe(error, { handled = false } = {}) {
  const cut = (text, length) => String(text).slice(0, length);
  if (!(error instanceof Error || util.types.isNativeError(error))) {
    const text = typeof error === 'string' ? error : JSON.stringify(error);
    return { message: cut(text, 4096), kind: '', trace: [], handled };
  }
  const name = handled ? error.name : nameOf(error);
  const kind = isFc2 && !handled ? `FunctionUnhandledError: ${name}` : name;
  const trace = cut(error.stack || '', 16384).split('\n').filter((line) => line && !line.includes(__filename));
  return { message: cut(error.message, 4096), kind: cut(kind, 256), trace, handled };
}

class HandledError extends Error {
  constructor(given) {
    super();
    this.given = given;
  }
}

/** Call a function that answers by its callback or by a promise; return what it answers first. */
function call(fn, ...args) {
  return new Promise((resolve, reject) => {
    const callback = (error, data) => (error ? reject(new HandledError(error)) : resolve(data));
    const returned = fn(...args, callback);
    if (returned && typeof returned.then === 'function') {
      // An asynchronous function with a callback may answer by either.
      returned.then((value) => { if (value !== undefined || fn.length <= args.length) resolve(value); }, reject);
    } else if (fn.length <= args.length && returned !== undefined) resolve(returned);
  });
}

/** Turn an answer into bytes: a buffer as it is, an object as JSON, anything else as text. */
function encode(value) {
  if (value === undefined || value === null) return Buffer.alloc(0);
  if (Buffer.isBuffer(value)) return value;
  if (value instanceof Uint8Array) return Buffer.from(value);
  return Buffer.from(typeof value === 'object' ? JSON.stringify(value) : String(value));
}

function join(head, body) {
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, text, body]);
}

/** Have an HTTP handler of Function Compute 2.0 serve a request: `(request, response, context)`. */
function respond(handler, payload, context) {
  const end = 4 + payload.readUInt32BE(0);
  const head = JSON.parse(payload.slice(4, end).toString());
  const url = new URL(head.uri, 'http://function');
  const queries = {};
  for (const name of new Set(url.searchParams.keys())) {
    const values = url.searchParams.getAll(name);
    queries[name] = values.length > 1 ? values : values[0];
  }
  const request = Object.assign(Readable.from([payload.slice(end)], { objectMode: false }), {
    method: head.method, path: decodeURIComponent(url.pathname), url: head.uri, queries, headers: head.headers,
    clientIP: head.client,
  });
  return new Promise((resolve, reject) => {
    const answer = { status: '200', headers: [] };
    const drop = (name) => { answer.headers = answer.headers.filter(([each]) => each.toLowerCase() !== name.toLowerCase()); };
    const response = {
      setStatusCode(status) { answer.status = String(status); },
      setHeader(name, value) { drop(name); answer.headers.push([String(name), String(value)]); },
      deleteHeader(name) { drop(name); },
      send(body) {
        if (body && typeof body.pipe === 'function') {
          const parts = [];
          body.on('data', (part) => parts.push(Buffer.from(part)));
          body.on('end', () => resolve(join(answer, Buffer.concat(parts))));
          body.on('error', reject);
        } else resolve(join(answer, encode(body)));
      },
    };
    const returned = handler(request, response, context);
    if (returned && typeof returned.then === 'function') returned.then(() => {}, reject);
  });
}

async function serve(request, payload) {
  const context = contextOf(request.request_id);
  const hook = setup.hooks[request.operation];
  const fn = await find(hook || setup.function.handler);
  if (hook) {
    await call(fn, context);
    return Buffer.alloc(0);
  }
  const result = request.operation === 'http' ? await respond(fn, payload, context) : encode(await call(fn, payload, context));
  if (result.length > setup.max_result) throw new RangeError(`the result has ${result.length} bytes; at most ${setup.max_result} are allowed`);
  return result;
}

function failureOf(error) {
  if (error instanceof ImportError) return { handled: false, ...error.failure, during_import: true };
  const failure = error instanceof HandledError ? describe(error.given, { handled: true }) : describe(error);
  return { ...failure, during_import: false };
}

function send(channel, reply, result) {
  let text = JSON.stringify(reply);
  if (reply.failure && Buffer.byteLength(text) > given.largestHead) text = JSON.stringify({ ...reply, failure: { ...reply.failure, trace: [] } });
  const head = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(head.length);
  channel.write(Buffer.concat([length, head, result]));
}

async function answer(channel, request, payload) {
  try {
    const result = await running.run(request.request_id, () => serve(request, payload));
    send(channel, { number: request.number, size: result.length, failure: null }, result);
  } catch (error) {
    send(channel, { number: request.number, size: 0, failure: failureOf(error) }, Buffer.alloc(0));
  }
}

/** Serve requests until the platform closes the socket. */
function main() {
  const channel = new net.Socket({ fd: given.channel, readable: true, writable: true });
  let received = Buffer.alloc(0);
  let parts = [];
  let missing = 4;
  channel.on('data', (part) => {
    parts.push(part);
    missing -= part.length;
    if (missing > 0) return;  // so that a large payload is put together once
    received = Buffer.concat([received, ...parts]);
    parts = [];
    for (;;) {
      if (received.length < 4) { missing = 4 - received.length; return; }
      const end = 4 + received.readUInt32BE(0);
      if (received.length < end) { missing = end - received.length; return; }
      const request = JSON.parse(received.slice(4, end).toString());
      if (received.length < end + request.size) { missing = end + request.size - received.length; return; }
      const payload = Buffer.from(received.slice(end, end + request.size));
      received = received.slice(end + request.size);
      answer(channel, request, payload);
    }
  });
  channel.on('end', () => process.exit(0));
  channel.on('error', () => process.exit(0));
}

redirect();
logInLines();
main();
