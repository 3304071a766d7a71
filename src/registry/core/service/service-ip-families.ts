import { invalid as invalidObject } from '../../../apimachinery/api-error.ts'
import type { FieldError } from '../../../apimachinery/field-error.ts'
import { invalid } from '../../../apimachinery/field-error.ts'
import { FieldPath } from '../../../apimachinery/field-path.ts'
import type { ServiceSpec } from '../../../apimachinery/types/core-v1.ts'
import { isIPv6String } from '../../../apimachinery/validation/ip.ts'
import { namedString } from '../pod/field-checks.ts'
import { CLUSTER_IP_NONE, hasSelector, needsClusterIP, sameTexts } from './service-fields.ts'
import { printedPolicy, validateClusterIpFields } from './service-ip-validation.ts'

const CLUSTER_IPS = FieldPath.of('spec', 'clusterIPs')
const IP_FAMILIES = FieldPath.of('spec', 'ipFamilies')
const IP_FAMILY_POLICY = FieldPath.of('spec', 'ipFamilyPolicy')

export type IpFamily = 'IPv4' | 'IPv6'

/** What the cluster offers. */
export interface ClusterFamilies {
  /** Families of `--service-cluster-ip-range`, the default one first. */
  readonly configured: readonly IpFamily[]
  /** Addresses are read strictly; see {@link validateClusterIpFields}. */
  readonly strict: boolean
}

export const familyOf = (ip: string): IpFamily => (isIPv6String(ip) ? 'IPv6' : 'IPv4')
const otherFamily = (family: string | undefined): IpFamily => (family === 'IPv4' ? 'IPv6' : 'IPv4')

/**
 * Fills the families and the policy of a service by what the client said, what the service was and what the cluster
 * has. Errors: 422 where these do not go together.
 *
 * @see kubernetes pkg/registry/core/service/storage/alloc.go initIPFamilyFields
 */
export function initIpFamilies(
  spec: ServiceSpec,
  old: ServiceSpec | undefined,
  cluster: ClusterFamilies,
  serviceName: string,
): void {
  if (!needsClusterIP(spec) || keepsPreferDualStack(spec, old)) return
  spec.ipFamilyPolicy ??= defaultPolicy(spec, old)
  const refuse = (errors: readonly FieldError[]): void => {
    if (errors.length > 0) throw invalidObject({ group: '', kind: 'Service' }, serviceName, errors)
  }
  refuse(validateClusterIpFields(spec, old, cluster))
  refuse([
    ...(old ? checkReduction(spec, old) : []),
    ...checkSingleStack(spec),
    ...inferFamilies(spec, cluster.configured),
  ])
  if (spec.clusterIP === CLUSTER_IP_NONE && !hasSelector(spec)) {
    fillHeadlessFamilies(spec, cluster.configured[0]!)
    return
  }
  refuse(checkConfigured(spec, cluster.configured))
  const families = spec.ipFamilies ?? []
  spec.ipFamilies = families.length === 0 ? [cluster.configured[0]!] : families
  const wantsSecond = spec.ipFamilyPolicy !== 'SingleStack' && spec.ipFamilies.length === 1
  if (wantsSecond && cluster.configured.length === 2) spec.ipFamilies = withOther(spec.ipFamilies)
}

const withOther = (families: readonly string[]): string[] => [...families, otherFamily(families[0])]

/** A service that prefers two families keeps what it has when the cluster comes to have two, or one. */
export function keepsPreferDualStack(spec: ServiceSpec, old: ServiceSpec | undefined): boolean {
  if (!old || old.type !== spec.type) return false
  if (!['ClusterIP', 'NodePort', 'LoadBalancer'].includes(spec.type ?? '')) return false
  if (spec.ipFamilyPolicy !== 'PreferDualStack') return false
  if (old.ipFamilyPolicy !== undefined && old.ipFamilyPolicy !== 'PreferDualStack') return false
  return sameTexts(old.clusterIPs, spec.clusterIPs) && sameTexts(old.ipFamilies, spec.ipFamilies)
}

