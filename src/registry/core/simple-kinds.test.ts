import { expect, test } from 'vitest'
import { fieldErrorMessage } from '../../apimachinery/field-error.ts'
import type { Event } from '../../apimachinery/types/core-v1.ts'
import type { AnyResourceEntry } from '../resource.ts'
import { bindings } from './binding.ts'
import { configMaps } from './config-map.ts'
import { endpoints } from './endpoints.ts'
import { events, validateNewEvent, validateNewEventUpdate } from './event.ts'
import { limitRanges } from './limit-range.ts'
import { namespaces } from './namespace.ts'
import { replicationControllers } from './replication-controller.ts'
import { resourceQuotas } from './resource-quota.ts'
import { serviceAccounts } from './service-account.ts'
import { type Manifest, StrategyRunner } from './strategy-runner.ts'

const META = { name: 'o', namespace: 'n' }

interface Case {
  readonly what: string
  readonly entry: AnyResourceEntry
  readonly manifest: Manifest
  readonly errors: readonly string[]
}

const RANGE = (limit: Manifest): Manifest => ({ metadata: META, spec: { limits: [limit] } })
const QUOTA = (spec: Manifest): Manifest => ({ metadata: META, spec })
const SUBSET = (subset: Manifest): Manifest => ({ metadata: META, subsets: [subset] })
const EVENT = (rest: Manifest): Manifest => ({ metadata: META, involvedObject: { namespace: 'n' }, ...rest })

// Rules and words of kubernetes pkg/apis/core/validation/validation.go and events.go.
const CASES: readonly Case[] = [
  {
    what: 'a ConfigMap with a key in both maps',
    entry: configMaps,
    manifest: { metadata: META, data: { a: '' }, binaryData: { a: '' } },
    errors: ['data[a]: Invalid value: "a": duplicate of key present in binaryData'],
  },
  {
    what: 'a ConfigMap above 1 MiB',
    entry: configMaps,
    manifest: { metadata: META, data: { a: 'é'.repeat(524_289) } },
    errors: ['[]: Too long: may not be more than 1048576 bytes'],
  },
  {
    what: 'a finalizer without a domain',
    entry: configMaps,
    manifest: { metadata: { ...META, finalizers: ['mine'] } },
    errors: [
      'metadata.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
    ],
  },
  {
    what: 'a subset without addresses',
    entry: endpoints,
    manifest: SUBSET({ ports: [{ port: 1 }] }),
    errors: ['subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`'],
  },
  {
    what: 'endpoints at addresses that are none',
    entry: endpoints,
    manifest: SUBSET({ addresses: [{ ip: '::1' }, { ip: 'ff02::1' }, { ip: '::' }] }),
    errors: [
      'subsets[0].addresses[0].ip: Invalid value: "::1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
      'subsets[0].addresses[1].ip: Invalid value: "ff02::1": may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)',
      'subsets[0].addresses[2].ip: Invalid value: "::": may not be unspecified (::)',
    ],
  },
  {
    what: 'two ports without names',
    entry: endpoints,
    manifest: SUBSET({
      addresses: [{ ip: '10.0.0.1' }],
      ports: [{ port: 1 }, { port: 70_000, name: 'a', protocol: 'X' }],
    }),
    errors: [
      'subsets[0].ports[0].name: Required value',
      'subsets[0].ports[1].port: Invalid value: 70000: must be between 1 and 65535, inclusive',
      'subsets[0].ports[1].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"',
    ],
  },
  {
    what: 'an event about another namespace',
    entry: events,
    manifest: EVENT({ involvedObject: { namespace: 'other' } }),
    errors: ['involvedObject.namespace: Invalid value: "other": does not match event.namespace'],
  },
  {
    what: 'an event of a cluster-scoped object in default',
    entry: events,
    manifest: { metadata: { name: 'o', namespace: 'default' }, involvedObject: {} },
    errors: [],
  },
  {
    what: 'an event with a time and too much text',
    entry: events,
    manifest: EVENT({
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingComponent: 'a/b',
      reportingInstance: 'x'.repeat(129),
      action: 'a',
      reason: 'r',
      message: 'x'.repeat(1025),
    }),
    errors: [
      'reportingInstance: Invalid value: "": can have at most 128 characters',
      'message: Invalid value: "": can have at most 1024 characters',
    ],
  },
  {
    what: 'limits on a Pod with defaults',
    entry: limitRanges,
    manifest: RANGE({ type: 'Pod', default: { cpu: '1' } }),
    errors: ["spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'"],
  },
  {
    what: 'limits of a type without a domain',
    entry: limitRanges,
    manifest: RANGE({ type: 'Disk', max: { cpu: '1' } }),
    errors: ['spec.limits[0].type: Invalid value: "Disk": must be a standard limit type or fully qualified'],
  },
  {
    what: 'a ratio that max and min do not allow',
    entry: limitRanges,
    manifest: RANGE({ type: 'a.b/c', min: { cpu: '100m' }, max: { cpu: '250m' }, maxLimitRequestRatio: { cpu: '3' } }),
    errors: [
      'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "3": ratio 3 is greater than max/min = 2.500000',
    ],
  },
  {
    what: 'huge pages of two sizes',
    entry: limitRanges,
    manifest: RANGE({
      type: 'Container',
      default: { 'hugepages-2Mi': '4Mi' },
      defaultRequest: { 'hugepages-2Mi': '2Mi' },
    }),
    errors: [
      'spec.limits[0].defaultRequest[hugepages-2Mi]: Invalid value: "2Mi": default value 4Mi must equal to defaultRequest value 2Mi in hugepages-2Mi',
    ],
  },
  {
    what: 'a container limit on storage',
    entry: limitRanges,
    manifest: RANGE({ type: 'Container', max: { storage: '1' } }),
    errors: ['max', 'default', 'defaultRequest'].map(
      (field) =>
        `spec.limits[0].${field}[storage]: Invalid value: "storage": must be a standard resource for containers`,
    ),
  },
  {
    what: 'a quota of half a pod',
    entry: resourceQuotas,
    manifest: QUOTA({ hard: { pods: '500m' } }),
    errors: ['spec.hard[pods]: Invalid value: "500m": must be an integer'],
  },
  {
    what: 'a quota of what is unknown',
    entry: resourceQuotas,
    manifest: QUOTA({ hard: { bogus: '1' } }),
    errors: [
      'spec.hard[bogus]: Invalid value: "bogus": must be a standard resource type or fully qualified',
      'spec.hard[bogus]: Invalid value: "bogus": must be a standard resource for quota',
    ],
  },
  {
    what: 'a quota of storage for best-effort pods',
    entry: resourceQuotas,
    manifest: QUOTA({ hard: { 'requests.storage': '1' }, scopes: ['BestEffort', 'NotBestEffort'] }),
    errors: [
      'spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: unsupported scope applied to resource',
      'spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes',
    ],
  },
  {
    what: 'a scope selector on the wrong resource',
    entry: resourceQuotas,
    manifest: QUOTA({
      hard: { services: '1' },
      scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['a'] }] },
    }),
    errors: [
      'spec.scopeSelector.matchExpressions: Invalid value: {"MatchExpressions":[{"ScopeName":"PriorityClass","Operator":"In","Values":["a"]}]}: unsupported scope applied to resource',
    ],
  },
  {
    what: 'a claim quota by class of attributes',
    entry: resourceQuotas,
    manifest: QUOTA({ hard: { persistentvolumeclaims: '1' }, scopes: ['VolumeAttributesClass'] }),
    errors: [],
  },
  {
    what: 'a namespace with a finalizer that is none',
    entry: namespaces,
    manifest: { metadata: { name: 'o' }, spec: { finalizers: ['plain'] } },
    errors: [
      'spec.finalizers: Invalid value: "plain": name is neither a standard finalizer name nor is it fully qualified',
    ],
  },
  {
    what: 'a binding to no node',
    entry: bindings,
    manifest: { metadata: META, target: { kind: 'Pod', name: '' } },
    errors: [
      'target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>"',
      'target.name: Required value',
    ],
  },
  {
    what: 'a controller of nothing',
    entry: replicationControllers,
    manifest: { metadata: META, spec: { replicas: -1, minReadySeconds: -1 } },
    errors: [
      'spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0',
      'spec.selector: Required value',
      'spec.replicas: Invalid value: -1: must be greater than or equal to 0',
      'spec.template: Required value',
    ],
  },
]

