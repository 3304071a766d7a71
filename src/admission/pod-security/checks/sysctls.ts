import type { PodSpec } from '../../../apimachinery/types/core-v1.ts'
import type { CheckPod, PodCheck } from '../check.ts'

const SINCE_0 = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
]
const SINCE_27 = [...SINCE_0, 'net.ipv4.ip_local_reserved_ports']
const SINCE_29 = [
  ...SINCE_27,
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
]
const SINCE_32 = [...SINCE_29, 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem']

/** Pods set only sysctls that can't harm others on their node. */
export const sysctls: PodCheck = {
  id: 'sysctls',
  level: 'baseline',
  versions: [
    { since: 0, check: checkFor(SINCE_0) },
    { since: 27, check: checkFor(SINCE_27) },
    { since: 29, check: checkFor(SINCE_29) },
    { since: 32, check: checkFor(SINCE_32) },
  ],
}

function checkFor(names: readonly string[]): CheckPod {
  const allowed = new Set(names)
  return (spec: PodSpec) => {
    const forbidden = (spec.securityContext?.sysctls ?? []).map((s) => s.name).filter((name) => !allowed.has(name))
    return forbidden.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: forbidden.join(', ') }
  }
}
