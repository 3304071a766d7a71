import type { PodSpec } from '../../../apimachinery/types/core-v1.ts'
import {
  badContexts,
  containersNamed,
  exceptInUserNamespace,
  type PodCheck,
  quoted,
  sortedSet,
  type Violation,
} from '../check.ts'

const BASELINE_ID = 'procMount'

/** /proc stays masked; from v1.35 on pods in a user namespace are free to see it all. */
export const procMountBaseline: PodCheck = {
  id: BASELINE_ID,
  level: 'baseline',
  versions: [
    { since: 0, check: checkProcMount },
    { since: 35, check: exceptInUserNamespace(checkProcMount) },
  ],
}

/** /proc stays masked, also in user namespaces: what the baseline asked for before v1.35. */
export const procMountRestricted: PodCheck = {
  id: 'procMount_restricted',
  level: 'restricted',
  versions: [{ since: 35, check: checkProcMount, overrides: [BASELINE_ID] }],
}

function checkProcMount(spec: PodSpec): Violation | undefined {
  const types: string[] = []
  const names = badContexts(spec, ({ procMount }) => {
    if (procMount === undefined || procMount === 'Default') return false
    types.push(procMount)
    return true
  })
  if (names.length === 0) return undefined
  const detail = `${containersNamed(names)} must not set securityContext.procMount to ${quoted(sortedSet(types))}`
  return { reason: 'procMount', detail }
}
