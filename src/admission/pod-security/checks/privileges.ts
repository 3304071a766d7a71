import type { PodSpec } from '../../../apimachinery/types/core-v1.ts'
import {
  badContainers,
  badContexts,
  containersNamed,
  exceptOnWindows,
  type PodCheck,
  type Violation,
} from '../check.ts'

/** No container is privileged. */
export const privileged: PodCheck = {
  id: 'privileged',
  level: 'baseline',
  versions: [{ since: 0, check: checkPrivileged }],
}

function checkPrivileged(spec: PodSpec): Violation | undefined {
  const names = badContexts(spec, (c) => c.privileged === true)
  if (names.length === 0) return undefined
  return { reason: 'privileged', detail: `${containersNamed(names)} must not set securityContext.privileged=true` }
}

/** No process gains more privileges than its parent has. */
export const allowPrivilegeEscalation: PodCheck = {
  id: 'allowPrivilegeEscalation',
  level: 'restricted',
  versions: [
    { since: 8, check: checkEscalation },
    { since: 25, check: exceptOnWindows(checkEscalation) },
  ],
}

function checkEscalation(spec: PodSpec): Violation | undefined {
  const names = badContainers(spec, (c) => c.securityContext?.allowPrivilegeEscalation !== false)
  if (names.length === 0) return undefined
  return {
    reason: 'allowPrivilegeEscalation != false',
    detail: `${containersNamed(names)} must set securityContext.allowPrivilegeEscalation=false`,
  }
}
