import { FieldPath } from '../../../apimachinery/field-path.ts'
import { parseQuantity } from '../../../apimachinery/quantity.ts'
import type { PodSpec, PodTemplateSpec, Toleration } from '../../../apimachinery/types/core-v1.ts'
import type { ObjectMeta } from '../../../apimachinery/types/meta-v1.ts'
import { validateLabelSelector } from '../../../apimachinery/validation/object-meta.ts'
import { hasInvalidLabelValue } from '../node-selector.ts'
import { featureEnabled, type PodConfig } from './feature-gates.ts'
import { isLocalNonReservedPath } from './field-checks.ts'
import {
  podAffinityTermSelectorErrors,
  validateMatchLabelKeysAndMismatchLabelKeys,
  validateMatchLabelKeysInTopologySpread,
} from './label-keys-validation.ts'
import { podDeletionCostIsValid } from './pod-annotation-validation.ts'
import { allContainers, isRestartableInitContainer } from './pod-containers.ts'
import { isHugePageResourceName, isHugePageResourceValueDivisible } from './resource-names.ts'
import { isHostSysctl } from './sysctl-names.ts'

/**
 * What the validation of a pod spec lets pass: features, and rules that the stored object breaks already (an update must
 * not fail over what was there before).
 *
 * @see kubernetes pkg/apis/core/validation/validation.go PodValidationOptions
 */
export interface PodValidationOptions {
  /** `--allow-privileged`. */
  readonly allowPrivileged: boolean
  /** A pod of its own, not a template. */
  readonly resourceIsPod: boolean
  readonly strictIPValidation: boolean
  readonly allowInvalidPodDeletionCost: boolean
  readonly allowInvalidLabelValueInSelector: boolean
  readonly allowIndivisibleHugePagesValues: boolean
  readonly allowInvalidTopologySpreadConstraintLabelSelector: boolean
  readonly allowNonLocalProjectedTokenPath: boolean
  readonly allowNamespacedSysctlsForHostNetAndHostIPC: boolean
  readonly allowOnlyRecursiveSELinuxChangePolicy: boolean
  readonly podLevelResourcesEnabled: boolean
  readonly inPlacePodLevelResourcesVerticalScalingEnabled: boolean
  readonly inPlacePodVerticalScalingInitContainersEnabled: boolean
  readonly allowInvalidLabelValueInRequiredNodeAffinity: boolean
  /** Rule for matchLabelKeys of topology spread constraints. */
  readonly topologySpreadLabelKeys: 'merged' | 'separate'
  readonly allowEnvFilesValidation: boolean
  readonly allowContainerRestartPolicyRules: boolean
  readonly allowRestartAllContainers: boolean
  readonly allowExistingRestartContainerForNonSidecarInitContainer: boolean
  readonly allowUserNamespacesWithVolumeDevices: boolean
  readonly allowTaintTolerationComparisonOperators: boolean
  readonly allowUserNamespacesHostNetworkSupport: boolean
  readonly allowImageVolumeWithDigest: boolean
  readonly clearingNominatedNodeNameAfterBinding: boolean
}

/** Options for a pod; the old one on an update. */
export function podValidationOptionsFromPodSpecAndMeta(
  old: { readonly spec?: PodSpec; readonly metadata?: ObjectMeta } | undefined,
  config: PodConfig,
): PodValidationOptions {
  const oldSpec = old?.spec
  const on = (gate: Parameters<typeof featureEnabled>[1]): boolean => featureEnabled(config, gate)
  const inOld = (test: (spec: PodSpec) => boolean): boolean => oldSpec !== undefined && test(oldSpec)
  return {
    allowPrivileged: config.allowPrivileged,
    resourceIsPod: false,
    strictIPValidation: on('StrictIPCIDRValidation'),
    allowInvalidPodDeletionCost:
      !on('PodDeletionCost') || (old !== undefined && !podDeletionCostIsValid(old.metadata?.annotations)),
    allowInvalidLabelValueInSelector: inOld(hasInvalidLabelValueInAffinitySelector),
    allowIndivisibleHugePagesValues: inOld(usesIndivisibleHugePagesValues),
    allowInvalidTopologySpreadConstraintLabelSelector: inOld(hasInvalidSpreadSelector),
    allowNonLocalProjectedTokenPath: inOld(hasNonLocalProjectedTokenPath),
    allowNamespacedSysctlsForHostNetAndHostIPC: inOld(usesHostSysctls),
    allowOnlyRecursiveSELinuxChangePolicy:
      !on('SELinuxMount') && !inOld((s) => s.securityContext?.seLinuxChangePolicy !== undefined),
    podLevelResourcesEnabled: on('PodLevelResources'),
    inPlacePodLevelResourcesVerticalScalingEnabled: on('InPlacePodLevelResourcesVerticalScaling'),
    inPlacePodVerticalScalingInitContainersEnabled: on('InPlacePodVerticalScalingInitContainers'),
    allowInvalidLabelValueInRequiredNodeAffinity: inOld(hasInvalidLabelValueInNodeAffinity),
    topologySpreadLabelKeys: topologySpreadLabelKeys(oldSpec, config),
    allowEnvFilesValidation: on('EnvFiles') || inOld(usesFileKeyRefs),
    allowContainerRestartPolicyRules: on('ContainerRestartRules') || inOld(usesContainerRestartRules),
    allowRestartAllContainers: on('RestartAllContainersOnContainerExits') || inOld(usesRestartAllContainers),
    allowExistingRestartContainerForNonSidecarInitContainer: inOld(resizesInitContainersByRestart),
    allowUserNamespacesWithVolumeDevices: inOld(usesUserNamespacesWithVolumeDevices),
    allowTaintTolerationComparisonOperators:
      on('TaintTolerationComparisonOperators') || inOld((s) => (s.tolerations ?? []).some(isComparison)),
    allowUserNamespacesHostNetworkSupport:
      on('UserNamespacesHostNetworkSupport') || inOld((s) => s.hostUsers === false && s.hostNetwork === true),
    allowImageVolumeWithDigest: on('ImageVolumeWithDigest'),
    clearingNominatedNodeNameAfterBinding: on('ClearingNominatedNodeNameAfterBinding'),
  }
}

