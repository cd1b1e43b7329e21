// What `ros-cdk deploy --sync true`, diff, event, resource, list and destroy do (its lib/cdk-toolkit.js), call by call, with its own
// SDKs and default endpoints. Takes the cloud assembly's folder and the stack's name; prints what it saw as JSON.
import fs from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { createRequire } from 'node:module'
import path from 'node:path'

const require = createRequire(process.env.PACKAGES)
const RosClient = require('@alicloud/ros-2019-09-10')
const OssClient = require('ali-oss')

const [outdir, stackName] = process.argv.slice(2)
const requestOptions = { method: 'POST', headers: { 'User-Agent': 'ROS-CLI-1.15.0::python' }, timeout: 90000 }
const saw = {}

// Its settings: account.config.json of the working folder, else the environment.
const settings = fs.existsSync('./account.config.json') ? JSON.parse(fs.readFileSync('./account.config.json').toString()) : {}
saw.settings = settings
const { ACCESS_KEY_ID: accessKeyId, ACCESS_KEY_SECRET: accessKeySecret } = process.env
const region = settings.regionId ?? process.env.REGION_ID
const ros = new RosClient({ endpoint: settings.endpoint ?? 'https://ros.aliyuncs.com', accessKeyId, accessKeySecret })
ros.keepAliveAgent = new https.Agent({ keepAlive: true, keepAliveMsecs: 15000 })

// publishAssets
const { files } = JSON.parse(fs.readFileSync(path.join(outdir, `${stackName}.assets.json`)).toString())
const ossSettings = { region: `oss-${region}`, accessKeyId, accessKeySecret }
const oss = new OssClient(ossSettings)
let bucket
for (const { source, destinations } of Object.values(files)) {
  const { bucketName, objectKey } = destinations['current_account-current_region']
  bucket = bucketName.replace('${ALIYUN::Region}', region)
  await oss.putBucket(bucket, { storageClass: 'Standard', acl: 'private', dataRedundancyType: 'LRS' })
  const headers = { 'x-oss-storage-class': 'Standard', 'x-oss-object-acl': 'private', 'x-oss-forbid-overwrite': 'false' }
  const put = await new OssClient({ bucket, ...ossSettings }).put(objectKey, path.join(outdir, `${source.path}.zip`), headers)
  saw.uploaded = [put.res.status, put.url.startsWith(`http://${bucket}.oss-${region}.aliyuncs.com/`)]
}

const body = (change = (text) => text) => {
  const text = change(fs.readFileSync(path.join(outdir, `${stackName}.template.json`)).toString())
  return `@Base64Encoded: ${Buffer.from(text).toString('base64')}`
}
const order = (TemplateBody) => ({
  StackName: stackName,
  TimeoutInMinutes: 20,
  TemplateBody,
  ClientToken: crypto.randomUUID(),
  DisableRollback: false,
  'Tags.1.Key': 'team',
  'Tags.1.Value': 'a',
  RegionId: region
})
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const settled = async (StackId, before) => {
  for (;;) {
    await sleep(200)
    const stack = await ros.getStack({ RegionId: region, StackId }, requestOptions)
    if (before !== undefined && (stack.UpdateTime ?? '') === before) continue
    if (/COMPLETE|FAILED/.test(stack.Status)) return stack
  }
}

// deploy: create
saw.before = (await ros.listStacks({ RegionId: region, PageSize: 10, PageNumber: 1, StackName: [stackName] }, requestOptions)).Stacks.length
const { StackId } = await ros.createStack(order(body()), requestOptions)
const created = await settled(StackId)
saw.created = [created.Status, created.Outputs.map((output) => output.OutputKey).sort()]
fs.writeFileSync('./stack.info.json', JSON.stringify({ [stackName]: { stackId: StackId, regionId: region } }))
const inList = async () =>
  (await ros.listStacks({ RegionId: region, PageSize: 10, PageNumber: 1, StackName: [stackName] }, requestOptions)).Stacks[0]
saw.sameId = (await inList()).StackId === StackId

// deploy: update without changes, then with one
try {
  await ros.updateStack({ ...order(body()), StackId }, requestOptions)
} catch (error) {
  saw.unchanged = [error.code, error.message.startsWith('Update the completely same stack'), 'RequestId' in error.data]
}
const listed = await inList()
await sleep(1100) // its times have seconds; it waits five
await ros.updateStack({ ...order(body((text) => text.replace('"blue"', '"red"'))), StackId }, requestOptions)
saw.updated = (await settled(StackId, listed.UpdateTime ? listed.UpdateTime : listed.CreateTime)).Status

// diff, event, resource
const template = JSON.parse((await ros.getTemplate({ RegionId: region, StackId }, requestOptions)).TemplateBody)
saw.colour = template.Resources.Function.Properties.EnvironmentVariables.COLOUR
const pages = { RegionId: region, StackId, LogicalResourceId: [], PageSize: 10, PageNumber: 1 }
saw.event = (await ros.listStackEvents(pages, requestOptions)).Events[0].Status
saw.resources = (await ros.listStackResources({ RegionId: region, StackId }, requestOptions)).Resources.map(
  (resource) => resource.LogicalResourceId
).sort()

// destroy
await ros.deleteStack({ StackId, RegionId: region }, requestOptions)
saw.deleted = (await settled(StackId)).Status
const own = new OssClient({ bucket, ...ossSettings })
for (const { name } of (await own.list()).objects ?? []) await own.delete(name)
await own.deleteBucket(bucket)

// Names that are not served are refused, whoever asks.
const outcome = (client, url) =>
  new Promise((resolve) =>
    client.get(url, (response) => resolve(response.statusCode)).on('error', (error) => resolve(error.code))
  )
saw.refused = [
  await outcome(https, 'https://ecs.aliyuncs.com/'),
  await outcome(http, 'http://oss-us-east-1.aliyuncs.com/'),
  await fetch('https://ecs.aliyuncs.com/').then(() => 'answered', (error) => error.cause.code)
]
console.log(JSON.stringify(saw))
ros.keepAliveAgent.destroy()
