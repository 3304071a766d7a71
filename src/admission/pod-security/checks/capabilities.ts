import type { PodSpec } from '../../../apimachinery/types/core-v1.ts'
import { allContainers } from '../../../registry/core/pod/pod-containers.ts'
import {
  badContainers,
  containersNamed,
  exceptOnWindows,
  type PodCheck,
  quoted,
  sortedSet,
  type Violation,
} from '../check.ts'

const BASELINE_ID = 'capabilities_baseline'

/** What container runtimes give by default. */
const DEFAULT_CAPABILITIES: ReadonlySet<string> = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
])

/** Containers add no capabilities that they would not have anyway. */
export const capabilitiesBaseline: PodCheck = {
  id: BASELINE_ID,
  level: 'baseline',
  versions: [{ since: 0, check: checkBaseline }],
}

function checkBaseline(spec: PodSpec): Violation | undefined {
  const detail = addedProblem(spec, DEFAULT_CAPABILITIES)
  return detail === undefined ? undefined : { reason: 'non-default capabilities', detail }
}

/** Containers drop all capabilities, and take back the one to bind low ports at most. */
export const capabilitiesRestricted: PodCheck = {
  id: 'capabilities_restricted',
  level: 'restricted',
  versions: [
    { since: 22, check: checkRestricted, overrides: [BASELINE_ID] },
    { since: 25, check: exceptOnWindows(checkRestricted), overrides: [BASELINE_ID] },
  ],
}

function checkRestricted(spec: PodSpec): Violation | undefined {
  const details: string[] = []
  const keeping = badContainers(spec, (c) => !c.securityContext?.capabilities?.drop?.includes('ALL'))
  if (keeping.length > 0) details.push(`${containersNamed(keeping)} must set securityContext.capabilities.drop=["ALL"]`)
  const added = addedProblem(spec, new Set(['NET_BIND_SERVICE']))
  if (added !== undefined) details.push(added)
  return details.length === 0 ? undefined : { reason: 'unrestricted capabilities', detail: details.join('; ') }
}

function addedProblem(spec: PodSpec, allowed: ReadonlySet<string>): string | undefined {
  const names: string[] = []
  const forbidden: string[] = []
  for (const { name, securityContext } of allContainers(spec)) {
    const own = (securityContext?.capabilities?.add ?? []).filter((c) => !allowed.has(c))
    if (own.length === 0) continue
    names.push(name)
    forbidden.push(...own)
  }
  if (names.length === 0) return undefined
  const capabilities = quoted(sortedSet(forbidden))
  return `${containersNamed(names)} must not include ${capabilities} in securityContext.capabilities.add`
}
