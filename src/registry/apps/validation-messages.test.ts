import { describe, expect, test } from 'vitest'
import { systemClock } from '../../apimachinery/clock.ts'
import { cloneJson } from '../../apimachinery/clone.ts'
import { fieldErrorMessage } from '../../apimachinery/field-error.ts'
import type { JsonObject, KubeObject } from '../../apimachinery/kube-object.ts'
import { applyMergePatch } from '../../apimachinery/patch/merge-patch.ts'
import { typeOfKind } from '../../apimachinery/schema/builtin-types.ts'
import { decode } from '../../apimachinery/schema/decode.ts'
import { parseJsonExact } from '../../apimachinery/schema/json-text.ts'
import { autoscalingEntries } from '../autoscaling/entries.ts'
import { batchEntries } from '../batch/entries.ts'
import { coordinationEntries } from '../coordination/entries.ts'
import { discoveryEntries } from '../discovery/entries.ts'
import { networkingEntries } from '../networking/entries.ts'
import { nodeEntries } from '../node/entries.ts'
import { policyEntries } from '../policy/entries.ts'
import type { AnyResourceEntry, StrategyContext } from '../resource.ts'
import { schedulingEntries } from '../scheduling/entries.ts'
import { appsEntries } from './entries.ts'

/**
 * Messages of validation, kind by kind. What is expected is taken from upstream's pkg/apis/<group>/validation at
 * v1.36 and from recorded answers of a kube-apiserver, never from this project's own output.
 */
const CONTEXT: StrategyContext = {
  clock: systemClock,
  config: {
    allowPrivileged: false,
    serviceClusterIpRanges: ['10.0.0.0/24'],
    serviceNodePortRange: { first: 30000, last: 32767 },
    eventTtlSeconds: 3600,
    featureGates: {},
  },
  namespace: 'ns',
  user: undefined,
  newUid: () => 'u',
  warn: () => {},
}

const podSpec = { containers: [{ name: 'c', image: 'i' }] }
const template = { metadata: { labels: { a: 'b' } }, spec: podSpec }
const selector = { matchLabels: { a: 'b' } }
const jobTemplate = { spec: { ...podSpec, restartPolicy: 'Never' } }
const backend = { service: { name: 's', port: { number: 80 } } }

interface Kind {
  readonly kind: string
  readonly entry: AnyResourceEntry
  readonly valid: JsonObject
}

function kindOf(entries: readonly AnyResourceEntry[], resource: string, kind: string, valid: JsonObject): Kind {
  return { kind, entry: entries.find((entry) => entry.resource === resource)!, valid }
}

const KINDS = {
  deployment: kindOf(appsEntries, 'deployments', 'Deployment', { spec: { selector, template } }),
  replicaSet: kindOf(appsEntries, 'replicasets', 'ReplicaSet', { spec: { selector, template } }),
  daemonSet: kindOf(appsEntries, 'daemonsets', 'DaemonSet', { spec: { selector, template } }),
  statefulSet: kindOf(appsEntries, 'statefulsets', 'StatefulSet', { spec: { serviceName: 's', selector, template } }),
  revision: kindOf(appsEntries, 'controllerrevisions', 'ControllerRevision', { revision: 1, data: { a: 1 } }),
  job: kindOf(batchEntries, 'jobs', 'Job', { spec: { template: jobTemplate } }),
  cronJob: kindOf(batchEntries, 'cronjobs', 'CronJob', {
    spec: { schedule: '* * * * *', jobTemplate: { spec: { template: jobTemplate } } },
  }),
  hpa: kindOf(autoscalingEntries, 'horizontalpodautoscalers', 'HorizontalPodAutoscaler', {
    spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' }, maxReplicas: 3 },
  }),
  pdb: kindOf(policyEntries, 'poddisruptionbudgets', 'PodDisruptionBudget', { spec: { selector, minAvailable: 1 } }),
  ingress: kindOf(networkingEntries, 'ingresses', 'Ingress', { spec: { defaultBackend: backend } }),
  ingressClass: kindOf(networkingEntries, 'ingressclasses', 'IngressClass', { spec: { controller: 'example.com/c' } }),
  networkPolicy: kindOf(networkingEntries, 'networkpolicies', 'NetworkPolicy', { spec: { podSelector: {} } }),
  serviceCidr: kindOf(networkingEntries, 'servicecidrs', 'ServiceCIDR', { spec: { cidrs: ['10.1.0.0/16'] } }),
  ipAddress: kindOf(networkingEntries, 'ipaddresses', 'IPAddress', {
    metadata: { name: '10.0.0.1' },
    spec: { parentRef: { resource: 'services', namespace: 'ns', name: 's' } },
  }),
  slice: kindOf(discoveryEntries, 'endpointslices', 'EndpointSlice', { addressType: 'IPv4', endpoints: [] }),
  lease: kindOf(coordinationEntries, 'leases', 'Lease', { spec: { holderIdentity: 'h' } }),
  priorityClass: kindOf(schedulingEntries, 'priorityclasses', 'PriorityClass', { value: 1 }),
  runtimeClass: kindOf(nodeEntries, 'runtimeclasses', 'RuntimeClass', { handler: 'h' }),
} as const

type KindName = keyof typeof KINDS

/** The valid object of a kind with a merge patch over it, decoded and defaulted. */
function made(name: KindName, patch: JsonObject): KubeObject {
  const { entry, kind, valid } = KINDS[name]
  const apiVersion = `${entry.group}/${entry.hubVersion}`
  const node = typeOfKind({ group: entry.group, version: entry.hubVersion, kind })
  const json = applyMergePatch({ apiVersion, kind, metadata: { name: 'x' }, ...valid }, patch)
  const object = decode(parseJsonExact(Buffer.from(JSON.stringify(json))), node).object as KubeObject
  if (!['ingressClass', 'serviceCidr', 'ipAddress', 'priorityClass', 'runtimeClass'].includes(name)) {
    object.metadata.namespace = 'ns'
  }
  object.metadata.uid = 'u'
  entry.defaults?.(object)
  return object
}

