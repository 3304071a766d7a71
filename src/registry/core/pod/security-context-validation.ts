import { duplicate, forbidden, invalid, notSupported, required, tooLong } from '../../../apimachinery/field-error.ts'
import type { FieldPath } from '../../../apimachinery/field-path.ts'
import type {
  AppArmorProfile,
  PodSecurityContext,
  PodSpec,
  SeccompProfile,
  SecurityContext,
} from '../../../apimachinery/types/core-v1.ts'
import { byteLength, isValidGroupID, isValidUserID } from '../../../apimachinery/validation/names.ts'
import { addInvalid, checkLocalDescendingPath, checkOneOf, type Errors, namedString } from './field-checks.ts'
import { goPodValue } from './go-pod-types.ts'
import type { PodValidationOptions } from './pod-validation-options.ts'
import { hostNamespaceOfSysctl } from './sysctl-names.ts'
import { checkWindowsOptions } from './windows-validation.ts'

const PROFILE_TYPES = ['Localhost', 'RuntimeDefault', 'Unconfined']
/** A path without its ending zero byte. */
const MAX_APP_ARMOR_PROFILE_LENGTH = 4095
const SYSCTL_MAX_LENGTH = 253
const SYSCTL_SEGMENT = '[a-z0-9]([-_a-z0-9]*[a-z0-9])?'
const SYSCTL_PATTERN = `^(${SYSCTL_SEGMENT}[\\./])*${SYSCTL_SEGMENT}$`
const SYSCTL_SEGMENT_REGEXP = new RegExp(`^${SYSCTL_SEGMENT}$`)

interface Ids {
  readonly runAsUser?: number
  readonly runAsGroup?: number
}

function checkRunAs(errors: Errors, { runAsUser, runAsGroup }: Ids, path: FieldPath): void {
  if (runAsUser !== undefined) addInvalid(errors, path.child('runAsUser'), runAsUser, isValidUserID(runAsUser))
  if (runAsGroup !== undefined) addInvalid(errors, path.child('runAsGroup'), runAsGroup, isValidGroupID(runAsGroup))
}

/**
 * Security context of a container. `hostUsers`: the pod runs in the node's user namespace.
 *
 * @see kubernetes pkg/apis/core/validation/validation.go ValidateSecurityContext
 */
export function checkSecurityContext(
  errors: Errors,
  context: SecurityContext,
  path: FieldPath,
  { hostUsers, options }: { readonly hostUsers: boolean; readonly options: PodValidationOptions },
): void {
  if (context.privileged && !options.allowPrivileged) {
    errors.push(forbidden(path.child('privileged'), 'disallowed by cluster policy'))
  }
  checkRunAs(errors, context, path)
  if (context.procMount !== undefined) {
    const at = path.child('procMount')
    checkOneOf(errors, context.procMount, at, ['Default', 'Unmasked'])
    if (hostUsers && context.procMount === 'Unmasked') {
      errors.push(invalid(at, context.procMount, '`hostUsers` must be false to use `Unmasked`'))
    }
  }
  checkSeccompProfile(errors, context.seccompProfile, path.child('seccompProfile'))
  if (context.allowPrivilegeEscalation === false) checkEscalation(errors, context, path)
  checkWindowsOptions(errors, context.windowsOptions, path.child('windowsOptions'))
  checkAppArmorProfile(errors, context.appArmorProfile, path.child('appArmorProfile'))
}

