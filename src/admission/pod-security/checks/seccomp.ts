import { goQuote } from '../../../apimachinery/go-quote.ts'
import type { PodSpec } from '../../../apimachinery/types/core-v1.ts'
import type { ObjectMeta } from '../../../apimachinery/types/meta-v1.ts'
import { allContainers } from '../../../registry/core/pod/pod-containers.ts'
import {
  badContainers,
  badContexts,
  containersNamed,
  exceptOnWindows,
  type PodCheck,
  plural,
  quoted,
  settersOf,
  sortedSet,
  type Violation,
} from '../check.ts'

const BASELINE_ID = 'seccompProfile_baseline'
const REASON = 'seccompProfile'
const POD_ANNOTATION = 'seccomp.security.alpha.kubernetes.io/pod'
const CONTAINER_ANNOTATION_PREFIX = 'container.seccomp.security.alpha.kubernetes.io/'

/** Nobody turns seccomp off: before v1.19 in annotations, from then on in fields. */
export const seccompProfileBaseline: PodCheck = {
  id: BASELINE_ID,
  level: 'baseline',
  versions: [
    { since: 0, check: checkAnnotations },
    { since: 19, check: checkFields },
  ],
}

/** Everybody runs under a seccomp profile. */
export const seccompProfileRestricted: PodCheck = {
  id: 'seccompProfile_restricted',
  level: 'restricted',
  versions: [
    { since: 19, check: checkRestricted, overrides: [BASELINE_ID] },
    { since: 25, check: exceptOnWindows(checkRestricted), overrides: [BASELINE_ID] },
  ],
}

const isGood = (type: string): boolean => type === 'RuntimeDefault' || type === 'Localhost'

function checkAnnotations(spec: PodSpec, { annotations }: ObjectMeta): Violation | undefined {
  const forbidden: string[] = []
  const look = (key: string): void => {
    const value = annotations?.[key]
    if (value !== undefined && !isAllowedAnnotation(value)) forbidden.push(`${key}=${goQuote(value)}`)
  }
  look(POD_ANNOTATION)
  for (const { name } of allContainers(spec)) look(CONTAINER_ANNOTATION_PREFIX + name)
  if (forbidden.length === 0) return undefined
  const listed = sortedSet(forbidden)
  return { reason: REASON, detail: `forbidden ${plural('annotation', listed.length)} ${listed.join(', ')}` }
}

const isAllowedAnnotation = (value: string): boolean =>
  value === 'runtime/default' || value === 'docker/default' || value.startsWith('localhost/')

function checkFields(spec: PodSpec): Violation | undefined {
  const types: string[] = []
  const isBad = (type: string | undefined): boolean => {
    if (type === undefined || isGood(type)) return false
    types.push(type)
    return true
  }
  const podIsBad = isBad(spec.securityContext?.seccompProfile?.type)
  const setters = settersOf(
    podIsBad,
    badContexts(spec, (c) => isBad(c.seccompProfile?.type)),
  )
  if (setters === '') return undefined
  return {
    reason: REASON,
    detail: `${setters} must not set securityContext.seccompProfile.type to ${quoted(sortedSet(types))}`,
  }
}

function checkRestricted(spec: PodSpec): Violation | undefined {
  const violation = checkFields(spec)
  if (violation || spec.securityContext?.seccompProfile) return violation
  const silent = badContainers(spec, (c) => !c.securityContext?.seccompProfile)
  if (silent.length === 0) return undefined
  return {
    reason: REASON,
    detail: `pod or ${containersNamed(silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
  }
}