function createErrors(name: KindName, patch: JsonObject): string[] {
  const { strategy } = KINDS[name].entry
  const object = made(name, patch)
  strategy.prepareForCreate?.(object, CONTEXT)
  return strategy.validate(object, CONTEXT).map(fieldErrorMessage)
}

function stored(name: KindName, patch: JsonObject): KubeObject {
  const object = made(name, patch)
  KINDS[name].entry.strategy.prepareForCreate?.(object, CONTEXT)
  object.metadata.resourceVersion = '1'
  return object
}

function updated(name: KindName, before: JsonObject, change: JsonObject, subresource?: string) {
  const { entry } = KINDS[name]
  const old = stored(name, before)
  const object = applyMergePatch(cloneJson(old) as unknown as JsonObject, change) as unknown as KubeObject
  const strategy = subresource ? entry.subresourceStrategies![subresource]! : entry.strategy
  strategy.prepareForUpdate?.(object, old, CONTEXT)
  return { object, errors: strategy.validateUpdate(object, old, CONTEXT).map(fieldErrorMessage) }
}

const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
const PERCENT =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
const NEGATIVE = 'Invalid value: -1: must be greater than or equal to 0'

type Case = readonly [title: string, kind: KindName, patch: JsonObject, errors: readonly string[]]

const CREATE: readonly Case[] = [
  ...(Object.keys(KINDS) as KindName[]).map((name): Case => [`${name}: the valid object`, name, {}, []]),

  ['deployment: name', 'deployment', { metadata: { name: 'A' } }, [`metadata.name: Invalid value: "A": ${SUBDOMAIN}`]],
  ['deployment: replicas', 'deployment', { spec: { replicas: -1 } }, [`spec.replicas: ${NEGATIVE}`]],
  [
    'deployment: no selector',
    'deployment',
    { spec: { selector: null } },
    [
      'spec.selector: Required value',
      'spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`',
    ],
  ],
  [
    'deployment: empty selector',
    'deployment',
    { spec: { selector: { matchLabels: null } } },
    ['spec.selector: Invalid value: {}: empty selector is invalid for deployment'],
  ],
  [
    'deployment: selector of other labels',
    'deployment',
    { spec: { selector: { matchLabels: { z: 'y' } } } },
    ['spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`'],
  ],
  [
    'deployment: strategy type prints the internal struct',
    'deployment',
    { spec: { strategy: { type: 'Blue', rollingUpdate: { maxSurge: 2 } } } },
    [
      'spec.strategy: Unsupported value: {"Type":"Blue","RollingUpdate":{"MaxUnavailable":0,"MaxSurge":2}}: supported values: "Recreate", "RollingUpdate"',
    ],
  ],
  [
    'deployment: Recreate takes no rollingUpdate',
    'deployment',
    { spec: { strategy: { type: 'Recreate', rollingUpdate: {} } } },
    ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
  ],
  [
    'deployment: both amounts zero',
    'deployment',
    { spec: { strategy: { rollingUpdate: { maxSurge: '0%', maxUnavailable: 0 } } } },
    ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0'],
  ],
  [
    'deployment: amounts malformed, negative, above a hundred percent',
    'deployment',
    { spec: { strategy: { rollingUpdate: { maxSurge: 'x', maxUnavailable: '101%' } } } },
    [
      `spec.strategy.rollingUpdate.maxSurge: Invalid value: "x": ${PERCENT}`,
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
    ],
  ],
  [
    'deployment: progress deadline',
    'deployment',
    { spec: { minReadySeconds: 30, progressDeadlineSeconds: 30 } },
    ['spec.progressDeadlineSeconds: Invalid value: 30: must be greater than minReadySeconds'],
  ],
  [
    'deployment: counts',
    'deployment',
    { spec: { minReadySeconds: -1, revisionHistoryLimit: -1 } },
    [`spec.minReadySeconds: ${NEGATIVE}`, `spec.revisionHistoryLimit: ${NEGATIVE}`],
  ],
  [
    'deployment: pods are kept running',
    'deployment',
    { spec: { template: { spec: { restartPolicy: 'Never', activeDeadlineSeconds: 5 } } } },
    [
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
      'spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported',
    ],
  ],
  [
    'deployment: finalizer without a domain',
    'deployment',
    { metadata: { finalizers: ['mine'] } },
    [
      'metadata.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
    ],
  ],

  [
    'replicaSet: counts',
    'replicaSet',
    { spec: { replicas: -1, minReadySeconds: -1 } },
    [`spec.replicas: ${NEGATIVE}`, `spec.minReadySeconds: ${NEGATIVE}`],
  ],
  [
    'replicaSet: an empty selector is called one of a deployment, as upstream',
    'replicaSet',
    { spec: { selector: { matchLabels: null } } },
    ['spec.selector: Invalid value: {}: empty selector is invalid for deployment'],
  ],

  [
    'daemonSet: both amounts',
    'daemonSet',
    { spec: { updateStrategy: { rollingUpdate: { maxSurge: 1 } } } },
    ['spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero'],
  ],
  [
    'daemonSet: neither amount',
    'daemonSet',
    { spec: { updateStrategy: { rollingUpdate: { maxUnavailable: 0 } } } },
    ['spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0'],
  ],
  [
    'daemonSet: strategy type',
    'daemonSet',
    { spec: { updateStrategy: { type: 'Recreate' } } },
    [
      'spec.updateStrategy: Unsupported value: {"Type":"Recreate","RollingUpdate":null}: supported values: "RollingUpdate", "OnDelete"',
    ],
  ],
  [
    'daemonSet: empty selector selects everything and is refused',
    'daemonSet',
    { spec: { selector: { matchLabels: null } } },
    ['spec.selector: Invalid value: {}: empty selector is invalid for daemonset'],
  ],
  [
    'daemonSet: deadline',
    'daemonSet',
    { spec: { template: { spec: { activeDeadlineSeconds: 5 } } } },
    ['spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in DaemonSet is not Supported'],
  ],

  [
    'statefulSet: name is a label',
    'statefulSet',
    { metadata: { name: 'a.b' } },
    ['metadata.name: Invalid value: "a.b": must not contain dots'],
  ],
  [
    'statefulSet: service name',
    'statefulSet',
    { spec: { serviceName: 'A_' } },
    [`spec.serviceName: Invalid value: "A_": ${LABEL}`],
  ],
  [
    'statefulSet: policies',
    'statefulSet',
    {
      spec: {
        podManagementPolicy: 'Random',
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Keep', whenScaled: 'Drop' },
      },
    },
    [
      "spec.podManagementPolicy: Invalid value: \"Random\": must be 'OrderedReady' or 'Parallel'",
      'spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: "Keep": supported values: "Retain", "Delete"',
      'spec.persistentVolumeClaimRetentionPolicy.whenScaled: Unsupported value: "Drop": supported values: "Retain", "Delete"',
    ],
  ],
  [
    'statefulSet: OnDelete takes no rollingUpdate',
    'statefulSet',
    { spec: { updateStrategy: { type: 'OnDelete', rollingUpdate: { partition: 2 } } } },
    [
      'spec.updateStrategy.rollingUpdate: Invalid value: {"Partition":2,"MaxUnavailable":null}: only allowed for updateStrategy \'RollingUpdate\'',
    ],
  ],
  [
    "statefulSet: counts, in upstream's order",
    'statefulSet',
    {
      spec: {
        replicas: -1,
        minReadySeconds: -1,
        ordinals: { start: -1 },
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: -1 } },
      },
    },
    [
      `spec.updateStrategy.rollingUpdate.partition: ${NEGATIVE}`,
      `spec.replicas: ${NEGATIVE}`,
      `spec.minReadySeconds: ${NEGATIVE}`,
      `spec.ordinals.start: ${NEGATIVE}`,
    ],
  ],

  ['revision: negative', 'revision', { revision: -1 }, [`revision: ${NEGATIVE}`]],
  ['revision: no data', 'revision', { data: null }, ['data: Required value: data is mandatory']],
  [
    'revision: data is no object',
    'revision',
    { data: [1] },
    ['data: Required value: data must be a valid JSON object'],
  ],

  [
    'job: counts',
    'job',
    {
      spec: {
        parallelism: -1,
        completions: -1,
        backoffLimit: -1,
        activeDeadlineSeconds: -1,
        ttlSecondsAfterFinished: -1,
      },
    },
    ['parallelism', 'completions', 'activeDeadlineSeconds', 'backoffLimit', 'ttlSecondsAfterFinished'].map(
      (field) => `spec.${field}: ${NEGATIVE}`,
    ),
  ],
  [
    'job: restart policy is required',
    'job',
    { spec: { template: { spec: { restartPolicy: null } } } },
    ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
  ],
  [
    'job: per-index limits need Indexed',
    'job',
    { spec: { backoffLimitPerIndex: 1, maxFailedIndexes: 1 } },
    [
      'spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode',
      'spec.maxFailedIndexes: Invalid value: 1: requires indexed completion mode',
    ],
  ],
  [
    'job: maxFailedIndexes needs its companion',
    'job',
    { spec: { completionMode: 'Indexed', completions: 2, maxFailedIndexes: 3 } },
    [
      'spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified',
      'spec.maxFailedIndexes: Invalid value: 3: must be less than or equal to completions',
    ],
  ],
  [
    'job: Indexed needs completions',
    'job',
    { spec: { completionMode: 'Indexed', parallelism: 100001 } },
    [
      'spec.completions: Required value: when completion mode is Indexed',
      'spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is Indexed',
    ],
  ],
  [
    'job: very many indexes',
    'job',
    { spec: { completionMode: 'Indexed', completions: 100001, parallelism: 10001, backoffLimitPerIndex: 1 } },
    [
      'spec.maxFailedIndexes: Required value: must be specified when completions is above 100000',
      'spec.parallelism: Invalid value: 10001: must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index',
    ],
  ],
  [
    'job: completion mode',
    'job',
    { spec: { completionMode: 'Some' } },
    ['spec.completionMode: Unsupported value: "Some": supported values: "NonIndexed", "Indexed"'],
  ],
  [
    'job: success policy needs Indexed',
    'job',
    { spec: { successPolicy: { rules: [{ succeededCount: 1 }] } } },
    [
      'spec.successPolicy: Invalid value: {"Rules":[{"SucceededIndexes":null,"SucceededCount":1}]}: requires indexed completion mode',
    ],
  ],
  [
    'job: success policy rules',
    'job',
    {
      spec: {
        completionMode: 'Indexed',
        completions: 5,
        successPolicy: {
          rules: [
            {},
            { succeededIndexes: '1-9' },
            { succeededIndexes: '1,0' },
            { succeededIndexes: '0-1', succeededCount: 3 },
            { succeededCount: 6 },
          ],
        },
      },
    },
    [
      'spec.successPolicy.rules[0]: Required value: at least one of succeededCount or succeededIndexes must be specified',
      'spec.successPolicy.rules[1].succeededIndexes: Invalid value: "1-9": error parsing succeededIndexes: too large index: "9"',
      'spec.successPolicy.rules[2].succeededIndexes: Invalid value: "1,0": error parsing succeededIndexes: non-increasing order, previous: 1, current: 0',
      'spec.successPolicy.rules[3].succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of indexes in the specified succeededIndexes field)',
      'spec.successPolicy.rules[4].succeededCount: Invalid value: 6: must be less than or equal to 5 (the number of specified completions)',
    ],
  ],
  [
    'job: pod failure policy rules',
    'job',
    {
      spec: {
        podFailurePolicy: {
          rules: [
            { action: 'FailIndex', onExitCodes: { operator: 'In', values: [0] } },
            { action: 'Retry', onPodConditions: [{ type: 'Ready', status: 'Maybe' }] },
            { action: 'Ignore' },
            { action: 'Count', onExitCodes: { containerName: 'z', operator: 'NotIn', values: [2, 1, 1] } },
          ],
        },
      },
    },
    [
      'spec.podFailurePolicy.rules[0].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set',
      'spec.podFailurePolicy.rules[0].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator',
      'spec.podFailurePolicy.rules[1].action: Unsupported value: "Retry": supported values: "Count", "FailIndex", "FailJob", "Ignore"',
      'spec.podFailurePolicy.rules[1].onPodConditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"',
      'spec.podFailurePolicy.rules[2]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required',
      'spec.podFailurePolicy.rules[3].onExitCodes.containerName: Invalid value: "z": must be one of the container or initContainer names in the pod template',
      'spec.podFailurePolicy.rules[3].onExitCodes.values[2]: Duplicate value: 1',
      'spec.podFailurePolicy.rules[3].onExitCodes.values: Invalid value: [2,1,1]: must be ordered',
    ],
  ],
  [
    'job: replacement policy beside a pod failure policy',
    'job',
    {
      spec: {
        podReplacementPolicy: 'TerminatingOrFailed',
        podFailurePolicy: { rules: [] },
        template: { spec: { restartPolicy: 'OnFailure' } },
      },
    },
    [
      'spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"',
      'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified',
    ],
  ],
  [
    'job: pods of an indexed job need a name that fits',
    'job',
    { metadata: { name: 'n'.repeat(62) }, spec: { completionMode: 'Indexed', completions: 20 } },
    [
      `metadata.name: Invalid value: "${'n'.repeat(62)}": will not able to create pod with invalid DNS label: ${'n'.repeat(62)}-19`,
    ],
  ],
  [
    'job: selector of its own without manualSelector',
    'job',
    { spec: { selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': 'other' } } } },
    [
      'spec.selector: Invalid value: {"matchLabels":{"batch.kubernetes.io/controller-uid":"other"}}: `selector` not auto-generated',
      'spec.template.metadata.labels: Invalid value: {"batch.kubernetes.io/controller-uid":"u","batch.kubernetes.io/job-name":"x","controller-uid":"u","job-name":"x"}: `selector` does not match template `labels`',
    ],
  ],

  ...(
    [
      ['61 * * * *', 'end of range (61) above maximum (59): 61'],
      ['* * 0 * *', 'beginning of range (0) below minimum (1): 0'],
      ['5-1 * * * *', 'beginning of range (5) beyond end of range (1): 5-1'],
      ['1-2-3 * * * *', 'too many hyphens: 1-2-3'],
      ['*/2/3 * * * *', 'too many slashes: */2/3'],
      ['*/0 * * * *', 'step of range should be a positive number: */0'],
      ['x * * * *', 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'],
      ['* * *', 'expected exactly 5 fields, found 3: [* * *]'],
      ['@often', 'unrecognized descriptor: @often'],
      ['@every x', 'failed to parse duration @every x: time: invalid duration "x"'],
    ] as const
  ).map(
    ([schedule, why]): Case => [
      `cronJob: schedule ${schedule}`,
      'cronJob',
      { spec: { schedule } },
      [`spec.schedule: Invalid value: "${schedule}": ${why}`],
    ],
  ),
  ...['@hourly', '@every 1h30m', '0-30/7,45 1-3 ? JAN-mar mon,FRI', '0 0 31 2 *'].map(
    (schedule): Case => [`cronJob: schedule ${schedule} is fine`, 'cronJob', { spec: { schedule } }, []],
  ),
  ['cronJob: no schedule', 'cronJob', { spec: { schedule: '' } }, ['spec.schedule: Required value']],
  [
    'cronJob: zone in the schedule',
    'cronJob',
    { spec: { schedule: 'TZ=UTC * * * * *' } },
    [
      'spec.schedule: Invalid value: "TZ=UTC * * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
    ],
  ],
  ...(
    [
      ['', 'timeZone must be nil or non-empty string'],
      ['Mars/Olympus', 'unknown time zone Mars/Olympus'],
      ['europe/rome', 'unknown time zone europe/rome'],
      ['../UTC', 'unknown time zone ../UTC'],
      ['Local', 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones'],
    ] as const
  ).map(
    ([timeZone, why]): Case => [
      `cronJob: zone ${timeZone}`,
      'cronJob',
      { spec: { timeZone } },
      [`spec.timeZone: Invalid value: "${timeZone}": ${why}`],
    ],
  ),
  ...['UTC', 'Etc/UTC', 'Europe/Rome', 'US/Pacific', 'Etc/GMT+5'].map(
    (timeZone): Case => [`cronJob: zone ${timeZone} is fine`, 'cronJob', { spec: { timeZone } }, []],
  ),
  [
    'cronJob: limits and policy',
    'cronJob',
    {
      spec: {
        startingDeadlineSeconds: -1,
        concurrencyPolicy: 'Queue',
        successfulJobsHistoryLimit: -1,
        failedJobsHistoryLimit: -1,
      },
    },
    [
      `spec.startingDeadlineSeconds: ${NEGATIVE}`,
      'spec.concurrencyPolicy: Unsupported value: "Queue": supported values: "Allow", "Forbid", "Replace"',
      `spec.successfulJobsHistoryLimit: ${NEGATIVE}`,
      `spec.failedJobsHistoryLimit: ${NEGATIVE}`,
    ],
  ],
  [
    'cronJob: name leaves room for the time',
    'cronJob',
    { metadata: { name: 'n'.repeat(53) } },
    [`metadata.name: Invalid value: "${'n'.repeat(53)}": must be no more than 52 characters`],
  ],

  [
    'hpa: replicas',
    'hpa',
    { spec: { minReplicas: 4, maxReplicas: 3 } },
    ['spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`'],
  ],
  [
    'hpa: no replicas',
    'hpa',
    { spec: { minReplicas: 0, maxReplicas: 0 } },
    [
      'spec.minReplicas: Invalid value: 0: must be greater than or equal to 1',
      'spec.maxReplicas: Required value: must be set and greater than 0',
      'spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas',
    ],
  ],
  [
    'hpa: target',
    'hpa',
    { spec: { scaleTargetRef: { apiVersion: 'v1', kind: 'a/b', name: null } } },
    [
      'spec.scaleTargetRef.kind: Invalid value: "a/b": may not contain \'/\'',
      'spec.scaleTargetRef.name: Required value',
      'spec.scaleTargetRef.apiVersion: Invalid value: "v1": apiVersion must specify API group',
    ],
  ],
  [
    'hpa: target apiVersion with two slashes',
    'hpa',
    { spec: { scaleTargetRef: { apiVersion: 'a/b/c' } } },
    ['spec.scaleTargetRef.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c'],
  ],
  [
    'hpa: a ReplicationController has no group',
    'hpa',
    { spec: { scaleTargetRef: { apiVersion: 'v1', kind: 'ReplicationController' } } },
    [],
  ],
  [
    'hpa: unknown metric type is reported twice, as upstream',
    'hpa',
    { spec: { metrics: [{ type: 'Odd' }] } },
    Array.from(
      { length: 2 },
      () =>
        'spec.metrics[0].type: Unsupported value: "Odd": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"',
    ),
  ],
  [
    'hpa: metric without its source',
    'hpa',
    { spec: { metrics: [{ type: 'Pods' }] } },
    ['spec.metrics[0].pods: Required value: must populate information for the given metric source'],
  ],
  [
    'hpa: resource metric with neither target, and with both',
    'hpa',
    {
      spec: {
        metrics: [
          { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization' } } },
          {
            type: 'Resource',
            resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 0, averageValue: '-1' } },
          },
        ],
      },
    },
    [
      'spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization',
      'spec.metrics[1].resource.target.averageValue: Invalid value: "-1": must be positive',
      'spec.metrics[1].resource.target.averageUtilization: Invalid value: 0: must be greater than 0',
      'spec.metrics[1].resource.target.averageValue: Forbidden: may not set both a target raw value and a target utilization',
    ],
  ],
  [
    'hpa: no scaling policies is not the same as none said',
    'hpa',
    { spec: { behavior: { scaleUp: { policies: [] }, scaleDown: { policies: [] } } } },
    ['scaleUp', 'scaleDown'].map(
      (side) => `spec.behavior.${side}.policies: Required value: must specify at least one Policy`,
    ),
  ],
  [
    'hpa: behaviour',
    'hpa',
    {
      spec: {
        behavior: {
          scaleUp: { stabilizationWindowSeconds: 3601, selectPolicy: 'Mid' },
          scaleDown: { policies: [{ type: 'Bytes', value: 0, periodSeconds: 1801 }], tolerance: '-1' },
        },
      },
    },
    [
      'spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600',
      'spec.behavior.scaleUp.selectPolicy: Unsupported value: "Mid": supported values: "Disabled", "Max", "Min"',
      'spec.behavior.scaleDown.policies[0].type: Unsupported value: "Bytes": supported values: "Percent", "Pods"',
      'spec.behavior.scaleDown.policies[0].value: Invalid value: 0: must be greater than zero',
      'spec.behavior.scaleDown.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800',
      'spec.behavior.scaleDown.tolerance: Invalid value: "-1": must be greater than or equal to 0',
    ],
  ],

  [
    'pdb: both amounts print the internal struct',
    'pdb',
    { spec: { maxUnavailable: '10%' } },
    [
      'spec: Invalid value: {"MinAvailable":1,"Selector":{"matchLabels":{"a":"b"}},"MaxUnavailable":"10%","UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set',
    ],
  ],
  ['pdb: negative', 'pdb', { spec: { minAvailable: -1 } }, [`spec.minAvailable: ${NEGATIVE}`]],
  [
    'pdb: percentages and policy',
    'pdb',
    { spec: { minAvailable: '101%', unhealthyPodEvictionPolicy: 'Never' } },
    [
      'spec.minAvailable: Invalid value: "101%": must not be greater than 100%',
      'spec.unhealthyPodEvictionPolicy: Unsupported value: "Never": supported values: "AlwaysAllow", "IfHealthyBudget"',
    ],
  ],

  [
    'ingress: neither backend nor rules',
    'ingress',
    { spec: { defaultBackend: null } },
    ['spec: Invalid value: null: either `defaultBackend` or `rules` must be specified'],
  ],
  [
    'ingress: backends',
    'ingress',
    { spec: { defaultBackend: { service: { name: 's', port: { name: 'p', number: 1 } } } } },
    ['spec.defaultBackend: Invalid value: "": cannot set both port name & port number'],
  ],
  [
    'ingress: backend of nothing',
    'ingress',
    { spec: { defaultBackend: { service: null } } },
    ['spec.defaultBackend: Invalid value: "": resource or service backend is required'],
  ],
  [
    'ingress: service without port, with a name that begins with a digit',
    'ingress',
    { spec: { defaultBackend: { service: { name: '1s', port: null } } } },
    ['spec.defaultBackend: Required value: port name or number is required'],
  ],
  [
    'ingress: paths',
    'ingress',
    {
      spec: {
        rules: [
          {
            host: '1.2.3.4',
            http: {
              paths: [
                { pathType: 'Exact', path: 'a//b', backend },
                { pathType: 'Prefix', path: '/a/..', backend },
                { pathType: 'Regex', path: '/', backend },
                { path: '/', backend },
                { pathType: 'ImplementationSpecific', backend },
              ],
            },
          },
          { host: 'h', http: {} },
        ],
      },
    },
    [
      'spec.rules[0].host: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
      'spec.rules[0].http.paths[0].path: Invalid value: "a//b": must be an absolute path',
      'spec.rules[0].http.paths[0].path: Invalid value: "a//b": must not contain \'//\'',
      'spec.rules[0].http.paths[1].path: Invalid value: "/a/..": cannot end with \'/..\'',
      'spec.rules[0].http.paths[2].pathType: Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix"',
      'spec.rules[0].http.paths[3].pathType: Required value: pathType must be specified',
      'spec.rules[1].http.paths: Required value',
    ],
  ],
  [
    'ingress: class by annotation and by field',
    'ingress',
    { metadata: { annotations: { 'kubernetes.io/ingress.class': 'a' } }, spec: { ingressClassName: 'b' } },
    [
      'annotations.kubernetes.io/ingress.class: Invalid value: "a": must match `ingressClassName` when both are specified',
    ],
  ],
  [
    'ingressClass: controller',
    'ingressClass',
    { spec: { controller: 'nodomain' } },
    ['spec.controller: Invalid value: "nodomain": must be a domain-prefixed path (such as "acme.io/foo")'],
  ],
  [
    'ingressClass: parameters by scope',
    'ingressClass',
    { spec: { parameters: { kind: 'K', name: 'n', scope: 'Namespace' } } },
    ["spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"],
  ],
  [
    'ingressClass: parameters of the cluster have no namespace',
    'ingressClass',
    { spec: { parameters: { kind: 'K', name: 'n', namespace: 'ns' } } },
    ["spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'"],
  ],
  [
    'ingressClass: parameters scope',
    'ingressClass',
    { spec: { parameters: { scope: 'World' } } },
    [
      'spec.parameters.kind: Required value',
      'spec.parameters.name: Required value',
      'spec.parameters.scope: Unsupported value: "World": supported values: "Cluster", "Namespace"',
    ],
  ],

  [
    'networkPolicy: ports',
    'networkPolicy',
    {
      spec: {
        ingress: [
          {
            ports: [
              { protocol: 'ICMP', port: 0 },
              { port: 80, endPort: 79 },
              { port: 'http', endPort: 80 },
              { endPort: 80 },
            ],
          },
        ],
      },
    },
    [
      'spec.ingress[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"',
      'spec.ingress[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
      'spec.ingress[0].ports[1].endPort: Invalid value: 80: must be greater than or equal to `port`',
      'spec.ingress[0].ports[2].endPort: Invalid value: 80: may not be specified when `port` is non-numeric',
      'spec.ingress[0].ports[3].endPort: Invalid value: 80: may not be specified when `port` is not specified',
    ],
  ],
  [
    'networkPolicy: peers',
    'networkPolicy',
    {
      spec: {
        egress: [
          {
            to: [
              {},
              { ipBlock: { cidr: '10.0.0.0/8' }, podSelector: {} },
              { ipBlock: {} },
              { ipBlock: { cidr: '10.0.0.1/8' } },
              { ipBlock: { cidr: '10.0.0.0/16', except: ['10.0.0.0/16', '10.1.0.0/24', 'x'] } },
            ],
          },
        ],
      },
    },
    [
      'spec.egress[0].to[0]: Required value: must specify a peer',
      'spec.egress[0].to[1]: Forbidden: may not specify both ipBlock and another peer',
      'spec.egress[0].to[2].ipBlock.cidr: Required value',
      'spec.egress[0].to[3].ipBlock.cidr: Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length',
      'spec.egress[0].to[4].ipBlock.except[0]: Invalid value: "10.0.0.0/16": must be a strict subset of `cidr`',
      'spec.egress[0].to[4].ipBlock.except[1]: Invalid value: "10.1.0.0/24": must be a strict subset of `cidr`',
      'spec.egress[0].to[4].ipBlock.except[2]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
    ],
  ],
  [
    'networkPolicy: types',
    'networkPolicy',
    { spec: { policyTypes: ['Ingress', 'Both'] } },
    ['spec.policyTypes[1]: Unsupported value: "Both": supported values: "Ingress", "Egress"'],
  ],

  [
    'serviceCidr: none',
    'serviceCidr',
    { spec: { cidrs: null } },
    ['spec.cidrs: Required value: at least one CIDR required'],
  ],
  [
    'serviceCidr: three',
    'serviceCidr',
    { spec: { cidrs: ['a', 'b', 'c'] } },
    ['spec.cidrs: Invalid value: {"CIDRs":["a","b","c"]}: may only hold up to 2 values'],
  ],
  [
    'serviceCidr: one family',
    'serviceCidr',
    { spec: { cidrs: ['10.1.0.0/16', '10.2.0.0/16'] } },
    [
      'spec.cidrs: Invalid value: ["10.1.0.0/16","10.2.0.0/16"]: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
    ],
  ],
  [
    'ipAddress: name in canonical form',
    'ipAddress',
    { metadata: { name: '2001:db8:0::1' } },
    ['metadata.name: Invalid value: "2001:db8:0::1": must be in canonical form ("2001:db8::1")'],
  ],
  ['ipAddress: no parent', 'ipAddress', { spec: { parentRef: null } }, ['spec.parentRef: Required value']],
  [
    'ipAddress: parent of nothing',
    'ipAddress',
    { spec: { parentRef: { resource: null, name: null } } },
    ['spec.parentRef.resource: Required value', 'spec.parentRef.name: Required value'],
  ],

  ['slice: no address type', 'slice', { addressType: null }, ['addressType: Required value']],
  [
    'slice: address type',
    'slice',
    { addressType: 'MAC' },
    ['addressType: Unsupported value: "MAC": supported values: "FQDN", "IPv4", "IPv6"'],
  ],
  [
    'slice: addresses',
    'slice',
    { endpoints: [{ addresses: [] }, { addresses: ['::1', '127.0.0.1', '169.254.1.1', '010.0.0.1'] }] },
    [
      'endpoints[0].addresses: Required value: must contain at least 1 address',
      'endpoints[1].addresses: Invalid value: "::1": must be an IPv4 address',
      'endpoints[1].addresses[0]: Invalid value: "::1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
      'endpoints[1].addresses[1]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
      'endpoints[1].addresses[2]: Invalid value: "169.254.1.1": may not be in the link-local range (169.254.0.0/16, fe80::/10)',
      'endpoints[1].addresses[3]: Invalid value: "010.0.0.1": must not have leading 0s',
    ],
  ],
  [
    'slice: ports',
    'slice',
    {
      ports: [
        { name: 'a', port: 1 },
        { name: 'a', protocol: 'X' },
      ],
    },
    [
      'ports[1].name: Duplicate value: "a"',
      'ports[1].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"',
    ],
  ],
  [
    'slice: hints',
    'slice',
    { endpoints: [{ addresses: ['10.0.0.1'], hints: { forZones: [{ name: 'z' }, { name: 'z' }] } }] },
    ['endpoints[0].hints.forZones[1].name: Duplicate value: "z"'],
  ],
  [
    'slice: too many of everything',
    'slice',
    { endpoints: [{ addresses: Array.from({ length: 101 }, (_, i) => `10.0.0.${i + 1}`) }] },
    ['endpoints[0].addresses: Too many: 101: must have at most 100 items'],
  ],

  [
    'lease: durations',
    'lease',
    { spec: { leaseDurationSeconds: 0, leaseTransitions: -1 } },
    [
      'spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0',
      'spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0',
    ],
  ],
  [
    'lease: fields of coordinated election are dropped',
    'lease',
    { spec: { strategy: 'Odd', preferredHolder: 'p' } },
    [],
  ],

  [
    'priorityClass: value of the system',
    'priorityClass',
    { value: 1000000001 },
    ['value: Forbidden: maximum allowed value of a user defined priority is 1000000000'],
  ],
  [
    'priorityClass: name of the system',
    'priorityClass',
    { metadata: { name: 'system-x' } },
    [
      "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-x is not a known system priority class",
    ],
  ],
  [
    'priorityClass: known name, other value',
    'priorityClass',
    { metadata: { name: 'system-node-critical' } },
    [
      "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: value of system-node-critical PriorityClass must be 2000001000",
    ],
  ],
  [
    "priorityClass: the system's own",
    'priorityClass',
    { metadata: { name: 'system-cluster-critical' }, value: 2000000000 },
    [],
  ],
  [
    'priorityClass: preemption',
    'priorityClass',
    { preemptionPolicy: 'Always' },
    ['preemptionPolicy: Unsupported value: "Always": supported values: "PreemptLowerPriority", "Never"'],
  ],

  ['runtimeClass: no handler', 'runtimeClass', { handler: null }, ['handler: Required value']],
  ['runtimeClass: handler', 'runtimeClass', { handler: 'A_' }, [`handler: Invalid value: "A_": ${LABEL}`]],
  [
    'runtimeClass: tolerations are unique',
    'runtimeClass',
    {
      scheduling: {
        tolerations: [
          { key: 'k', operator: 'Exists' },
          { key: 'k', operator: 'Exists', tolerationSeconds: null },
        ],
      },
    },
    [
      'scheduling.tolerations[1]: Duplicate value: {"Key":"k","Operator":"Exists","Value":"","Effect":"","TolerationSeconds":null}',
    ],
  ],
]

describe('create', () => {
  test.each(CREATE)('%s', (_title, kind, patch, errors) => {
    expect(createErrors(kind, patch)).toEqual(errors)
  })
})

const IMMUTABLE = 'field is immutable'
type UpdateCase = readonly [
  title: string,
  kind: KindName,
  before: JsonObject,
  change: JsonObject,
  errors: readonly string[],
]

const UPDATE: readonly UpdateCase[] = [
  [
    'deployment: selector',
    'deployment',
    {},
    { spec: { selector: { matchLabels: { x: 'y' } }, template: { metadata: { labels: { x: 'y' } } } } },
    [`spec.selector: Invalid value: {"matchLabels":{"a":"b","x":"y"}}: ${IMMUTABLE}`],
  ],
  [
    'statefulSet: what else may not change',
    'statefulSet',
    {},
    { spec: { serviceName: 'other' } },
    [
      "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    ],
  ],
  [
    'statefulSet: what may change',
    'statefulSet',
    {},
    { spec: { replicas: 5, ordinals: { start: 3 }, minReadySeconds: 2 } },
    [],
  ],
  ['revision: data', 'revision', {}, { data: { a: 2 } }, [`data: Invalid value: {"a":2}: ${IMMUTABLE}`]],
  ['job: completions', 'job', {}, { spec: { completions: 2 } }, [`spec.completions: Invalid value: 2: ${IMMUTABLE}`]],
  [
    'job: completions of an indexed job follow parallelism',
    'job',
    { spec: { completionMode: 'Indexed', completions: 2, parallelism: 2 } },
    { spec: { completions: 3 } },
    ['spec.completions: Invalid value: 3: can only be modified in tandem with spec.parallelism'],
  ],
  [
    'job: scaled in tandem',
    'job',
    { spec: { completionMode: 'Indexed', completions: 2, parallelism: 2 } },
    { spec: { completions: 3, parallelism: 3 } },
    [],
  ],
  [
    'job: suspended, scheduling directives and resources may change',
    'job',
    { spec: { suspend: true } },
    {
      spec: {
        template: {
          metadata: { annotations: { x: 'y' } },
          spec: {
            nodeSelector: { k: 'v' },
            containers: [
              {
                name: 'c',
                image: 'i',
                imagePullPolicy: 'Always',
                terminationMessagePath: '/dev/termination-log',
                terminationMessagePolicy: 'File',
                resources: { requests: { cpu: '1' } },
              },
            ],
          },
        },
      },
    },
    [],
  ],
  [
    'job: managedBy',
    'job',
    {},
    { spec: { managedBy: 'example.com/c' } },
    [`spec.managedBy: Invalid value: "example.com/c": ${IMMUTABLE}`],
  ],
  [
    'cronJob: a stored zone in the schedule excludes the field',
    'cronJob',
    { spec: { schedule: 'TZ=UTC * * * * *' } },
    { spec: { timeZone: 'UTC' } },
    ['spec.schedule: Invalid value: "TZ=UTC * * * * *": cannot use both timeZone field and TZ or CRON_TZ in schedule'],
  ],
  [
    'cronJob: a stored zone that is unknown stays',
    'cronJob',
    { spec: { timeZone: 'Mars' } },
    { spec: { suspend: true } },
    [],
  ],
  [
    'hpa: apiVersion of an unchanged target is not looked at',
    'hpa',
    { spec: { scaleTargetRef: { apiVersion: 'v1' } } },
    { spec: { maxReplicas: 9 } },
    [],
  ],
  [
    'ingressClass: controller',
    'ingressClass',
    {},
    { spec: { controller: 'example.com/other' } },
    [`spec.controller: Invalid value: "example.com/other": ${IMMUTABLE}`],
  ],
  [
    'networkPolicy: networks that are stored stay valid',
    'networkPolicy',
    { spec: { ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.1/8' } }] }] } },
    { spec: { egress: [{ to: [{ ipBlock: { cidr: '10.0.0.1/8' } }] }] } },
    [],
  ],
  [
    'serviceCidr: networks',
    'serviceCidr',
    {},
    { spec: { cidrs: ['10.9.0.0/16'] } },
    [`spec.cidrs[0]: Invalid value: "10.9.0.0/16": ${IMMUTABLE}`],
  ],
  [
    'serviceCidr: the other family may be added',
    'serviceCidr',
    {},
    { spec: { cidrs: ['10.1.0.0/16', '2001:db8::/64'] } },
    [],
  ],
  [
    'ipAddress: parent',
    'ipAddress',
    {},
    { spec: { parentRef: { name: 'other' } } },
    [`spec.parentRef: Invalid value: {"Group":"","Resource":"services","Namespace":"ns","Name":"other"}: ${IMMUTABLE}`],
  ],
  ['slice: address type', 'slice', {}, { addressType: 'IPv6' }, [`addressType: Invalid value: "IPv6": ${IMMUTABLE}`]],
  ['priorityClass: value', 'priorityClass', {}, { value: 2 }, ['value: Forbidden: may not be changed in an update.']],
  [
    'priorityClass: preemption',
    'priorityClass',
    {},
    { preemptionPolicy: 'Never' },
    [`preemptionPolicy: Invalid value: "Never": ${IMMUTABLE}`],
  ],
  [
    'runtimeClass: handler',
    'runtimeClass',
    {},
    { handler: 'other' },
    [`handler: Invalid value: "other": ${IMMUTABLE}`],
  ],
]

describe('update', () => {
  test.each(UPDATE)('%s', (_title, kind, before, change, errors) => {
    expect(updated(kind, before, change).errors).toEqual(errors)
  })

  test('job: the image of a template is printed inside the internal struct', () => {
    const { errors } = updated('job', {}, { spec: { template: { spec: { priorityClassName: 'p' } } } })
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatch(
      /^spec\.template: Invalid value: \{"labels":\{.*"Spec":\{"Volumes":null,.*: field is immutable$/,
    )
  })

  test.each([
    ['deployment', { metadata: { annotations: { x: 'y' } } }, 2],
    ['deployment', { metadata: { labels: { x: 'y' } } }, 1],
    ['deployment', { spec: { replicas: 7 } }, 2],
    ['deployment', { status: { replicas: 7 } }, 1],
    ['networkPolicy', { spec: { podSelector: { matchLabels: { x: 'y' } } } }, 2],
    ['slice', { metadata: { labels: { x: 'y' } } }, 2],
    ['slice', { metadata: { annotations: { x: 'y' } } }, 1],
    ['priorityClass', { description: 'd' }, 1],
  ] as const)('generation: %s %j → %i', (kind, change, generation) => {
    expect(updated(kind, {}, change).object.metadata.generation).toBe(generation)
  })

  test('daemonSet: a new template raises the generation in the annotation, another change does not', () => {
    const annotation = (change: JsonObject) =>
      updated('daemonSet', {}, change).object.metadata.annotations!['deprecated.daemonset.template.generation']
    expect(annotation({ spec: { template: { spec: { hostname: 'h' } } } })).toBe('2')
    expect(annotation({ spec: { minReadySeconds: 3 } })).toBe('1')
  })
})

describe('status', () => {
  test("deployment: counts against each other, in upstream's order; spec and labels stay", () => {
    const { object, errors } = updated(
      'deployment',
      {},
      {
        metadata: { labels: { x: 'y' } },
        spec: { replicas: 9 },
        status: { replicas: 1, readyReplicas: 1, updatedReplicas: 2, availableReplicas: 3 },
      },
      'status',
    )
    expect(errors).toEqual([
      'status.updatedReplicas: Invalid value: 2: cannot be greater than status.replicas',
      'status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas',
      'status.availableReplicas: Invalid value: 3: cannot be greater than readyReplicas',
    ])
    expect(object).toMatchObject({ spec: { replicas: 1 }, metadata: { labels: undefined } })
  })

  test('job: Complete needs what goes before it', () => {
    const conditions = [{ type: 'Complete', status: 'True' }]
    expect(updated('job', {}, { status: { active: 1, conditions } }, 'status').errors).toEqual([
      'status.completionTime: Required value: completionTime is required for Complete jobs',
      'status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition',
      'status.active: Invalid value: 1: active>0 is invalid for finished job',
      'status.startTime: Required value: startTime is required for finished job',
    ])
  })

  test('ingress: addresses of the load balancer', () => {
    const change = { status: { loadBalancer: { ingress: [{ ip: 'x' }, { hostname: '1.2.3.4' }] } } }
    expect(updated('ingress', {}, change, 'status').errors).toEqual([
      'status.loadBalancer.ingress[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      'status.loadBalancer.ingress[1].hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
    ])
  })

  test('pdb: counts', () => {
    const change = { status: { disruptionsAllowed: -1, expectedPods: -1 } }
    expect(updated('pdb', {}, change, 'status').errors).toEqual([
      `status.disruptionsAllowed: ${NEGATIVE}`,
      `status.expectedPods: ${NEGATIVE}`,
    ])
  })
})