function checkEscalation(errors: Errors, context: SecurityContext, path: FieldPath): void {
  const value = (): unknown => goPodValue('SecurityContext', context)
  if (context.privileged) {
    errors.push(invalid(path, value(), 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'))
  }
  for (const capability of context.capabilities?.add ?? []) {
    if (capability !== 'CAP_SYS_ADMIN') continue
    const detail = 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN'
    errors.push(invalid(path, value(), detail))
  }
}

function checkSeccompProfile(errors: Errors, profile: SeccompProfile | undefined, path: FieldPath): void {
  if (!profile) return
  const { type = '', localhostProfile } = profile
  if (type === '') errors.push(required(path.child('type'), 'type is required when seccompProfile is set'))
  else checkOneOf(errors, type, path.child('type'), PROFILE_TYPES)
  const at = path.child('localhostProfile')
  if (type !== 'Localhost') {
    if (localhostProfile === undefined) return
    errors.push(invalid(at, goPodValue('SeccompProfile', profile), 'can only be set when seccomp type is Localhost'))
  } else if (localhostProfile === undefined) {
    errors.push(required(at, 'must be set when seccomp type is Localhost'))
  } else checkLocalDescendingPath(errors, localhostProfile, at)
}

/** AppArmor profile of a pod or a container. */
export function checkAppArmorProfile(errors: Errors, profile: AppArmorProfile | undefined, path: FieldPath): void {
  if (!profile) return
  const { type = '', localhostProfile } = profile
  const at = path.child('localhostProfile')
  switch (type) {
    case 'Localhost':
      checkAppArmorLocalhost(errors, localhostProfile, at)
      return
    case 'RuntimeDefault':
    case 'Unconfined':
      if (localhostProfile !== undefined) {
        errors.push(invalid(at, localhostProfile, 'can only be set when AppArmor type is Localhost'))
      }
      return
    case '':
      return void errors.push(required(path.child('type'), 'type is required when appArmorProfile is set'))
    default:
      errors.push(notSupported(path.child('type'), namedString(type), PROFILE_TYPES))
  }
}

function checkAppArmorLocalhost(errors: Errors, profile: string | undefined, path: FieldPath): void {
  const detail = 'must be set when AppArmor type is Localhost'
  if (profile === undefined) return void errors.push(required(path, detail))
  if (profile.trim() !== profile) errors.push(invalid(path, profile, 'must not be padded with whitespace'))
  else if (profile === '') errors.push(required(path, detail))
  if (byteLength(profile) > MAX_APP_ARMOR_PROFILE_LENGTH) errors.push(tooLong(path, MAX_APP_ARMOR_PROFILE_LENGTH))
}

function isValidSysctlName(name: string): boolean {
  return byteLength(name) <= SYSCTL_MAX_LENGTH && name.split(/[./]/).every((part) => SYSCTL_SEGMENT_REGEXP.test(part))
}

function checkSysctls(errors: Errors, spec: PodSpec, path: FieldPath, options: PodValidationOptions): void {
  const names = new Set<string>()
  for (const [i, { name = '' }] of (spec.securityContext?.sysctls ?? []).entries()) {
    const at = path.index(i).child('name')
    if (name === '') errors.push(required(at, ''))
    else if (!isValidSysctlName(name)) {
      const detail = `must have at most ${SYSCTL_MAX_LENGTH} characters and match regex ${SYSCTL_PATTERN}`
      errors.push(invalid(at, name, detail))
    } else if (names.has(name)) errors.push(duplicate(at, name))
    const host = options.allowNamespacedSysctlsForHostNetAndHostIPC ? undefined : hostNamespaceOfSysctl(name, spec)
    if (host) errors.push(invalid(at, name, `may not be specified when '${host}' is true`))
    names.add(name)
  }
}

/** Security context of the pod as a whole. */
export function checkPodSecurityContext(
  errors: Errors,
  spec: PodSpec,
  path: FieldPath,
  options: PodValidationOptions,
): void {
  const context = spec.securityContext ?? {}
  if (context.fsGroup !== undefined) {
    addInvalid(errors, path.child('fsGroup'), context.fsGroup, isValidGroupID(context.fsGroup))
  }
  checkRunAs(errors, context, path)
  for (const [i, gid] of (context.supplementalGroups ?? []).entries()) {
    addInvalid(errors, path.child('supplementalGroups').index(i), gid, isValidGroupID(gid))
  }
  if (spec.shareProcessNamespace && spec.hostPID) {
    const detail = 'ShareProcessNamespace and HostPID cannot both be enabled'
    errors.push(invalid(path.child('shareProcessNamespace'), true, detail))
  }
  checkSysctls(errors, spec, path.child('sysctls'), options)
  checkPodSecurityPolicies(errors, context, path, options)
}

function checkPodSecurityPolicies(
  errors: Errors,
  context: PodSecurityContext,
  path: FieldPath,
  options: PodValidationOptions,
): void {
  if (context.fsGroupChangePolicy !== undefined) {
    checkOneOf(errors, context.fsGroupChangePolicy, path.child('fsGroupChangePolicy'), ['Always', 'OnRootMismatch'])
  }
  checkSeccompProfile(errors, context.seccompProfile, path.child('seccompProfile'))
  checkWindowsOptions(errors, context.windowsOptions, path.child('windowsOptions'))
  checkAppArmorProfile(errors, context.appArmorProfile, path.child('appArmorProfile'))
  if (context.supplementalGroupsPolicy !== undefined) {
    checkOneOf(errors, context.supplementalGroupsPolicy, path.child('supplementalGroupsPolicy'), ['Merge', 'Strict'])
  }
  if (context.seLinuxChangePolicy !== undefined) {
    const policies = options.allowOnlyRecursiveSELinuxChangePolicy ? ['Recursive'] : ['MountOption', 'Recursive']
    checkOneOf(errors, context.seLinuxChangePolicy, path.child('seLinuxChangePolicy'), policies)
  }
}
