// Everyday calls of ali-oss, the official Node client, against the endpoint in the environment. Prints one JSON object.
import http from "node:http";

import OSS from "ali-oss";

const client = (extra) =>
  new OSS({
    endpoint: process.env.ENDPOINT,
    region: process.env.REGION,
    accessKeyId: process.env.KEY_ID,
    accessKeySecret: process.env.KEY_SECRET,
    ...extra,
  });
const result = {};

function fetchAs(signed) {
  const { host, pathname, search } = new URL(signed);
  const { hostname, port } = new URL(process.env.ENDPOINT);
  return new Promise((resolve, reject) => {
    const options = { hostname, port, path: pathname + search, headers: { Host: host } };
    const request = http.get(options, async (response) => {
      const parts = await response.toArray();
      resolve(Buffer.concat(parts).toString());
    });
    request.on("error", reject);
  });
}

for (const authorizationV4 of [false, true]) {
  const name = `node-${authorizationV4 ? "v4" : "v1"}-${process.env.SUFFIX}`;
  const store = client({ authorizationV4 });
  const seen = {};
  await store.putBucket(name);
  store.useBucket(name);
  seen.location = (await store.getBucketInfo(name)).bucket.Location;
  const put = await store.put("folder/ünï code.txt", Buffer.from("hello"), { meta: { colour: "blue" } });
  seen.put = put.res.status;
  const got = await store.get("folder/ünï code.txt");
  seen.content = got.content.toString();
  const head = await store.head("folder/ünï code.txt");
  seen.meta = head.meta;
  seen.range = (await store.get("folder/ünï code.txt", { headers: { Range: "bytes=1-3" } })).content.toString();
  await store.copy("copy", "folder/ünï code.txt");
  seen.listed = (await store.listV2({ "max-keys": 10 })).objects.map((each) => each.name);
  const big = Buffer.alloc(350 * 1024, "x");
  await store.multipartUpload("big", big, { partSize: 120 * 1024, parallel: 2 });
  seen.big = (await store.get("big")).content.equals(big);
  // This client signs URLs for the public endpoint only; the request goes to loopback under that host's name.
  const remote = client({ authorizationV4, endpoint: `http://${process.env.REGION}.aliyuncs.com`, bucket: name });
  seen.presigned = await fetchAs(
    authorizationV4 ? await remote.signatureUrlV4("GET", 60, {}, "copy") : remote.signatureUrl("copy"),
  );
  const forged = client({ authorizationV4, accessKeySecret: "wrong", bucket: name });
  seen.forged = await forged.get("copy").then(() => "taken", (error) => `${error.status} ${error.code}`);
  seen.missing = await store.get("none").then(() => "found", (error) => `${error.status} ${error.code}`);
  await store.deleteMulti(["folder/ünï code.txt", "copy", "big"]);
  await store.deleteBucket(name);
  result[authorizationV4 ? "V4" : "V1"] = seen;
}
console.log(JSON.stringify(result));