test.each(CASES)('$what', ({ entry, manifest, errors }) => {
  expect(new StrategyRunner(entry).create(manifest).errors).toEqual(errors)
})

test('a limit range fills defaults from its limits and is named where it has no name', () => {
  const { object } = new StrategyRunner(limitRanges).create({
    metadata: { namespace: 'n' },
    spec: { limits: [{ type: 'Container', max: { cpu: '2' }, min: { memory: '10Mi', cpu: '0.1m' } }] },
  })
  expect(object.metadata.name).toBe('new-uid')
  expect(object['spec']).toEqual({
    limits: [
      {
        type: 'Container',
        max: { cpu: '2' },
        min: { memory: '10Mi', cpu: '1m' },
        default: { cpu: '2' },
        defaultRequest: { memory: '10Mi', cpu: '2' },
      },
    ],
  })
})

test('a quota whose requests are above its limits is taken with a warning', () => {
  const hard = { cpu: '3', 'limits.cpu': '2', 'requests.memory': '2Gi', 'limits.memory': '1Gi' }
  expect(new StrategyRunner(resourceQuotas).create(QUOTA({ hard })).warnings).toEqual([
    'ResourceQuota cpu (3) should be less than limits.cpu (2)',
    'ResourceQuota requests.memory (2Gi) should be less than limits.memory (1Gi)',
  ])
})

test('scopes of a quota never change, in whatever order they stand', () => {
  const runner = new StrategyRunner(resourceQuotas)
  const old = runner.read(QUOTA({ scopes: ['BestEffort', 'Terminating'] }))
  expect(runner.update(QUOTA({ scopes: ['Terminating', 'BestEffort'] }), old).errors).toEqual([])
  expect(runner.update(QUOTA({}), old).errors).toEqual(['spec.scopes: Invalid value: null: field is immutable'])
})

