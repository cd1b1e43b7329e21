// Everyday calls of @alicloud/fc20230330 against the endpoint in the environment. Prints one JSON object.
import { Readable } from "node:stream";

import { $OpenApiUtil } from "@alicloud/openapi-core";
import * as $dara from "@darabonba/typescript";
import generated, * as $fc from "@alicloud/fc20230330";

import { refusal } from "./refusal.mjs";

const { ENDPOINT, REGION, KEY_ID, KEY_SECRET, SUFFIX, PYTHON_CODE, NODE_CODE, LAYER_CODE } = process.env;
const settings = { accessKeyId: KEY_ID, accessKeySecret: KEY_SECRET, regionId: REGION, protocol: "http" };
const endpoint = new URL(ENDPOINT).host;
const Client = generated.default;
const client = new Client(new $OpenApiUtil.Config({ ...settings, endpoint }));
const name = (end) => `node-fc3-${SUFFIX}-${end}`;
const layer = `fc3-${SUFFIX}`;
const seen = {};

async function invoke(end, text, extra = {}, qualifier = undefined) {
  const request = new $fc.InvokeFunctionRequest({ body: Readable.from([Buffer.from(text)]), qualifier });
  const answer = await client.invokeFunctionWithOptions(name(end), request, new $fc.InvokeFunctionHeaders(extra), new $dara.RuntimeOptions({}));
  return { status: answer.statusCode, text: Buffer.concat(await answer.body.toArray()).toString() };
}

function make(end, runtime, zipFile, extra = {}) {
  const code = new $fc.InputCodeLocation({ zipFile });
  const body = new $fc.CreateFunctionInput({ functionName: name(end), runtime, handler: "index.handler", code, timeout: 20, ...extra });
  return client.createFunction(new $fc.CreateFunctionRequest({ body }));
}

seen.runtime = (await make("python", "python3.10", PYTHON_CODE)).body.runtime;
seen.concurrency = (await make("node", "nodejs20", NODE_CODE, { instanceConcurrency: 5 })).body.instanceConcurrency;
seen.invoked = (await invoke("python", "hello")).text;
seen.node = (await invoke("node", "there")).text;
seen.accepted = (await invoke("python", "later", { xFcInvocationType: "Async" })).status;
const changes = new $fc.UpdateFunctionInput({ description: "changed" });
seen.updated = (await client.updateFunction(name("python"), new $fc.UpdateFunctionRequest({ body: changes }))).body.description;
const listed = await client.listFunctions(new $fc.ListFunctionsRequest({ prefix: name("") }));
seen.functions = listed.body.functions.map((each) => each.functionName.slice(name("").length));
const triggerConfig = JSON.stringify({ methods: ["GET"], authType: "anonymous" });
const trigger = new $fc.CreateTriggerInput({ triggerName: "web", triggerType: "http", triggerConfig });
seen.trigger = (await client.createTrigger(name("python"), new $fc.CreateTriggerRequest({ body: trigger }))).body.triggerType;
seen.triggers = (await client.listTriggers(name("python"), new $fc.ListTriggersRequest({}))).body.triggers.map((each) => each.triggerName);
await client.deleteTrigger(name("python"), "web");
const published = new $fc.PublishVersionInput({ description: "the first" });
seen.version = (await client.publishFunctionVersion(name("python"), new $fc.PublishFunctionVersionRequest({ body: published }))).body.versionId;
const alias = new $fc.CreateAliasInput({ aliasName: "prod", versionId: seen.version });
await client.createAlias(name("python"), new $fc.CreateAliasRequest({ body: alias }));
seen.alias = (await client.getAlias(name("python"), "prod")).body.versionId;
seen.byAlias = (await invoke("python", "alias", {}, "prod")).text;
const package_ = new $fc.CreateLayerVersionInput({ compatibleRuntime: ["python3.10"], code: new $fc.InputCodeLocation({ zipFile: LAYER_CODE }) });
seen.published = (await client.createLayerVersion(layer, new $fc.CreateLayerVersionRequest({ body: package_ }))).body.version;
seen.layers = (await client.listLayerVersions(layer, new $fc.ListLayerVersionsRequest({}))).body.layers.length;
seen.taken = await refusal(() => make("python", "python3.10", PYTHON_CODE));
seen.missing = await refusal(() => client.getFunction(name("absent"), new $fc.GetFunctionRequest({})));
const forged = new Client(new $OpenApiUtil.Config({ ...settings, accessKeySecret: "forged", endpoint }));
seen.forged = await refusal(() => forged.getFunction(name("python"), new $fc.GetFunctionRequest({})));
await client.deleteLayerVersion(layer, String(seen.published));
await client.deleteAlias(name("python"), "prod");
await client.deleteFunctionVersion(name("python"), seen.version);
for (const end of ["python", "node"]) await client.deleteFunction(name(end));
seen.gone = await refusal(() => client.getFunction(name("python"), new $fc.GetFunctionRequest({})));
console.log(JSON.stringify(seen));
