import type { PodSpec, SELinuxOptions } from '../../../apimachinery/types/core-v1.ts'
import { badContexts, type CheckPod, type PodCheck, plural, quoted, settersOf, sortedSet } from '../check.ts'

const TYPES = ['container_t', 'container_init_t', 'container_kvm_t']

/** Containers stay within the SELinux types that are meant for them, without users and roles of their own. */
export const seLinuxOptions: PodCheck = {
  id: 'seLinuxOptions',
  level: 'baseline',
  versions: [
    { since: 0, check: checkFor(new Set(TYPES)) },
    { since: 31, check: checkFor(new Set([...TYPES, 'container_engine_t'])) },
  ],
}

function checkFor(allowed: ReadonlySet<string>): CheckPod {
  return (spec: PodSpec) => {
    const types: string[] = []
    let setsUser = false
    let setsRole = false
    const isBad = (options: SELinuxOptions | undefined): boolean => {
      if (!options) return false
      const { type = '', user = '', role = '' } = options
      const hasBadType = type !== '' && !allowed.has(type)
      if (hasBadType) types.push(type)
      setsUser ||= user !== ''
      setsRole ||= role !== ''
      return hasBadType || user !== '' || role !== ''
    }
    const podIsBad = isBad(spec.securityContext?.seLinuxOptions)
    const setters = settersOf(
      podIsBad,
      badContexts(spec, (c) => isBad(c.seLinuxOptions)),
    )
    if (setters === '') return undefined
    const listed = sortedSet(types)
    const data: string[] = []
    if (listed.length > 0) data.push(`${plural('type', listed.length)} ${quoted(listed)}`)
    if (setsUser) data.push('user may not be set')
    if (setsRole) data.push('role may not be set')
    return {
      reason: 'seLinuxOptions',
      detail: `${setters} set forbidden securityContext.seLinuxOptions: ${data.join('; ')}`,
    }
  }
}
