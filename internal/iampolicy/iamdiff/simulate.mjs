// Decides cases, one JSON document a line, with the simulator in a folder of its
// own, and answers one line for each: Allowed, ExplicitlyDenied, ImplicitlyDenied,
// or what went wrong.
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [, dir, keys, account] = process.argv // account is whose the resources are
const scope = join(dir, 'node_modules', '@cloud-copilot')
const load = (...path) => import(pathToFileURL(join(scope, ...path)))
const { loadPolicy } = await load('iam-policy', 'dist', 'esm', 'index.js')
// The package's own entry checks that actions and keys exist, one by one; its
// engine is asked directly.
const simulator = ['iam-simulate', 'dist', 'esm']
const { authorize } = await load(...simulator, 'core_engine', 'CoreSimulatorEngine.js')
const { AwsRequestImpl } = await load(...simulator, 'request', 'request.js')
const { RequestContextImpl } = await load(...simulator, 'requestContext.js')
const { anonymousPrincipal } = await load(...simulator, 'simulation_engine', 'simulation.js')
const { DiscoveryContextKeyConstraints } = await load(...simulator, 'context_keys', 'discoveryContextKeyConstraints.js')

const many = new Set(JSON.parse(keys)) // keys whose values are a list
const simulationParameters = { simulationMode: 'Strict', discoveryContextKeyConstraints: new DiscoveryContextKeyConstraints([]) }

function decide(c) {
  const context = {}
  for (const [key, values] of Object.entries(c.context)) {
    context[key] = many.has(key) ? values : values[0]
  }
  const principal = c.principal === 'anonymous' ? anonymousPrincipal : c.principal
  const policy = (document) => (document ? loadPolicy(document, { name: 'drawn' }) : undefined)
  const list = (document) => (document ? [policy(document)] : [])
  return authorize({
    request: new AwsRequestImpl(principal, { resource: c.resource, accountId: account }, c.action, new RequestContextImpl(context)),
    identityPolicies: list(c.identity),
    resourcePolicy: policy(c.resourcePolicy),
    permissionBoundaries: c.boundary ? list(c.boundary) : undefined,
    sessionPolicy: policy(c.session),
    vpcEndpointPolicies: c.endpoint ? list(c.endpoint) : undefined,
    // An organization that allows everything.
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    simulationParameters,
    serviceSettings: {},
  }).result
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer
  try {
    answer = decide(JSON.parse(line))
  } catch (err) {
    answer = `error: ${String(err.message).split('\n')[0]}`
  }
  process.stdout.write(answer + '\n')
}
