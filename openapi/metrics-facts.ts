/**
 * Facts of metrics.k8s.io/v1beta1, which upstream leaves to an add-on and which is served where nodes are simulated.
 *
 * @see k8s.io/metrics pkg/apis/metrics/v1beta1; kubernetes-sigs/metrics-server manifests/base
 */
import type { GroupFact, MessageField, ResourceFact, RoleFact } from './data.ts'
import type { DefinitionFact, FieldFact } from './schema-facts.ts'

const GROUP = 'metrics.k8s.io'
const VERSION = 'v1beta1'
const METRICS = 'io.k8s.metrics.pkg.apis.metrics.v1beta1'
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1'
const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity'

export const METRICS_GROUP: GroupFact = {
  name: GROUP,
  versions: [],
  optionalVersions: [VERSION],
  apiServicePriority: { [VERSION]: [100, 100] },
}

const resource = (name: string, kind: string, namespaced: boolean): ResourceFact => ({
  group: GROUP,
  version: VERSION,
  resource: name,
  singular: '',
  kind,
  namespaced,
  verbs: ['get', 'list'],
  shortNames: [],
  categories: [],
  storageVersionHash: undefined,
  storageVersion: undefined,
  storagePrefix: undefined,
  subresources: [],
})

export const METRICS_RESOURCES: readonly ResourceFact[] = [
  resource('nodes', 'NodeMetrics', false),
  resource('pods', 'PodMetrics', true),
]

/** A role that the aggregated roles of every cluster take up. */
export const METRICS_READER: RoleFact = {
  name: 'system:aggregated-metrics-reader',
  labels: Object.fromEntries(
    ['admin', 'edit', 'view'].map((role) => [`rbac.authorization.k8s.io/aggregate-to-${role}`, 'true']),
  ),
  rules: [{ apiGroups: [GROUP], resources: ['pods', 'nodes'], verbs: ['get', 'list', 'watch'] }],
}

const TYPE_META: Readonly<Record<string, FieldFact>> = { kind: { type: 'string' }, apiVersion: { type: 'string' } }
const USAGE: FieldFact = {
  type: 'object',
  additionalProperties: { $ref: QUANTITY },
  go: 'v1.ResourceList=map[v1.ResourceName]resource.Quantity',
  omit: 'never',
  zero: null,
}

const metricsOf = (kind: string, what: Readonly<Record<string, FieldFact>>): DefinitionFact => ({
  gvk: [[GROUP, VERSION, kind]],
  type: 'object',
  required: ['timestamp', 'window', ...Object.keys(what)],
  properties: {
    ...TYPE_META,
    metadata: { $ref: `${META}.ObjectMeta`, default: {}, omit: 'never', zero: {} },
    timestamp: { $ref: `${META}.Time`, omit: 'never', zero: null },
    window: { $ref: `${META}.Duration`, omit: 'never', zero: '0s' },
    ...what,
  },
})

const listOf = (kind: string): DefinitionFact => ({
  gvk: [[GROUP, VERSION, `${kind}List`]],
  type: 'object',
  required: ['items'],
  properties: {
    ...TYPE_META,
    metadata: { $ref: `${META}.ListMeta`, default: {}, omit: 'never', zero: {} },
    items: { type: 'array', items: { $ref: `${METRICS}.${kind}` }, omit: 'never', zero: null },
  },
})

export const METRICS_DEFINITIONS: Readonly<Record<string, DefinitionFact>> = {
  [`${METRICS}.ContainerMetrics`]: {
    type: 'object',
    required: ['name', 'usage'],
    properties: { name: { type: 'string', default: '', omit: 'never', zero: '' }, usage: USAGE },
  },
  [`${METRICS}.NodeMetrics`]: metricsOf('NodeMetrics', { usage: USAGE }),
  [`${METRICS}.NodeMetricsList`]: listOf('NodeMetrics'),
  [`${METRICS}.PodMetrics`]: metricsOf('PodMetrics', {
    containers: { type: 'array', items: { $ref: `${METRICS}.ContainerMetrics` }, omit: 'never', zero: null },
  }),
  [`${METRICS}.PodMetricsList`]: listOf('PodMetrics'),
  [`${META}.Duration`]: { type: 'string' },
}

const common: readonly MessageField[] = [
  [1, 'metadata', `${META}.ObjectMeta`, ''],
  [2, 'timestamp', `${META}.Time`, ''],
  [3, 'window', `${META}.Duration`, ''],
]

const listMessage = (kind: string): readonly MessageField[] => [
  [1, 'metadata', `${META}.ListMeta`, ''],
  [2, 'items', `${METRICS}.${kind}`, 'r'],
]

export const METRICS_MESSAGES: Readonly<Record<string, readonly MessageField[]>> = {
  [`${METRICS}.ContainerMetrics`]: [
    [1, 'name', 'string', ''],
    [2, 'usage', QUANTITY, 'm'],
  ],
  [`${METRICS}.NodeMetrics`]: [...common, [4, 'usage', QUANTITY, 'm']],
  [`${METRICS}.NodeMetricsList`]: listMessage('NodeMetrics'),
  [`${METRICS}.PodMetrics`]: [...common, [4, 'containers', `${METRICS}.ContainerMetrics`, 'r']],
  [`${METRICS}.PodMetricsList`]: listMessage('PodMetrics'),
  [`${META}.Duration`]: [[1, 'duration', 'int64', '']],
}
