import type { PodSpec } from '../../../apimachinery/types/core-v1.ts'
import {
  badContainers,
  badContexts,
  containersNamed,
  exceptInUserNamespace,
  type PodCheck,
  settersOf,
  type Violation,
} from '../check.ts'

/** Containers say that they don't run as root. */
export const runAsNonRoot: PodCheck = {
  id: 'runAsNonRoot',
  level: 'restricted',
  versions: [
    { since: 0, check: checkNonRoot },
    { since: 35, check: exceptInUserNamespace(checkNonRoot) },
  ],
}

function checkNonRoot(spec: PodSpec): Violation | undefined {
  const reason = 'runAsNonRoot != true'
  const ofPod = spec.securityContext?.runAsNonRoot
  const setters = settersOf(
    ofPod === false,
    badContexts(spec, (c) => c.runAsNonRoot === false),
  )
  if (setters !== '') return { reason, detail: `${setters} must not set securityContext.runAsNonRoot=false` }
  if (ofPod) return undefined
  const silent = badContainers(spec, (c) => c.securityContext?.runAsNonRoot === undefined)
  if (silent.length === 0) return undefined
  return { reason, detail: `pod or ${containersNamed(silent)} must set securityContext.runAsNonRoot=true` }
}

/** Nobody asks to run as root. */
export const runAsUser: PodCheck = {
  id: 'runAsUser',
  level: 'restricted',
  versions: [
    { since: 23, check: checkUser },
    { since: 35, check: exceptInUserNamespace(checkUser) },
  ],
}

function checkUser(spec: PodSpec): Violation | undefined {
  const containers = badContexts(spec, (c) => c.runAsUser === 0)
  const setters = settersOf(spec.securityContext?.runAsUser === 0, containers)
  return setters === '' ? undefined : { reason: 'runAsUser=0', detail: `${setters} must not set runAsUser=0` }
}
