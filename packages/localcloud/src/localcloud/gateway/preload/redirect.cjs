'use strict'
// Sends a Node.js process's connections to names under aliyuncs.com to the embedded cloud, over HTTP and HTTPS.
//
// Loaded before anything else (`node --require`). Its settings are in the environment:
// - LOCALCLOUD_GATEWAY, `127.0.0.1:PORT`: where the gateway listens, which refuses the names that it does not serve;
// - LOCALCLOUD_SETTINGS: a folder for the settings and records of ros-cdk, which are for the account they were made with. Its
//   files of these names are used in place of the user's, which are neither read nor written.
// The certificate is trusted through NODE_EXTRA_CA_CERTS.

const fs = require('node:fs')
const net = require('node:net')
const path = require('node:path')

const [address, port] = (process.env.LOCALCLOUD_GATEWAY ?? '').split(':')
const settings = process.env.LOCALCLOUD_SETTINGS
const KEPT_APART = new Set(['account.config.json', 'stack.info.json'])

const isRedirected = (host) => typeof host === 'string' && /(^|\.)(aliyuncs\.com|fcapp\.run)\.?$/i.test(host)
const redirected = (options) => ({ ...options, host: address, port: Number(port), lookup: undefined })

const connect = net.Socket.prototype.connect
net.Socket.prototype.connect = function (...args) {
  const first = args[0]
  if (Array.isArray(first)) {
    // What net.connect, tls.connect and the agents pass on: [options, callback], marked by Node as being in this form.
    if (isRedirected(first[0]?.host)) first[0] = redirected(first[0])
  } else if (first !== null && typeof first === 'object') {
    if (isRedirected(first.host)) args[0] = redirected(first)
  } else if (isRedirected(args[1])) {
    args.splice(0, 2, Number(port), address)
  }
  return connect.apply(this, args)
}

if (settings) {
  const own = (file) =>
    typeof file === 'string' && KEPT_APART.has(path.basename(file)) ? path.join(settings, path.basename(file)) : file
  for (const name of ['existsSync', 'readFileSync', 'writeFileSync']) {
    const original = fs[name]
    fs[name] = (file, ...rest) => original(own(file), ...rest)
  }
}
