import { forbidden, invalid } from '../../../apimachinery/field-error.ts'
import type { FieldPath } from '../../../apimachinery/field-path.ts'
import type { PodSecurityContext, PodSpec, WindowsSecurityContextOptions } from '../../../apimachinery/types/core-v1.ts'
import { byteLength, isDNS1123Subdomain } from '../../../apimachinery/validation/names.ts'
import { addInvalid, type Errors } from './field-checks.ts'
import { visitContainersWithPath } from './pod-containers.ts'
import type { PodValidationOptions } from './pod-validation-options.ts'

const MAX_CREDENTIAL_SPEC_KIB = 64
const MAX_DOMAIN_LENGTH = 256
const MAX_USER_LENGTH = 104

const CONTROL_CHARACTER = /\p{Cc}/u
const NET_BIOS = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/
const DNS_LABEL = /^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$/
const FORBIDDEN_IN_USER = /["/\\:;|=,+*?<>@[\]]/
const DOTS_AND_BLANKS = /^[. ]+$/

/** Options for Windows of a pod or a container. */
export function checkWindowsOptions(
  errors: Errors,
  options: WindowsSecurityContextOptions | undefined,
  path: FieldPath,
): void {
  if (!options) return
  const { gmsaCredentialSpecName, gmsaCredentialSpec, runAsUserName } = options
  if (gmsaCredentialSpecName !== undefined) {
    const messages = isDNS1123Subdomain(gmsaCredentialSpecName)
    addInvalid(errors, path.child('gmsaCredentialSpecName'), gmsaCredentialSpecName, messages)
  }
  if (gmsaCredentialSpec === '') {
    const detail = 'gmsaCredentialSpec cannot be an empty string'
    errors.push(invalid(path.child('gmsaCredentialSpec'), gmsaCredentialSpec, detail))
  } else if (gmsaCredentialSpec !== undefined && byteLength(gmsaCredentialSpec) > MAX_CREDENTIAL_SPEC_KIB * 1024) {
    const detail = `gmsaCredentialSpec size must be under ${MAX_CREDENTIAL_SPEC_KIB} KiB`
    errors.push(invalid(path.child('gmsaCredentialSpec'), gmsaCredentialSpec, detail))
  }
  if (runAsUserName !== undefined) {
    addInvalid(errors, path.child('runAsUserName'), runAsUserName, runAsUserNameErrors(runAsUserName))
  }
}

function runAsUserNameErrors(name: string): string[] {
  if (name === '') return ['runAsUserName cannot be an empty string']
  if (CONTROL_CHARACTER.test(name)) return ['runAsUserName cannot contain control characters']
  const parts = name.split('\\')
  if (parts.length > 2) return ['runAsUserName cannot contain more than one backslash']
  const domain = parts.length === 2 ? parts[0]! : undefined
  const user = parts.at(-1)!
  const errors: string[] = []
  if (domain !== undefined) {
    if (byteLength(domain) >= MAX_DOMAIN_LENGTH) {
      errors.push(`runAsUserName's Domain length must be under ${MAX_DOMAIN_LENGTH} characters`)
    }
    if (!NET_BIOS.test(domain) && !domain.split('.').every((label) => DNS_LABEL.test(label))) {
      errors.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format")
    }
  }
  if (user === '') errors.push("runAsUserName's User cannot be empty")
  else if (byteLength(user) > MAX_USER_LENGTH) {
    errors.push(`runAsUserName's User length must not be longer than ${MAX_USER_LENGTH} characters`)
  }
  if (DOTS_AND_BLANKS.test(user)) errors.push("runAsUserName's User cannot contain only periods or spaces")
  if (FORBIDDEN_IN_USER.test(user)) {
    errors.push(`runAsUserName's User cannot contain the following characters: "/\\:;|=,+*?<>@[]`)
  }
  return errors
}

/** Host process containers: all of a pod's or none, on the host's network, in a cluster that allows privileges. */
export function checkWindowsHostProcessPod(
  errors: Errors,
  spec: PodSpec,
  path: FieldPath,
  options: PodValidationOptions,
): void {
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess
  let all = 0
  let hostProcess = 0
  visitContainersWithPath(spec, path, (container, own) => {
    all++
    const ofContainer = container.securityContext?.windowsOptions?.hostProcess
    if (ofPod !== undefined && ofContainer !== undefined && ofPod !== ofContainer) {
      const detail = `pod hostProcess value must be identical if both are specified, was ${ofPod}`
      errors.push(invalid(own.child('securityContext', 'windowsOptions', 'hostProcess'), ofContainer, detail))
    }
    if (ofContainer ?? ofPod) hostProcess++
  })
  if (hostProcess === 0) return
  if (hostProcess !== all) {
    const detail = 'If pod contains any hostProcess containers then all containers must be HostProcess containers'
    errors.push(invalid(path, '', detail))
  }
  if (!spec.hostNetwork) {
    const detail = 'hostNetwork must be true if pod contains any hostProcess containers'
    errors.push(invalid(path.child('hostNetwork'), false, detail))
  }
  if (!options.allowPrivileged) {
    errors.push(forbidden(path, 'hostProcess containers are disallowed by cluster policy'))
  }
}

/** What a pod for Linux cannot have. */
export function checkLinuxPod(errors: Errors, spec: PodSpec, path: FieldPath): void {
  const detail = 'windows options cannot be set for a linux pod'
  if (spec.securityContext?.windowsOptions) {
    errors.push(forbidden(path.child('securityContext', 'windowsOptions'), detail))
  }
  visitContainersWithPath(spec, path, (container, own) => {
    if (!container.securityContext?.windowsOptions) return
    errors.push(forbidden(own.child('securityContext', 'windowsOptions'), detail))
  })
}

/** Fields of a pod's security context and of the spec, in the order in which upstream looks at them. */
const LINUX_POD_FIELDS: readonly (
  | keyof PodSecurityContext
  | 'hostUsers'
  | 'hostPID'
  | 'hostIPC'
  | 'shareProcessNamespace'
)[] = [
  'appArmorProfile',
  'seLinuxOptions',
  'hostUsers',
  'hostPID',
  'hostIPC',
  'seccompProfile',
  'fsGroup',
  'fsGroupChangePolicy',
  'sysctls',
  'shareProcessNamespace',
  'runAsUser',
  'runAsGroup',
  'supplementalGroups',
  'supplementalGroupsPolicy',
  'seLinuxChangePolicy',
]

const LINUX_CONTAINER_FIELDS = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'capabilities',
  'readOnlyRootFilesystem',
  'privileged',
  'allowPrivilegeEscalation',
  'procMount',
  'runAsUser',
  'runAsGroup',
] as const

/** What a pod for Windows cannot have. */
export function checkWindowsPod(errors: Errors, spec: PodSpec, path: FieldPath): void {
  const detail = 'cannot be set for a windows pod'
  for (const field of LINUX_POD_FIELDS) {
    switch (field) {
      case 'hostPID':
      case 'hostIPC':
        if (spec[field]) errors.push(forbidden(path.child(field), detail))
        break
      case 'hostUsers':
      case 'shareProcessNamespace':
        if (spec[field] !== undefined) errors.push(forbidden(path.child(field), detail))
        break
      default: {
        const value = spec.securityContext?.[field]
        if (value === undefined || (field === 'sysctls' && spec.securityContext?.sysctls?.length === 0)) break
        errors.push(forbidden(path.child('securityContext', field), detail))
      }
    }
  }
  visitContainersWithPath(spec, path, (container, own) => {
    for (const field of LINUX_CONTAINER_FIELDS) {
      if (container.securityContext?.[field] === undefined) continue
      errors.push(forbidden(own.child('securityContext', field), detail))
    }
  })
}
