import { equalJson } from '../../apimachinery/clone.ts'
import type { Container, Pod, ResourceRequirements } from '../../apimachinery/types/core-v1.ts'
import type { ContainerRun } from './container-run.ts'
import type { Refusal } from './simulated-node.ts'

/** A condition that tells how far a change of resources has come. */
export interface ResizeCondition {
  readonly type: 'PodResizePending' | 'PodResizeInProgress'
  readonly status: 'True'
  readonly reason?: string
  readonly message?: string
}

/** Containers whose resources can be changed while they run. */
const isResizable = ({ role }: ContainerRun): boolean => role === 'main' || role === 'sidecar'

/** A container as the pod has it now. */
function wantedOf(pod: Pod, run: ContainerRun): Container | undefined {
  const { containers = [], initContainers = [] } = pod.spec ?? {}
  return (run.role === 'sidecar' ? initContainers : containers).find((c) => c.name === run.name)
}

/** Containers that are to have other resources than they were given, with what the pod has for them. */
export function resizedContainers(
  pod: Pod,
  runs: readonly ContainerRun[],
): readonly (readonly [run: ContainerRun, wanted: Container])[] {
  return runs.filter(isResizable).flatMap((run) => {
    const wanted = wantedOf(pod, run)
    if (!wanted || equalJson(wanted.resources ?? {}, run.container.resources ?? {})) return []
    return [[run, wanted] as const]
  })
}

/** Whether a container has to be started anew for what has changed of its resources. */
export function needsRestart(
  { resizePolicy = [] }: Container,
  before: ResourceRequirements | undefined,
  after: ResourceRequirements | undefined,
): boolean {
  const differs = (name: string): boolean =>
    before?.requests?.[name] !== after?.requests?.[name] || before?.limits?.[name] !== after?.limits?.[name]
  return resizePolicy.some(
    ({ resourceName, restartPolicy }) => restartPolicy === 'RestartContainer' && differs(resourceName),
  )
}

export function pendingCondition({ reason, message }: Refusal): ResizeCondition {
  return { type: 'PodResizePending', status: 'True', reason, message }
}

export const IN_PROGRESS: ResizeCondition = { type: 'PodResizeInProgress', status: 'True' }

/**
 * What an Event says of a resize.
 *
 * @see kubernetes pkg/kubelet/events/pod_resize.go
 */
export function resizeMessage(what: string, { spec, metadata }: Pod, error?: string): string {
  const summary = (containers: readonly Container[] | undefined) =>
    containers?.map(({ name, resources }) => ({ name, resources: sortedResources(resources) }))
  const sidecars = spec?.initContainers?.filter((c) => c.restartPolicy === 'Always')
  const details = {
    ...(sidecars?.length ? { initContainers: summary(sidecars) } : {}),
    containers: summary(spec?.containers),
    generation: metadata.generation ?? 0,
    ...(error === undefined ? {} : { error }),
  }
  return `Pod resize ${what}: ${JSON.stringify(details)}`
}

/** As Go writes them: fields in the order of the type, names of resources in their own. */
function sortedResources({ limits, requests }: ResourceRequirements = {}): ResourceRequirements {
  const sorted = (list: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(list).sort(([a], [b]) => (a < b ? -1 : 1)))
  return { ...(limits ? { limits: sorted(limits) } : {}), ...(requests ? { requests: sorted(requests) } : {}) }
}
