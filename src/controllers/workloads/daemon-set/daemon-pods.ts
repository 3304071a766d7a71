import type { DaemonSet } from '../../../apimachinery/types/apps-v1.ts'
import type { Affinity, Node, Pod, PodSpec, PodTemplateSpec, Toleration } from '../../../apimachinery/types/core-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import { requiredAffinityMatches } from '../../scheduler/node-affinity-match.ts'
import { tolerated, untoleratedTaint } from '../../scheduler/taints.ts'
import { REVISION_LABEL } from '../controller-history.ts'
import { scaledValue } from '../int-or-percent.ts'
import type { PodObject } from '../pod-state.ts'

export type DaemonSetObject = Typed<DaemonSet>

const TEMPLATE_GENERATION_ANNOTATION = 'deprecated.daemonset.template.generation'
const TEMPLATE_GENERATION_LABEL = 'pod-template-generation'
const NODE_NAME_FIELD = 'metadata.name'

/** What a node means for a DaemonSet. */
export interface NodeFit {
  readonly shouldRun: boolean
  /** A pod that is there already may stay. */
  readonly mayStay: boolean
}

/** Tells for each node whether the DaemonSet's pod belongs on it. */
export function nodeFit({ spec }: DaemonSet): (node: Node) => NodeFit {
  const podSpec = withDaemonTolerations(spec!.template.spec!)
  const pod: Pod = { metadata: { ...spec!.template.metadata }, spec: podSpec }
  const nowhere = { shouldRun: false, mayStay: false }
  return (node) => {
    const { name = '' } = node.metadata
    if (podSpec.nodeName && podSpec.nodeName !== name) return nowhere
    if (!requiredAffinityMatches(pod, node)) return nowhere
    const taints = node.spec?.taints
    if (!untoleratedTaint(taints, podSpec.tolerations)) return { shouldRun: true, mayStay: true }
    const isEvicted = taints!.some((t) => t.effect === 'NoExecute' && !tolerated(t, podSpec.tolerations))
    return { shouldRun: false, mayStay: !isEvicted }
  }
}

/** Taints that daemons put up with: they run on nodes that are not well. */
function daemonTolerations({ hostNetwork }: PodSpec): Toleration[] {
  const toleration = (key: string, effect: string): Toleration => ({
    key: `node.kubernetes.io/${key}`,
    operator: 'Exists',
    effect,
  })
  return [
    toleration('not-ready', 'NoExecute'),
    toleration('unreachable', 'NoExecute'),
    toleration('disk-pressure', 'NoSchedule'),
    toleration('memory-pressure', 'NoSchedule'),
    toleration('pid-pressure', 'NoSchedule'),
    toleration('unschedulable', 'NoSchedule'),
    ...(hostNetwork ? [toleration('network-unavailable', 'NoSchedule')] : []),
  ]
}

function withDaemonTolerations(spec: PodSpec): PodSpec {
  const tolerations = [...(spec.tolerations ?? [])]
  for (const added of daemonTolerations(spec)) {
    const at = tolerations.findIndex(
      (t) => t.key === added.key && t.effect === added.effect && t.operator === added.operator && !t.value,
    )
    if (at < 0) tolerations.push(added)
    else tolerations[at] = added
  }
  return { ...spec, tolerations }
}

/** Generation of the template as old clients wrote it; undefined where it is not noted. */
function templateGeneration({ metadata }: DaemonSet): string | undefined {
  const text = metadata.annotations?.[TEMPLATE_GENERATION_ANNOTATION]
  return text !== undefined && /^[+-]?\d+$/.test(text) ? String(Number(text)) : undefined
}

/** The template of the pod for a node, of the revision with that hash. */
export function daemonTemplate(set: DaemonSet, hash: string, nodeName: string): PodTemplateSpec {
  const { metadata, spec } = set.spec!.template
  const generation = templateGeneration(set)
  const podSpec = withDaemonTolerations(spec!)
  return {
    metadata: {
      ...metadata,
      labels: {
        ...metadata?.labels,
        ...(generation === undefined ? {} : { [TEMPLATE_GENERATION_LABEL]: generation }),
        [REVISION_LABEL]: hash,
      },
    },
    spec: { ...podSpec, affinity: onNode(podSpec.affinity, nodeName) },
  }
}

function onNode(affinity: Affinity | undefined, nodeName: string): Affinity {
  const requirement = { key: NODE_NAME_FIELD, operator: 'In', values: [nodeName] }
  const required = { nodeSelectorTerms: [{ matchFields: [requirement] }] }
  return {
    ...affinity,
    nodeAffinity: { ...affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: required },
  }
}

export function isUpdated(set: DaemonSet, { metadata }: Pod, hash: string): boolean {
  const generation = templateGeneration(set)
  return (
    metadata.labels?.[REVISION_LABEL] === hash ||
    (generation !== undefined && metadata.labels?.[TEMPLATE_GENERATION_LABEL] === generation)
  )
}

/** The node that a pod runs on, or is meant for. */
function targetNode({ spec }: Pod): string | undefined {
  if (spec?.nodeName) return spec.nodeName
  const terms = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  for (const { matchFields = [] } of terms) {
    const field = matchFields.find((f) => f.key === NODE_NAME_FIELD && f.operator === 'In')
    if (field) return field.values?.length === 1 ? field.values[0] : undefined
  }
  return undefined
}

/** Pods by node; those that are done and about to go count no longer. */
export function podsByNode(pods: readonly PodObject[]): Map<string, PodObject[]> {
  const byNode = new Map<string, PodObject[]>()
  for (const pod of pods) {
    const phase = pod.status?.phase
    if (pod.metadata.deletionTimestamp && (phase === 'Failed' || phase === 'Succeeded')) continue
    const node = targetNode(pod)
    if (node === undefined) continue
    const known = byNode.get(node)
    if (known) known.push(pod)
    else byNode.set(node, [pod])
  }
  return byNode
}

/** Scheduled ones first, then the oldest. */
export function oldestPodFirst(a: PodObject, b: PodObject): number {
  const scheduled = Number(!!b.spec?.nodeName) - Number(!!a.spec?.nodeName)
  if (scheduled !== 0) return scheduled
  const [timeA = '', timeB = ''] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp]
  if (timeA !== timeB) return timeA < timeB ? -1 : 1
  return a.metadata.name! < b.metadata.name! ? -1 : 1
}

/** How many nodes may have two pods, and how many none, while pods are updated. */
export function updateBounds(
  { spec }: DaemonSet,
  nodes: number,
): { readonly surge: number; readonly unavailable: number } {
  const { type, rollingUpdate } = spec?.updateStrategy ?? {}
  if (type !== 'RollingUpdate') return { surge: 0, unavailable: 0 }
  const surge = scaledValue(rollingUpdate?.maxSurge, nodes, 'up')
  const unavailable = scaledValue(rollingUpdate?.maxUnavailable, nodes, 'up')
  return nodes > 0 && surge === 0 && unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable }
}
