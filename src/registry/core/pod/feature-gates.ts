import type { RegistryConfig } from '../../resource.ts'

/**
 * Defaults in v1.36 of the gates that change what a pod may say and that can be switched.
 *
 * @see kubernetes pkg/features/kube_features.go
 */
const DEFAULTS = {
  ClearingNominatedNodeNameAfterBinding: true,
  ClusterTrustBundleProjection: false,
  ContainerRestartRules: true,
  ContainerStopSignals: false,
  DRAExtendedResource: true,
  DRANodeAllocatableResources: false,
  EnvFiles: true,
  GenericWorkload: false,
  GitRepoVolumeDriver: false,
  HostnameOverride: true,
  ImageVolumeWithDigest: false,
  InPlacePodLevelResourcesVerticalScaling: true,
  InPlacePodVerticalScalingInitContainers: true,
  MatchLabelKeysInPodTopologySpread: true,
  MatchLabelKeysInPodTopologySpreadSelectorMerge: true,
  PodCertificateRequest: false,
  PodDeletionCost: true,
  PodLevelResources: true,
  PodTopologyLabelsAdmission: true,
  ResourceHealthStatus: true,
  ResourceHealthStatusMessage: true,
  RestartAllContainersOnContainerExits: true,
  SELinuxMount: false,
  StrictIPCIDRValidation: true,
  TaintTolerationComparisonOperators: false,
  UserNamespacesHostNetworkSupport: false,
} as const

export type PodFeatureGate = keyof typeof DEFAULTS

/** The part of the configuration that pods look at. */
export type PodConfig = Pick<RegistryConfig, 'allowPrivileged' | 'featureGates'>

/** Whether a feature gate is on. */
export function featureEnabled(config: PodConfig, gate: PodFeatureGate): boolean {
  return config.featureGates[gate] ?? DEFAULTS[gate]
}
