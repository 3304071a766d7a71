import type { PodSpec } from '../../apimachinery/types/core-v1.ts'
import type { ObjectMeta } from '../../apimachinery/types/meta-v1.ts'
import type { CheckPod, CheckVersion, PodCheck, Violation } from './check.ts'
import { appArmorProfile } from './checks/app-armor.ts'
import { capabilitiesBaseline, capabilitiesRestricted } from './checks/capabilities.ts'
import {
  hostNamespaces,
  hostPathVolumes,
  hostPorts,
  hostProbesAndHostLifecycle,
  windowsHostProcess,
} from './checks/host-access.ts'
import { allowPrivilegeEscalation, privileged } from './checks/privileges.ts'
import { procMountBaseline, procMountRestricted } from './checks/proc-mount.ts'
import { restrictedVolumes } from './checks/restricted-volumes.ts'
import { runAsNonRoot, runAsUser } from './checks/run-as.ts'
import { seLinuxOptions } from './checks/se-linux.ts'
import { seccompProfileBaseline, seccompProfileRestricted } from './checks/seccomp.ts'
import { sysctls } from './checks/sysctls.ts'
import type { LevelVersion } from './policy-version.ts'

/** Every control of the standard: those of the baseline first, each level by id, which is the order of messages. */
export const POD_CHECKS: readonly PodCheck[] = [
  appArmorProfile,
  capabilitiesBaseline,
  hostNamespaces,
  hostPathVolumes,
  hostPorts,
  hostProbesAndHostLifecycle,
  privileged,
  procMountBaseline,
  seLinuxOptions,
  seccompProfileBaseline,
  sysctls,
  windowsHostProcess,
  allowPrivilegeEscalation,
  capabilitiesRestricted,
  procMountRestricted,
  restrictedVolumes,
  runAsNonRoot,
  runAsUser,
  seccompProfileRestricted,
]

/** The newest version in which a control changed: newer ones, and `latest`, mean this one. */
const NEWEST = Math.max(...POD_CHECKS.flatMap((check) => check.versions.map((v) => v.since)))

const checksByPolicy = new Map<string, readonly CheckPod[]>()

/**
 * What a pod breaks of a policy, in the order of the controls; empty where it keeps to it.
 *
 * @see pod-security-admission policy/registry.go
 */
export function evaluatePod(policy: LevelVersion, metadata: ObjectMeta, spec: PodSpec): readonly Violation[] {
  if (policy.level === 'privileged') return []
  const version = policy.version === 'latest' ? NEWEST : Math.min(policy.version, NEWEST)
  const key = `${policy.level}:${version}`
  let checks = checksByPolicy.get(key)
  if (!checks) {
    checks = checksOf(policy.level, version)
    checksByPolicy.set(key, checks)
  }
  const violations: Violation[] = []
  for (const check of checks) {
    const violation = check(spec, metadata)
    if (violation) violations.push(violation)
  }
  return violations
}

function checksOf(level: 'baseline' | 'restricted', version: number): readonly CheckPod[] {
  const current = POD_CHECKS.filter((check) => level === 'restricted' || check.level === 'baseline').flatMap(
    (check) => {
      const own = check.versions.findLast((v) => v.since <= version)
      return own ? [[check.id, own] as const] : []
    },
  )
  const overridden = new Set(current.flatMap(([, own]: readonly [string, CheckVersion]) => own.overrides ?? []))
  return current.filter(([id]) => !overridden.has(id)).map(([, own]) => own.check)
}

/** `host namespaces (hostPID=true), privileged (container "a" …)` */
export function describeInDetail(violations: readonly Violation[]): string {
  return violations.map(({ reason, detail }) => (detail === '' ? reason : `${reason} (${detail})`)).join(', ')
}

/** `host namespaces, privileged` */
export function describeInShort(violations: readonly Violation[]): string {
  return violations.map(({ reason }) => reason).join(', ')
}