function defaultPolicy(spec: ServiceSpec, old: ServiceSpec | undefined): string {
  if (old?.ipFamilyPolicy !== undefined) return old.ipFamilyPolicy
  return spec.clusterIP === CLUSTER_IP_NONE && !hasSelector(spec) ? 'RequireDualStack' : 'SingleStack'
}

/** Only a change to SingleStack takes the second address and family away. */
function checkReduction(spec: ServiceSpec, old: ServiceSpec): FieldError[] {
  const { clusterIPs = [], ipFamilies = [] } = spec
  if (spec.ipFamilyPolicy === 'SingleStack') {
    if (sameTexts(old.clusterIPs, clusterIPs) && clusterIPs.length > 1) spec.clusterIPs = clusterIPs.slice(0, 1)
    if (sameTexts(old.ipFamilies, ipFamilies) && ipFamilies.length > 1) spec.ipFamilies = ipFamilies.slice(0, 1)
    return []
  }
  const reduced = (now: readonly string[], before: readonly string[] | undefined): boolean =>
    now.length > 0 && now.length < (before?.length ?? 0)
  const errors: FieldError[] = []
  const printed = printedPolicy(spec.ipFamilyPolicy)
  if (reduced(clusterIPs, old.clusterIPs)) {
    errors.push(invalid(IP_FAMILY_POLICY, printed, "must be 'SingleStack' to release the secondary cluster IP"))
  }
  if (reduced(ipFamilies, old.ipFamilies)) {
    errors.push(invalid(IP_FAMILY_POLICY, printed, "must be 'SingleStack' to release the secondary IP family"))
  }
  return errors
}

function checkSingleStack(spec: ServiceSpec): FieldError[] {
  if (spec.ipFamilyPolicy !== 'SingleStack') return []
  const say = (what: string): FieldError => {
    const words = `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`
    return invalid(IP_FAMILY_POLICY, printedPolicy(spec.ipFamilyPolicy), words)
  }
  const errors: FieldError[] = []
  if ((spec.clusterIPs ?? []).length === 2) errors.push(say('cluster IPs'))
  if ((spec.ipFamilies ?? []).length === 2) errors.push(say('IP families'))
  return errors
}

/** An address says its family where the client did not. */
function inferFamilies(spec: ServiceSpec, configured: readonly IpFamily[]): FieldError[] {
  const errors: FieldError[] = []
  const families = [...(spec.ipFamilies ?? [])]
  for (const [i, ip] of (spec.clusterIPs ?? []).entries()) {
    if (ip === CLUSTER_IP_NONE) break
    if (i < families.length) continue
    const family = familyOf(ip)
    if (configured.includes(family)) families.push(family)
    else errors.push(invalid(CLUSTER_IPS.index(i), spec.clusterIPs, `${family} is not configured on this cluster`))
  }
  if (families.length > 0) spec.ipFamilies = families
  return errors
}

/** A headless service without a selector may have families that the cluster has not. */
function fillHeadlessFamilies(spec: ServiceSpec, defaultFamily: IpFamily): void {
  const families = spec.ipFamilies ?? []
  spec.ipFamilies = families.length === 0 ? [defaultFamily] : families
  if (spec.ipFamilies.length < 2 && spec.ipFamilyPolicy !== 'SingleStack') spec.ipFamilies = withOther(spec.ipFamilies)
}

function checkConfigured(spec: ServiceSpec, configured: readonly IpFamily[]): FieldError[] {
  const errors: FieldError[] = []
  if (spec.ipFamilyPolicy === 'RequireDualStack' && configured.length < 2) {
    const words = 'this cluster is not configured for dual-stack services'
    errors.push(invalid(IP_FAMILY_POLICY, printedPolicy(spec.ipFamilyPolicy), words))
  }
  for (const [i, family] of (spec.ipFamilies ?? []).entries()) {
    if (configured.includes(family as IpFamily)) continue
    errors.push(invalid(IP_FAMILIES.index(i), namedString(family), 'not configured on this cluster'))
  }
  return errors
}