test('an account keeps only the names of its secrets and warns of an old annotation once', () => {
  const runner = new StrategyRunner(serviceAccounts)
  const annotations = { 'kubernetes.io/enforce-mountable-secrets': 'true' }
  const manifest = { metadata: { ...META, annotations }, secrets: [{ name: 'a', kind: 'x' }, {}] }
  const { object, warnings } = runner.create(manifest)
  expect(object['secrets']).toEqual([{ name: 'a' }, {}])
  expect(warnings).toEqual([
    'metadata.annotations[kubernetes.io/enforce-mountable-secrets]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets',
  ])
  expect(runner.update(manifest, object).warnings).toEqual([])
})

test('a namespace is labelled with its name, active, and carries the finalizer of its contents', () => {
  const runner = new StrategyRunner(namespaces)
  const { object } = runner.create({
    metadata: { name: 'o' },
    spec: { finalizers: ['a.b/c'] },
    status: { phase: 'Terminating' },
  })
  expect(object).toMatchObject({
    metadata: { labels: { 'kubernetes.io/metadata.name': 'o' } },
    spec: { finalizers: ['a.b/c', 'kubernetes'] },
    status: { phase: 'Active' },
  })
  const phase = runner.update({ metadata: { name: 'o' }, status: { phase: 'Terminating' } }, object, 'status')
  expect(phase.errors).toEqual([
    'status.Phase: Invalid value: "Terminating": may only be \'Active\' if `deletionTimestamp` is empty',
  ])
  const emptied = runner.update({ metadata: { name: 'o' }, spec: {} }, object, 'finalize')
  expect(emptied.errors).toEqual([])
  expect(namespaces.deletion!.isTerminated!(emptied.object)).toBe(true)
})

test('a namespace that is deleted terminates, with the finalizer that the options ask for', () => {
  const runner = new StrategyRunner(namespaces)
  const { object } = runner.create({ metadata: { name: 'o', finalizers: ['orphan'] } })
  namespaces.deletion!.beginTermination!(object, { propagationPolicy: 'Foreground' }, runner.context)
  expect(object).toMatchObject({
    metadata: { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['foregroundDeletion'] },
    status: { phase: 'Terminating' },
  })
})

test('endpoints that an update leaves alone stay valid', () => {
  const runner = new StrategyRunner(endpoints)
  const bad = SUBSET({ addresses: [{ ip: '127.0.0.1' }] })
  expect(runner.update(bad, runner.read(bad)).errors).toEqual([])
  expect(runner.update(SUBSET({ addresses: [{ ip: '127.0.0.2' }] }), runner.read(bad)).errors).toHaveLength(1)
})

test('a strict event needs time and type, and may not look like an old one', () => {
  const event = EVENT({ count: 1, firstTimestamp: '2026-01-01T00:00:00Z', source: { host: 'h' }, series: { count: 1 } })
  expect(validateNewEvent(event as unknown as Event).map(fieldErrorMessage)).toEqual([
    'series.count: Invalid value: "": should be at least 2',
    'series.lastObservedTime: Required value',
    'eventTime: Required value',
    'type: Invalid value: "": has invalid value: ',
    'firstTimestamp: Invalid value: "": needs to be unset',
    'count: Invalid value: "": needs to be unset',
    'source: Invalid value: "": needs to be unset',
  ])
})

test('a strict update changes the series alone', () => {
  const old = {
    ...EVENT({ reason: 'r', type: 'Normal' }),
    metadata: { ...META, resourceVersion: '1' },
  } as unknown as Event
  const event = { ...old, reason: 's', series: { count: 2, lastObservedTime: '2026-01-01T00:00:00.000000Z' } }
  expect(validateNewEventUpdate(event, old).map(fieldErrorMessage)).toEqual([
    'reason: Invalid value: "s": field is immutable',
    'reason: Invalid value: "s": field is immutable',
  ])
})

const TEMPLATE = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } }

test('a controller takes selector and labels from its template, and counts changes of its spec', () => {
  const runner = new StrategyRunner(replicationControllers)
  const { object, errors } = runner.create({ metadata: META, spec: { template: TEMPLATE } })
  expect(errors).toEqual([])
  expect(object).toMatchObject({
    metadata: { generation: 1, labels: { a: 'b' } },
    spec: { replicas: 1, selector: { a: 'b' } },
    status: { replicas: 0 },
  })
  const manifest = (replicas: number): Manifest => ({
    metadata: { ...META, generation: 1 },
    spec: { replicas, template: TEMPLATE },
  })
  expect(runner.update(manifest(1), object).object.metadata.generation).toBe(1)
  expect(runner.update(manifest(2), object).object.metadata.generation).toBe(2)
  const status = { replicas: 1, readyReplicas: 2, availableReplicas: 3 }
  expect(runner.update({ metadata: { ...META, generation: 1 }, status }, object, 'status').errors).toEqual([
    'status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas',
    'status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas',
    'status.availableReplicas: Invalid value: 3: cannot be greater than readyReplicas',
  ])
  expect(replicationControllers.scale!.selector(object)).toBe('a=b')
})
