import { notFound } from '../../apimachinery/api-error.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import { formatTime } from '../../apimachinery/clock.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import { parseQuantity, Quantity } from '../../apimachinery/quantity.ts'
import type { Pod } from '../../apimachinery/types/core-v1.ts'
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

/** What a node and the containers on it use at a moment. */
export interface NodeUsage {
  readonly node: ResourceUsage
  /** By {@link podKey}; of each pod the containers that run. */
  readonly pods: ReadonlyMap<string, readonly (readonly [container: string, usage: ResourceUsage])[]>
}

/** A pod among those of a node. */
export function podKey(namespace: string, name: string): string {
  return `${namespace}/${name}`
}

/** Measures a node; undefined where nobody does. */
type UsageMeter = (nodeName: string) => Promise<NodeUsage | undefined>

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

/** Nodes that are measured at once for one read. */
const CONCURRENCY = 32

/**
 * metrics.k8s.io: what nodes and pods use now, measured by every read.
 *
 * @see kubernetes-sigs/metrics-server pkg/api
 */
export function resourceMetrics(
  registry: Registry,
  clock: Clock,
  meter: UsageMeter,
): ReadonlyMap<string, VirtualHandlers> {
  const head = (kind: string): Pick<KubeObject, 'kind' | 'apiVersion'> => ({ kind, apiVersion: API_VERSION })
  const sample = () => {
    const now = formatTime(clock.now())
    return { created: now, times: { timestamp: now, window: WINDOW } }
  }
  const nodeMetrics = (object: KubeObject, usage: NodeUsage): NodeMetrics => {
    const { name = '', labels } = object.metadata
    const { created, times } = sample()
    return {
      ...head('NodeMetrics'),
      metadata: { name, creationTimestamp: created, ...(labels ? { labels } : {}) },
      ...times,
      usage: usageList(usage.node),
    }
  }
  const podMetrics = (object: KubeObject, { pods }: NodeUsage): PodMetrics | undefined => {
    const pod = object as unknown as Pod
    const { name = '', namespace = '', labels } = pod.metadata
    const usage = pods.get(podKey(namespace, name))
    if (!usage || usage.length === 0 || pod.status?.phase !== 'Running') return undefined
    const { created, times } = sample()
    return {
      ...head('PodMetrics'),
      metadata: { name, namespace, creationTimestamp: created, ...(labels ? { labels } : {}) },
      ...times,
      containers: usage.map(([container, used]) => ({ name: container, usage: usageList(used) })),
    }
  }
  const nodeOf = (object: KubeObject): string => object.metadata.name ?? ''
  const nodeOfPod = (object: KubeObject): string => (object as unknown as Pod).spec?.nodeName ?? ''
  return new Map([
    [
      `${GROUP}/nodes`,
      handlers(registry, 'nodes', { meter, nodeOf, metricsOf: nodeMetrics, usageOf: ({ usage }) => usage }),
    ],
    [
      `${GROUP}/pods`,
      handlers(registry, 'pods', { meter, nodeOf: nodeOfPod, metricsOf: podMetrics, usageOf: podTotal }),
    ],
  ])
}

interface Measured<T extends KubeObject> {
  readonly meter: UsageMeter
  /** The node that has to be measured for an object; '' for none. */
  nodeOf(object: KubeObject): string
  metricsOf(object: KubeObject, usage: NodeUsage): T | undefined
  usageOf(metrics: T): UsageList
}

function handlers<T extends KubeObject>(
  registry: Registry,
  resource: 'nodes' | 'pods',
  { meter, nodeOf, metricsOf, usageOf }: Measured<T>,
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
      const usages = await measureAll(new Set(entries.map(({ object }) => nodeOf(object))), meter)
      return entries.flatMap(({ object }) => {
        const usage = usages.get(nodeOf(object))
        return (usage && metricsOf(object, usage)) ?? []
      })
    },
    async get(call: Call, name: string) {
      const { object } = await store.get(call.context(), name)
      const usage = await meter(nodeOf(object))
      const metrics = usage && metricsOf(object, usage)
      const { namespace } = call.info
      if (!metrics) throw notFound({ group: GROUP, resource }, namespace === '' ? name : `${namespace}/${name}`)
      return metrics
    },
  }
}

/** What nodes use that can be measured. */
async function measureAll(names: ReadonlySet<string>, meter: UsageMeter): Promise<ReadonlyMap<string, NodeUsage>> {
  const waiting = [...names]
  const usages = new Map<string, NodeUsage>()
  const work = async (): Promise<void> => {
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      const usage = await meter(name)
      if (usage) usages.set(name, usage)
    }
  }
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, waiting.length) }, work))
  return usages
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
