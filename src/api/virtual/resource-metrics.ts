import { notFound } from '../../apimachinery/api-error.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import { formatTime } from '../../apimachinery/clock.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import { parseQuantity, Quantity } from '../../apimachinery/quantity.ts'
import type { Node, Pod } from '../../apimachinery/types/core-v1.ts'
import type { Registry } from '../../registry/generic/registry.ts'
import type { TableDefinition } from '../../registry/resource.ts'
import { column } from '../../registry/table-cells.ts'
import type { VirtualHandlers } from '../api-resource.ts'
import type { Call } from '../call.ts'
import { parseListOptions } from '../list-options.ts'
import { metadataFieldLabel } from '../selection.ts'

/** What a container or a node uses at a moment. */
export interface ResourceUsage {
  /** Thousandths of a core. */
  readonly milliCpu: number
  readonly memoryBytes: number
}

/** Measures what nodes and their containers use. */
export interface UsageMeter {
  /** Undefined where nobody measures the node. */
  nodeUsage(nodeName: string): ResourceUsage | undefined
  /** By container that runs, in the order of the pod; undefined where nobody measures the pod. */
  podUsage(pod: Pod): readonly (readonly [container: string, usage: ResourceUsage])[] | undefined
}

const GROUP = 'metrics.k8s.io'
const API_VERSION = `${GROUP}/v1beta1`
/** Interval of samples: the add-on's `--metric-resolution`. */
const WINDOW = '15s'

type UsageList = Readonly<Record<'cpu' | 'memory', string>>

interface NodeMetrics extends KubeObject {
  readonly usage: UsageList
}

interface PodMetrics extends KubeObject {
  readonly containers: readonly { readonly name: string; readonly usage: UsageList }[]
}

/**
 * metrics.k8s.io: what nodes and pods use now, measured by every read.
 *
 * @see kubernetes-sigs/metrics-server pkg/api
 */
export function resourceMetrics(
  registry: Registry,
  clock: Clock,
  meter: () => UsageMeter | undefined,
): ReadonlyMap<string, VirtualHandlers> {
  const head = (kind: string): Pick<KubeObject, 'kind' | 'apiVersion'> => ({ kind, apiVersion: API_VERSION })
  const sample = () => {
    const now = formatTime(clock.now())
    return { created: now, times: { timestamp: now, window: WINDOW } }
  }
  const nodeMetrics = (object: KubeObject): NodeMetrics | undefined => {
    const { metadata } = object as unknown as Node
    const name = metadata.name ?? ''
    const usage = meter()?.nodeUsage(name)
    if (!usage) return undefined
    const { created, times } = sample()
    const labels = metadata.labels ? { labels: metadata.labels } : {}
    return {
      ...head('NodeMetrics'),
      metadata: { name, creationTimestamp: created, ...labels },
      ...times,
      usage: usageList(usage),
    }
  }
  const podMetrics = (object: KubeObject): PodMetrics | undefined => {
    const pod = object as unknown as Pod
    const usage = meter()?.podUsage(pod)
    if (!usage || usage.length === 0 || pod.status?.phase !== 'Running') return undefined
    const { name = '', namespace = '', labels } = pod.metadata
    const { created, times } = sample()
    return {
      ...head('PodMetrics'),
      metadata: { name, namespace, creationTimestamp: created, ...(labels ? { labels } : {}) },
      ...times,
      containers: usage.map(([container, used]) => ({ name: container, usage: usageList(used) })),
    }
  }
  return new Map([
    [`${GROUP}/nodes`, handlers(registry, 'nodes', nodeMetrics, ({ usage }) => usage)],
    [`${GROUP}/pods`, handlers(registry, 'pods', podMetrics, podTotal)],
  ])
}

function handlers<T extends KubeObject>(
  registry: Registry,
  resource: 'nodes' | 'pods',
  metricsOf: (object: KubeObject) => T | undefined,
  usageOf: (metrics: T) => UsageList,
): VirtualHandlers {
  const { store, cache, identity } = registry.backing('', resource)!
  return {
    table: usageTable(usageOf as (metrics: KubeObject) => UsageList),
    async list(call: Call) {
      const { labelSelector, fieldSelector } = parseListOptions(call.query, metadataFieldLabel)
      const { namespace } = call.info
      const prefix = namespace === '' ? identity.keyPrefix : `${identity.keyPrefix}${namespace}/`
      const { entries } = await cache.list({
        prefix,
        filter: ({ attributes }) =>
          (labelSelector?.matches(attributes.labels) ?? true) && (fieldSelector?.matches(attributes.fields) ?? true),
      })
      return entries.flatMap(({ object }) => metricsOf(object) ?? [])
    },
    async get(call: Call, name: string) {
      const { object } = await store.get(call.context(), name)
      const metrics = metricsOf(object)
      const { namespace } = call.info
      if (!metrics) throw notFound({ group: GROUP, resource }, namespace === '' ? name : `${namespace}/${name}`)
      return metrics
    },
  }
}

/** Exact for a thousandth of a core; memory in whole KiB, as the kernel counts it. */
function usageList({ milliCpu, memoryBytes }: ResourceUsage): UsageList {
  return {
    cpu: Quantity.ofMilli(Math.round(milliCpu)).toString(),
    memory: Quantity.of(Math.ceil(memoryBytes / 1024) * 1024, 'BinarySI').toString(),
  }
}

function podTotal({ containers }: PodMetrics): UsageList {
  const sum = (name: keyof UsageList): string =>
    containers
      .map(({ usage }) => parseQuantity(usage[name]))
      .reduce((total, one) => total.add(one))
      .toString()
  return { cpu: sum('cpu'), memory: sum('memory') }
}

function usageTable(usageOf: (metrics: KubeObject) => UsageList): TableDefinition<KubeObject> {
  return {
    columns: [
      { name: 'Name', type: 'string', format: 'name', description: 'Name of the resource' },
      { name: 'cpu', type: 'string', format: 'quantity' },
      { name: 'memory', type: 'string', format: 'quantity' },
      { ...column('Window'), format: 'duration' },
    ],
    cells(metrics) {
      const { cpu, memory } = usageOf(metrics)
      return [metrics.metadata.name ?? '', cpu, memory, WINDOW]
    },
  }
}
