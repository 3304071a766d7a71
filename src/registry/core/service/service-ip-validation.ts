/**
 * Cluster IPs, IP families and the policy on them.
 *
 * @see kubernetes pkg/apis/core/validation/validation.go
 */
import type { FieldError } from '../../../apimachinery/field-error.ts'
import { duplicate, invalid, notSupported, required } from '../../../apimachinery/field-error.ts'
import { FieldPath } from '../../../apimachinery/field-path.ts'
import type { ServiceSpec } from '../../../apimachinery/types/core-v1.ts'
import { isIPv6String, isValidIPForLegacyField, parseIp } from '../../../apimachinery/validation/ip.ts'
import { namedString } from '../pod/field-checks.ts'
import { CLUSTER_IP_NONE, isHeadless } from './service-fields.ts'

const CLUSTER_IPS = FieldPath.of('spec', 'clusterIPs')
const IP_FAMILIES = FieldPath.of('spec', 'ipFamilies')
const IP_FAMILY_POLICY = FieldPath.of('spec', 'ipFamilyPolicy')
const FAMILIES = ['IPv4', 'IPv6']
const POLICIES = ['PreferDualStack', 'RequireDualStack', 'SingleStack']
const UNCHANGEABLE = 'may not change once set'

/** An empty list prints as none. */
const printedList = (list: readonly string[] | undefined): readonly string[] | null =>
  list && list.length > 0 ? list : null

/** A policy as messages print it. */
export const printedPolicy = (policy: string | undefined): unknown =>
  policy === undefined ? null : namedString(policy)

/** What allocation needs to be sure of before it starts; also part of validation. */
export function validateClusterIpFields(
  spec: ServiceSpec,
  old: ServiceSpec | undefined,
  { strict }: { readonly strict: boolean },
): FieldError[] {
  if (spec.type === 'ExternalName') return []
  const errors = [...validateFirst(spec), ...validateFamilies(spec.ipFamilies ?? [])]
  const policy = spec.ipFamilyPolicy
  if (policy !== undefined && !POLICIES.includes(policy)) {
    errors.push(notSupported(IP_FAMILY_POLICY, namedString(policy), POLICIES))
  }
  const ips = spec.clusterIPs ?? []
  const ipErrors = validateAddresses(ips, old?.clusterIPs ?? [], strict)
  errors.push(...ipErrors)
  if (ips.length > 2) errors.push(invalid(CLUSTER_IPS, ips, 'may only hold up to 2 values'))
  if (ipErrors.length > 0) return errors
  if (ips.length > 1 && new Set(ips.map((ip) => parseIp(ip)?.family)).size < 2) {
    errors.push(invalid(CLUSTER_IPS, ips, 'may specify no more than one IP for each IP family'))
  }
  return isHeadless(spec) ? errors : errors.concat(validateFamilyOfEach(ips, spec.ipFamilies ?? []))
}

/** The single address of older clients and the first of the list are the same. */
function validateFirst({ clusterIP = '', clusterIPs = [] }: ServiceSpec): FieldError[] {
  if (clusterIP === '') {
    if (clusterIPs.length === 0) return []
    return [invalid(CLUSTER_IPS, clusterIPs, 'must be empty when `clusterIP` is not specified')]
  }
  if (clusterIPs.length === 0) return [required(CLUSTER_IPS, '')]
  return clusterIPs[0] === clusterIP ? [] : [invalid(CLUSTER_IPS, clusterIPs, 'first value must match `clusterIP`')]
}

function validateFamilies(families: readonly string[]): FieldError[] {
  const errors: FieldError[] = []
  for (const [i, family] of families.entries()) {
    const path = IP_FAMILIES.index(i)
    if (!FAMILIES.includes(family)) errors.push(notSupported(path, namedString(family), FAMILIES))
    if (families.indexOf(family) < i) errors.push(duplicate(path, namedString(family)))
  }
  return errors
}

function validateAddresses(ips: readonly string[], validOld: readonly string[], strict: boolean): FieldError[] {
  return ips.flatMap((ip, i) => {
    if (i > 0 || ip !== CLUSTER_IP_NONE) return isValidIPForLegacyField(CLUSTER_IPS.index(i), ip, { strict, validOld })
    return ips.length === 1 ? [] : [invalid(CLUSTER_IPS, ips, "'None' must be the first and only value")]
  })
}

function validateFamilyOfEach(ips: readonly string[], families: readonly string[]): FieldError[] {
  const errors: FieldError[] = []
  for (const [i, ip] of ips.slice(0, families.length).entries()) {
    const expected = families[i]!
    const isV6 = isIPv6String(ip)
    if (expected === 'IPv4' ? !isV6 : expected === 'IPv6' ? isV6 : true) continue
    const words = `expected an ${expected} value as indicated by \`ipFamilies[${i}]\``
    errors.push(invalid(CLUSTER_IPS.index(i), ip, words))
  }
  return errors
}

/** A service may gain a second cluster IP and lose it again; the first stays. */
export function validateClusterIpsUpdate(spec: ServiceSpec, old: ServiceSpec): FieldError[] {
  if (spec.type === 'ExternalName' || old.type === 'ExternalName') return []
  if (isHeadless(old) && isHeadless(spec)) return []
  const ips = spec.clusterIPs ?? []
  const before = old.clusterIPs ?? []
  const changed = (i: number): FieldError => invalid(CLUSTER_IPS.index(i), printedList(ips), UNCHANGEABLE)
  if (before.length === ips.length) return before.flatMap((ip, i) => (ip === ips[i] ? [] : [changed(i)]))
  const errors: FieldError[] = []
  if (ips.length === 0) errors.push(invalid(CLUSTER_IPS.index(0), null, 'primary clusterIP can not be unset'))
  else if (before.length > 0 && ips[0] !== before[0]) errors.push(changed(0))
  if (before.length > ips.length && ips.length === 1 && spec.ipFamilyPolicy !== 'SingleStack') {
    const words = "must be set to 'SingleStack' when releasing the secondary clusterIP"
    errors.push(invalid(IP_FAMILY_POLICY, printedPolicy(spec.ipFamilyPolicy), words))
  }
  return errors
}

/** The same for families. All errors stand on the first of them, and some print the cluster IPs, as upstream does. */
export function validateIpFamiliesUpdate(spec: ServiceSpec, old: ServiceSpec): FieldError[] {
  if (spec.type === 'ExternalName' || old.type === 'ExternalName') return []
  if (isHeadless(old) || isHeadless(spec)) return []
  const families = spec.ipFamilies ?? []
  const before = old.ipFamilies ?? []
  const first = IP_FAMILIES.index(0)
  if (before.length === families.length) {
    const changed = before.filter((family, i) => family !== families[i])
    return changed.map(() => invalid(first, printedList(families), UNCHANGEABLE))
  }
  const errors: FieldError[] = []
  const reduced = before.length > families.length
  if (reduced && (spec.clusterIPs ?? []).length === 0) {
    errors.push(invalid(first, printedList(families), 'primary ipFamily can not be unset'))
  }
  if (families.length > 0 && before.length > 0 && families[0] !== before[0]) {
    errors.push(invalid(first, printedList(spec.clusterIPs), UNCHANGEABLE))
  }
  if (reduced && families.length === 1 && spec.ipFamilyPolicy !== 'SingleStack') {
    const words = "must be set to 'SingleStack' when releasing the secondary ipFamily"
    errors.push(invalid(IP_FAMILY_POLICY, printedPolicy(spec.ipFamilyPolicy), words))
  }
  return errors
}
