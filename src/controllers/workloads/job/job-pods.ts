import { parseTime } from '../../../apimachinery/clock.ts'
import type { Job } from '../../../apimachinery/types/batch-v1.ts'
import type { Container, ContainerStatus, Pod, PodTemplateSpec } from '../../../apimachinery/types/core-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import { compareActivePods } from '../pod-ranking.ts'
import { podCondition } from '../pod-state.ts'
import { failureVerdict } from './policies.ts'

export type JobObject = Typed<Job>

/** Keeps a pod until its end has been counted. */
export const TRACKING_FINALIZER = 'batch.kubernetes.io/job-tracking'
export const JOB_NAME_LABEL = 'batch.kubernetes.io/job-name'
const COMPLETION_INDEX = 'batch.kubernetes.io/job-completion-index'
const INDEX_FAILURES = 'batch.kubernetes.io/job-index-failure-count'
const INDEX_IGNORED_FAILURES = 'batch.kubernetes.io/job-index-ignored-failure-count'
const INDEX_VARIABLE = 'JOB_COMPLETION_INDEX'
/** Longest beginning of a generated name. */
const MAX_GENERATED_BASE = 58

export const isIndexed = ({ spec }: Job): boolean => spec?.completionMode === 'Indexed'
export const isSuspended = ({ spec }: Job): boolean => spec?.suspend ?? false
export const hasIndexBackoff = ({ spec }: Job): boolean => spec?.backoffLimitPerIndex !== undefined
export const isTracked = ({ metadata }: Pod): boolean => metadata.finalizers?.includes(TRACKING_FINALIZER) ?? false

export function isJobFinished({ status }: Job): boolean {
  return status?.conditions?.some((c) => (c.type === 'Complete' || c.type === 'Failed') && c.status === 'True') ?? false
}

/** Pods that are on their way out are replaced only once they are gone. */
export function replacesOnlyFailed({ spec }: Job): boolean {
  return spec?.podReplacementPolicy === 'Failed' || spec?.podFailurePolicy !== undefined
}

export function isPodFailed(pod: Pod, job: Job): boolean {
  const phase = pod.status?.phase
  if (phase === 'Failed') return true
  return !replacesOnlyFailed(job) && pod.metadata.deletionTimestamp !== undefined && phase !== 'Succeeded'
}

/** The completion index of a pod; undefined where it has none that makes sense. */
export function completionIndex({ metadata }: Pod): number | undefined {
  const text = metadata.annotations?.[COMPLETION_INDEX]
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
}

function annotatedCount({ metadata }: Pod, annotation: string): number {
  const text = metadata.annotations?.[annotation]
  return text !== undefined && /^\d+$/.test(text) && Number(text) <= 2_147_483_647 ? Number(text) : 0
}

/** Failures of the pod's index that counted. */
const indexFailures = (pod: Pod): number => annotatedCount(pod, INDEX_FAILURES)

/** All failures of the pod's index. */
export const allIndexFailures = (pod: Pod): number => indexFailures(pod) + annotatedCount(pod, INDEX_IGNORED_FAILURES)

/** The pod shows that its index has failed for good. */
export function isIndexFailed(pod: Pod, job: Job): boolean {
  if (!isPodFailed(pod, job)) return false
  const verdict = failureVerdict(job.spec?.podFailurePolicy, pod)
  return verdict.failsIndex || (verdict.counts && indexFailures(pod) >= job.spec!.backoffLimitPerIndex!)
}

/** When a pod came to its end, as well as that can be told. */
export function finishedAt(pod: Pod): number {
  const { metadata, spec, status } = pod
  const sidecars = new Set(spec?.initContainers?.filter((c) => c.restartPolicy === 'Always').map((c) => c.name))
  const regular = latestEnd(status?.containerStatuses ?? [])
  const sidecarEnd = latestEnd((status?.initContainerStatuses ?? []).filter((c) => sidecars.has(c.name)))
  const end = regular === undefined || sidecarEnd === undefined ? undefined : Math.max(regular, sidecarEnd)
  if (end !== undefined && end > 0) return end
  const ready = podCondition(pod, 'Ready')
  if (ready?.status === 'False' && ready.lastTransitionTime) return parseTime(ready.lastTransitionTime)
  if (metadata.deletionTimestamp) {
    return parseTime(metadata.deletionTimestamp) - (metadata.deletionGracePeriodSeconds ?? 0) * 1000
  }
  return parseTime(metadata.creationTimestamp ?? '')
}

