import { expect, test } from 'vitest'
import { nodes } from './node.ts'
import { type Manifest, StrategyRunner } from './strategy-runner.ts'

const runner = new StrategyRunner(nodes)
const node = (rest: Manifest, metadata: Manifest = {}): Manifest => ({ metadata: { name: 'n', ...metadata }, ...rest })

test('the single pod CIDR and the list follow each other; the single one wins', () => {
  expect(runner.read(node({ spec: { podCIDR: '10.1.0.0/24' } }))['spec']).toMatchObject({ podCIDRs: ['10.1.0.0/24'] })
  expect(runner.read(node({ spec: { podCIDRs: ['10.1.0.0/24'] } }))['spec']).toMatchObject({ podCIDR: '10.1.0.0/24' })
  const both = { podCIDR: '10.1.0.0/24', podCIDRs: ['10.2.0.0/24', 'fd00::/64'] }
  expect(runner.read(node({ spec: both }))['spec']).toMatchObject({ podCIDRs: ['10.1.0.0/24'] })
})

test('what is allocatable defaults to the capacity', () => {
  const { object } = runner.create(node({ status: { capacity: { cpu: '4' } } }))
  expect(object['status']).toEqual({ capacity: { cpu: '4' }, allocatable: { cpu: '4' } })
})

test('the configuration that left with v1.24 does not come in', () => {
  const { object } = runner.create(node({ spec: { configSource: {} }, status: { config: {} } }))
  expect(object['spec']).toEqual({})
  expect(object['status']).toEqual({})
})

// Rules and words of kubernetes pkg/apis/core/validation/validation.go ValidateNode.
test.each<[string, Manifest, string[]]>([
  [
    'two taints of one key and effect',
    {
      spec: {
        taints: [
          { key: 'a', effect: 'NoSchedule' },
          { key: 'a', value: '2', effect: 'NoSchedule' },
          { key: 'a', effect: 'Never' },
        ],
      },
    },
    [
      'metadata.taints[1]: Duplicate value: {"Key":"a","Value":"2","Effect":"NoSchedule","TimeAdded":null}: taints must be unique by key and effect pair',
      'metadata.taints[2].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
    ],
  ],
  [
    'two pod CIDRs of one family',
    { spec: { podCIDRs: ['10.1.0.0/24', '10.2.0.0/24'] } },
    [
      'spec.podCIDRs: Invalid value: ["10.1.0.0/24","10.2.0.0/24"]: may specify no more than one CIDR for each IP family',
    ],
  ],
  ['pod CIDRs of both families', { spec: { podCIDRs: ['10.1.0.0/24', 'fd00::/64'] } }, []],
  [
    'a capacity below zero and half a GPU',
    { status: { capacity: { cpu: '-1' }, allocatable: { 'x.y/gpu': '500m' } } },
    [
      'status.capacity.cpu: Invalid value: "-1": must be greater than or equal to 0',
      'status.allocatable.x.y/gpu: Invalid value: "500m": must be an integer',
    ],
  ],
  [
    'features out of order',
    { status: { declaredFeatures: ['B', 'A', 'A', 'a'] } },
    [
      'status.declaredFeatures[1]: Invalid value: "A": list must be sorted alphabetically',
      'status.declaredFeatures[2]: Duplicate value: "A"',
      'status.declaredFeatures[3]: Invalid value: "a": invalid feature name "a": must start with an UpperCamelCase segment, with subsequent segments separated by \'/\' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes',
    ],
  ],
])('a node with %s', (_what, rest, errors) => {
  expect(runner.create(node(rest)).errors).toEqual(errors)
})

test('taints in the old annotation are read as JSON', () => {
  const errorsOf = (text: string): readonly string[] =>
    runner.create(node({}, { annotations: { 'scheduler.alpha.kubernetes.io/taints': text } })).errors
  expect(errorsOf('[{"key":"a","effect":"NoExecute"}]')).toEqual([])
  expect(errorsOf('{')).toEqual([
    'metadata.annotations: Invalid value: "scheduler.alpha.kubernetes.io/taints": unexpected end of JSON input',
  ])
  expect(errorsOf('{}')).toEqual([
    'metadata.annotations: Invalid value: "scheduler.alpha.kubernetes.io/taints": json: cannot unmarshal object into Go value of type []core.Taint',
  ])
  expect(errorsOf('[null,{"key":1}]')[0]).toMatch(
    /^metadata\.annotations\.scheduler\.alpha\.kubernetes\.io\/taints\[0\]\.key: /,
  )
})

test('pod CIDRs and provider stay once they are set', () => {
  const old = runner.read(node({ spec: { podCIDR: '10.1.0.0/24', providerID: 'a' } }))
  expect(
    runner.update(node({ spec: { podCIDR: '10.2.0.0/24', providerID: 'b', externalID: 'x' } }), old).errors,
  ).toEqual([
    'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
    'spec.providerID: Forbidden: node updates may not change providerID except from "" to valid',
    'spec.externalID: Forbidden: may not be updated',
  ])
})

test('status holds each address once, and leaves the spec alone', () => {
  const old = runner.read(node({ spec: { unschedulable: true } }))
  const addresses = [
    { type: 'InternalIP', address: 'a' },
    { type: 'Hostname', address: 'a' },
    { type: 'InternalIP', address: 'a' },
  ]
  const { object, errors } = runner.update(node({ spec: {}, status: { addresses } }), old, 'status')
  expect(errors).toEqual(['status.addresses[2]: Duplicate value: {"Type":"InternalIP","Address":"a"}'])
  expect(object['spec']).toEqual({ unschedulable: true })
  expect(nodes.selectableFields!(object)).toEqual({ 'spec.unschedulable': 'true' })
})

test('a row tells state, roles and addresses', () => {
  const labels = { 'node-role.kubernetes.io/worker': '', 'kubernetes.io/role': 'edge', 'node-role.kubernetes.io/': '' }
  const status = {
    conditions: [{ type: 'Ready', status: 'Unknown' }],
    addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
    nodeInfo: { kubeletVersion: 'v1.36.0', kernelVersion: '6.1', architecture: 'arm64' },
  }
  const object = runner.read(node({ spec: { unschedulable: true }, status }, { labels }))
  expect(nodes.table!.cells(object, 0)).toEqual([
    'n',
    'NotReady,SchedulingDisabled',
    'edge,worker',
    '<unknown>',
    'v1.36.0',
    '10.0.0.1',
    '<none>',
    '<unknown>',
    '6.1 (arm64)',
    '<unknown>',
  ])
})
