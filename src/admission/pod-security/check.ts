import type { PodSpec } from '../../apimachinery/types/core-v1.ts'
import type { ObjectMeta } from '../../apimachinery/types/meta-v1.ts'
import { type AnyContainer, allContainers } from '../../registry/core/pod/pod-containers.ts'

/** What a pod breaks of one control: in a few words, and in detail. */
export interface Violation {
  readonly reason: string
  readonly detail: string
}

/** Looks at one control of the standard; undefined where the pod keeps to it. */
export type CheckPod = (spec: PodSpec, metadata: ObjectMeta) => Violation | undefined

/** A control as it has been since a version of the standard. */
export interface CheckVersion {
  /** Minor version of Kubernetes 1.x. */
  readonly since: number
  readonly check: CheckPod
  /** Controls of the baseline that this one, which is stricter, stands in for. */
  readonly overrides?: readonly string[]
}

/** One control of the Pod Security Standards. */
export interface PodCheck {
  readonly id: string
  readonly level: 'baseline' | 'restricted'
  /** Oldest first. */
  readonly versions: readonly CheckVersion[]
}

type SecurityContext = NonNullable<AnyContainer['securityContext']>

/** Names of containers of all three lists for which `isBad` holds. */
export function badContainers(spec: PodSpec, isBad: (container: AnyContainer) => boolean): string[] {
  const names: string[] = []
  for (const container of allContainers(spec)) if (isBad(container)) names.push(container.name)
  return names
}

/** {@link badContainers} by their security contexts, where they have one. */
export function badContexts(spec: PodSpec, isBad: (context: SecurityContext) => boolean): string[] {
  return badContainers(spec, ({ securityContext }) => securityContext !== undefined && isBad(securityContext))
}

/** `"a", "b"` */
export function quoted(items: Iterable<string>): string {
  return [...items].map((item) => `"${item}"`).join(', ')
}

/** Sorted as Go sorts strings, each once. */
export function sortedSet(items: Iterable<string>): string[] {
  return [...new Set(items)].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

export const plural = (word: string, count: number): string => (count === 1 ? word : `${word}s`)

/** `container "a"`, `containers "a", "b"` */
export function containersNamed(names: readonly string[]): string {
  return `${plural('container', names.length)} ${quoted(names)}`
}

/** `pod and containers "a", "b"`: who set something; '' where nobody did. */
export function settersOf(podIsBad: boolean, containers: readonly string[]): string {
  const setters = podIsBad ? ['pod'] : []
  if (containers.length > 0) setters.push(containersNamed(containers))
  return setters.join(' and ')
}

/** The pod runs as a user of its own, whatever it calls itself inside (KEP-127). */
function hasUserNamespace({ hostUsers }: PodSpec): boolean {
  return hostUsers === false
}

/** A check that pods of Windows pass: they can't set what it looks at. */
export function exceptOnWindows(check: CheckPod): CheckPod {
  return (spec, metadata) => (spec.os?.name === 'windows' ? undefined : check(spec, metadata))
}

/** A check that pods in a user namespace pass. */
export function exceptInUserNamespace(check: CheckPod): CheckPod {
  return (spec, metadata) => (hasUserNamespace(spec) ? undefined : check(spec, metadata))
}