/** The last end of all of them, 0 where there are none; undefined as soon as one still runs. */
function latestEnd(statuses: readonly ContainerStatus[]): number | undefined {
  let latest = 0
  for (const { state } of statuses) {
    if (!state?.terminated?.finishedAt) return undefined
    latest = Math.max(latest, parseTime(state.terminated.finishedAt))
  }
  return latest
}

/** The template of a Job's pods, with what all of them carry. */
export function jobTemplate(job: Job): PodTemplateSpec {
  const { metadata, spec } = job.spec!.template
  const finalizers = metadata?.finalizers ?? []
  return {
    metadata: {
      ...metadata,
      finalizers: finalizers.includes(TRACKING_FINALIZER) ? finalizers : [...finalizers, TRACKING_FINALIZER],
    },
    ...(spec && isIndexed(job)
      ? {
          spec: {
            ...spec,
            ...(spec.initContainers ? { initContainers: spec.initContainers.map(withIndexVariable) } : {}),
            containers: spec.containers.map(withIndexVariable),
          },
        }
      : { spec }),
  }
}

function withIndexVariable(container: Container): Container {
  if (container.env?.some((v) => v.name === INDEX_VARIABLE)) return container
  const fieldPath = `metadata.labels['${COMPLETION_INDEX}']`
  return {
    ...container,
    env: [...(container.env ?? []), { name: INDEX_VARIABLE, valueFrom: { fieldRef: { fieldPath } } }],
  }
}

/** The template of the pod of one index; `replaced` is the failed pod that it stands in for. */
export function indexTemplate(
  template: PodTemplateSpec,
  job: Job,
  index: number,
  replaced: Pod | undefined,
): PodTemplateSpec {
  const { metadata, spec } = template
  const annotations = { ...metadata?.annotations, [COMPLETION_INDEX]: String(index) }
  return {
    metadata: {
      ...metadata,
      annotations: hasIndexBackoff(job) ? { ...annotations, ...failureCounts(job, replaced) } : annotations,
      labels: { ...metadata?.labels, [COMPLETION_INDEX]: String(index) },
    },
    ...(spec ? { spec: { ...spec, hostname: `${job.metadata.name}-${index}` } } : {}),
  }
}

function failureCounts(job: Job, replaced: Pod | undefined): Record<string, string> {
  let failures = 0
  let ignored = 0
  if (replaced) {
    failures = indexFailures(replaced)
    ignored = allIndexFailures(replaced) - failures
    if (failureVerdict(job.spec?.podFailurePolicy, replaced).counts) failures++
    else ignored++
  }
  return {
    [INDEX_FAILURES]: String(failures),
    ...(ignored > 0 ? { [INDEX_IGNORED_FAILURES]: String(ignored) } : {}),
  }
}

/** Beginning of the name of an index's pod. */
export function indexNamePrefix(jobName: string, index: number): string {
  const suffix = `-${index}-`
  return jobName.slice(0, Math.max(0, MAX_GENERATED_BASE - suffix.length)) + suffix
}

/** At least `count` active pods that are one too many: those of an index that has several first. */
export function podsForRemoval<T extends Pod>(job: Job, pods: readonly T[], count: number): readonly T[] {
  const { removed, left } = isIndexed(job)
    ? splitByIndex(pods, job.spec!.completions!)
    : { removed: [] as T[], left: pods }
  if (removed.length >= count) return removed
  return [...removed, ...left.toSorted(compareActivePods).slice(0, count - removed.length)]
}

function splitByIndex<T extends Pod>(pods: readonly T[], completions: number): { removed: T[]; left: T[] } {
  const removed: T[] = []
  const left: T[] = []
  const byIndex = new Map<number, T[]>()
  for (const pod of pods) {
    const index = completionIndex(pod)
    if (index === undefined || index >= completions) removed.push(pod)
    else byIndex.set(index, [...(byIndex.get(index) ?? []), pod])
  }
  for (const same of byIndex.values()) {
    const ordered = same.toSorted(compareActivePods)
    left.push(ordered.pop()!)
    removed.push(...ordered)
  }
  return { removed, left }
}
