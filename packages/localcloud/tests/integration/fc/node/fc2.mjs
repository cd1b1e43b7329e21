// Everyday calls of @alicloud/fc2 against the endpoint in the environment. Prints one JSON object.
import FC from "@alicloud/fc2";

import { refusal } from "./refusal.mjs";

const { ENDPOINT, ACCOUNT, REGION, KEY_ID, KEY_SECRET, SUFFIX, PYTHON_CODE, NODE_CODE, LAYER_CODE } = process.env;
const config = { accessKeyID: KEY_ID, accessKeySecret: KEY_SECRET, region: REGION, endpoint: ENDPOINT };
const client = new FC(ACCOUNT, config);
const service = `node-fc2-${SUFFIX}`;
const layer = `fc2-${SUFFIX}`;
const seen = {};

seen.service = (await client.createService(service, { description: "made by Node" })).data.description;
const python = { functionName: "python", runtime: "python3.10", handler: "index.handler", code: { zipFile: PYTHON_CODE } };
const created = await client.createFunction(service, python);
seen.runtime = created.data.runtime;
await client.createFunction(service, {
  functionName: "node", runtime: "nodejs20", handler: "index.handler", code: { zipFile: NODE_CODE }, instanceConcurrency: 5, timeout: 20,
});
seen.invoked = (await client.invokeFunction(service, "python", "hello")).data;
const logged = await client.invokeFunction(service, "node", Buffer.from("there"));
seen.node = [logged.data, Boolean(logged.headers["x-fc-request-id"])];
seen.concurrency = (await client.getFunction(service, "node")).data.instanceConcurrency;
seen.accepted = (await client.invokeFunction(service, "python", "later", { "x-fc-invocation-type": "Async" })).headers[
  "x-fc-request-id"
].length > 0;
await client.updateFunction(service, "python", { description: "changed", code: { zipFile: PYTHON_CODE } });
seen.updated = (await client.getFunction(service, "python")).data.description;
seen.functions = (await client.listFunctions(service)).data.functions.map((each) => each.functionName);
const trigger = { triggerName: "web", triggerType: "http", triggerConfig: { authType: "anonymous", methods: ["GET"] } };
seen.trigger = (await client.createTrigger(service, "python", trigger)).data.triggerType;
await client.updateTrigger(service, "python", "web", { triggerConfig: { authType: "function", methods: ["GET", "POST"] } });
seen.triggers = (await client.listTriggers(service, "python")).data.triggers.map((each) => each.triggerConfig.authType);
await client.deleteTrigger(service, "python", "web");
seen.version = (await client.publishVersion(service, "the first")).data.versionId;
await client.createAlias(service, "prod", seen.version, { description: "live" });
seen.alias = (await client.getAlias(service, "prod")).data.versionId;
seen.byAlias = (await client.invokeFunction(service, "python", "alias", {}, "prod")).data;
seen.published = (await client.publishLayerVersion(layer, { compatibleRuntime: ["python3.10"], code: { zipFile: LAYER_CODE } })).data.version;
const layers = (await client.listLayerVersions(layer)).data.layers;
seen.layers = layers.length;
seen.byArn = (await client.getLayerVersionByArn(layers[0].arn)).data.layerName === layer;
seen.taken = await refusal(() => client.createFunction(service, python));
seen.missing = await refusal(() => client.getFunction(service, "absent"));
const forged = new FC(ACCOUNT, { ...config, accessKeySecret: "forged" });
seen.forged = await refusal(() => forged.getService(service));
await client.deleteLayerVersion(layer, seen.published);
await client.deleteAlias(service, "prod");
await client.deleteVersion(service, seen.version);
for (const name of ["python", "node"]) await client.deleteFunction(service, name);
await client.deleteService(service);
seen.gone = await refusal(() => client.getService(service));
console.log(JSON.stringify(seen));