/** Options for a pod template; the old one on an update. */
export function podValidationOptionsFromPodTemplate(
  _template: PodTemplateSpec | undefined,
  oldTemplate: PodTemplateSpec | undefined,
  config: PodConfig,
): PodValidationOptions {
  return podValidationOptionsFromPodSpecAndMeta(oldTemplate, config)
}

/** Root of paths that no one sees: only whether there are errors matters. */
const NOWHERE = FieldPath.of('')

function topologySpreadLabelKeys(oldSpec: PodSpec | undefined, config: PodConfig): 'merged' | 'separate' {
  if (!featureEnabled(config, 'MatchLabelKeysInPodTopologySpread')) return 'separate'
  const constraints = oldSpec?.topologySpreadConstraints ?? []
  if (featureEnabled(config, 'MatchLabelKeysInPodTopologySpreadSelectorMerge')) {
    const violates = constraints.some(
      (c) =>
        validateMatchLabelKeysAndMismatchLabelKeys(NOWHERE, c.matchLabelKeys, undefined, c.labelSelector).length > 0,
    )
    return violates ? 'separate' : 'merged'
  }
  const violates = constraints.some(
    (c) => validateMatchLabelKeysInTopologySpread(NOWHERE, c.matchLabelKeys, c.labelSelector).length > 0,
  )
  return violates ? 'merged' : 'separate'
}

function hasInvalidLabelValueInAffinitySelector({ affinity }: PodSpec): boolean {
  return [affinity?.podAffinity, affinity?.podAntiAffinity].some((kind) => {
    const terms = [
      ...(kind?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
      ...(kind?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => term.podAffinityTerm),
    ]
    return terms.some((term) => term && podAffinityTermSelectorErrors(term, false, NOWHERE).length > 0)
  })
}

function hasInvalidLabelValueInNodeAffinity({ affinity }: PodSpec): boolean {
  return hasInvalidLabelValue(affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms)
}

function usesIndivisibleHugePagesValues(spec: PodSpec): boolean {
  const indivisible = (list: Record<string, string> | undefined): boolean =>
    Object.entries(list ?? {}).some(
      ([name, text]) => isHugePageResourceName(name) && !isHugePageResourceValueDivisible(name, parseQuantity(text)),
    )
  for (const { resources } of allContainers(spec)) {
    if (indivisible(resources?.limits) || indivisible(resources?.requests)) return true
  }
  return indivisible(spec.overhead)
}

function hasInvalidSpreadSelector(spec: PodSpec): boolean {
  return (spec.topologySpreadConstraints ?? []).some(
    (c) => validateLabelSelector(c.labelSelector, {}, NOWHERE).length > 0,
  )
}

function hasNonLocalProjectedTokenPath(spec: PodSpec): boolean {
  return (spec.volumes ?? []).some((volume) =>
    (volume.projected?.sources ?? []).some(
      ({ serviceAccountToken: token }) => token && !isLocalNonReservedPath(token.path ?? ''),
    ),
  )
}

function usesHostSysctls(spec: PodSpec): boolean {
  return (spec.securityContext?.sysctls ?? []).some(({ name }) => isHostSysctl(name, spec))
}

function usesFileKeyRefs(spec: PodSpec): boolean {
  for (const { env } of allContainers(spec)) if (env?.some((e) => e.valueFrom?.fileKeyRef)) return true
  return false
}

function usesContainerRestartRules(spec: PodSpec): boolean {
  const initContainers = spec.initContainers ?? []
  const containers = spec.containers ?? []
  return (
    initContainers.some((c) => (c.restartPolicy ?? 'Always') !== 'Always' || (c.restartPolicyRules ?? []).length > 0) ||
    containers.some((c) => c.restartPolicy !== undefined)
  )
}

function usesRestartAllContainers(spec: PodSpec): boolean {
  const initContainers = spec.initContainers ?? []
  const containers = spec.containers ?? []
  return (
    [...containers, ...initContainers].some((c) =>
      c.restartPolicyRules?.some((r) => r.action === 'RestartAllContainers'),
    ) || initContainers.some((c) => isRestartableInitContainer(c) && (c.restartPolicyRules ?? []).length > 0)
  )
}

function resizesInitContainersByRestart({ initContainers = [] }: PodSpec): boolean {
  return initContainers.some(
    (c) => !isRestartableInitContainer(c) && c.resizePolicy?.some((p) => p.restartPolicy === 'RestartContainer'),
  )
}

function usesUserNamespacesWithVolumeDevices(spec: PodSpec): boolean {
  if (spec.hostUsers !== false) return false
  for (const { volumeDevices } of allContainers(spec)) if (volumeDevices?.length) return true
  return false
}

function isComparison({ operator }: Toleration): boolean {
  return operator === 'Lt' || operator === 'Gt'
}
