import type {
  Container,
  ContainerStatus,
  EphemeralContainer,
  Pod,
  PodSpec,
  PodStatus,
  PodTemplateSpec,
} from '../../../apimachinery/types/core-v1.ts'
import { featureEnabled, type PodConfig, type PodFeatureGate } from './feature-gates.ts'
import { allContainers } from './pod-containers.ts'

const DEFAULT_CONFIG: PodConfig = { allowPrivileged: false, featureGates: {} }

interface Rule<T> {
  readonly gate: PodFeatureGate
  /** The field is in use: an update of what has it already keeps it. */
  readonly inUse: (target: T) => boolean
  readonly drop: (target: T) => void
}

/**
 * Fields of features that can be switched off.
 *
 * @see kubernetes pkg/api/pod/util.go dropDisabledFields
 */
const SPEC_RULES: readonly Rule<PodSpec>[] = [
  {
    gate: 'PodLevelResources',
    inUse: ({ resources }) => Object.keys({ ...resources?.requests, ...resources?.limits }).length > 0,
    drop: (spec) => {
      delete spec.resources
    },
  },
  {
    gate: 'MatchLabelKeysInPodTopologySpread',
    inUse: (spec) => (spec.topologySpreadConstraints ?? []).some((c) => c.matchLabelKeys?.length),
    drop: (spec) => {
      for (const constraint of spec.topologySpreadConstraints ?? []) delete constraint.matchLabelKeys
    },
  },
  projectionRule('ClusterTrustBundleProjection', 'clusterTrustBundle'),
  projectionRule('PodCertificateRequest', 'podCertificate'),
  {
    gate: 'GenericWorkload',
    inUse: (spec) => spec.schedulingGroup !== undefined,
    drop: (spec) => {
      delete spec.schedulingGroup
    },
  },
  { gate: 'ContainerRestartRules', inUse: usesRestartRules, drop: dropRestartRules },
  {
    gate: 'HostnameOverride',
    inUse: (spec) => spec.hostnameOverride !== undefined,
    drop: (spec) => {
      delete spec.hostnameOverride
    },
  },
  {
    gate: 'EnvFiles',
    inUse: (spec) => [...allContainers(spec)].some((c) => c.env?.some((e) => e.valueFrom?.fileKeyRef)),
    drop: (spec) => {
      for (const { env } of allContainers(spec)) for (const { valueFrom } of env ?? []) delete valueFrom?.fileKeyRef
    },
  },
  {
    gate: 'ContainerStopSignals',
    inUse: (spec) => [...allContainers(spec)].some((c) => c.lifecycle?.stopSignal !== undefined),
    drop: (spec) => {
      for (const container of allContainers(spec)) {
        if (container.lifecycle?.stopSignal === undefined) continue
        delete container.lifecycle.stopSignal
        if (!container.lifecycle.postStart && !container.lifecycle.preStop) delete container.lifecycle
      }
    },
  },
]

function projectionRule(gate: PodFeatureGate, field: 'clusterTrustBundle' | 'podCertificate'): Rule<PodSpec> {
  return {
    gate,
    inUse: ({ volumes = [] }) => volumes.some((v) => v.projected?.sources?.some((s) => s[field] !== undefined)),
    drop: ({ volumes = [] }) => {
      for (const { projected } of volumes) for (const source of projected?.sources ?? []) delete source[field]
    },
  }
}

/** A list that a client left out is null or absent. */
function listsOf({ initContainers, containers, ephemeralContainers }: PodSpec): ContainerLists {
  return {
    initContainers: initContainers ?? [],
    containers: containers ?? [],
    ephemeralContainers: ephemeralContainers ?? [],
  }
}

type ContainerLists = Required<Pick<PodSpec, 'initContainers' | 'containers' | 'ephemeralContainers'>>

function usesRestartRules(spec: PodSpec): boolean {
  const { initContainers, containers } = listsOf(spec)
  return (
    initContainers.some((c) => (c.restartPolicy ?? 'Always') !== 'Always' || (c.restartPolicyRules?.length ?? 0) > 0) ||
    containers.some((c) => c.restartPolicy !== undefined)
  )
}

function dropRestartRules(spec: PodSpec): void {
  const { initContainers, containers, ephemeralContainers } = listsOf(spec)
  for (const container of initContainers) {
    if (container.restartPolicy !== 'Always') delete container.restartPolicy
    delete container.restartPolicyRules
  }
  const others: (Container | EphemeralContainer)[] = [...containers, ...ephemeralContainers]
  for (const container of others) {
    delete container.restartPolicy
    delete container.restartPolicyRules
  }
}

const statusesOf = (status: PodStatus): ContainerStatus[] => [
  ...(status.containerStatuses ?? []),
  ...(status.initContainerStatuses ?? []),
  ...(status.ephemeralContainerStatuses ?? []),
]

/** @see kubernetes pkg/api/pod/util.go dropDisabledPodStatusFields */
const STATUS_RULES: readonly Rule<PodStatus>[] = [
  {
    gate: 'InPlacePodLevelResourcesVerticalScaling',
    inUse: (status) => status.resources !== undefined || status.allocatedResources !== undefined,
    drop: (status) => {
      delete status.resources
      delete status.allocatedResources
    },
  },
  {
    gate: 'DRAExtendedResource',
    inUse: (status) => status.extendedResourceClaimStatus !== undefined,
    drop: (status) => {
      delete status.extendedResourceClaimStatus
    },
  },
  {
    gate: 'ResourceHealthStatus',
    inUse: (status) => statusesOf(status).some((s) => s.allocatedResourcesStatus?.length),
    drop: (status) => {
      for (const one of statusesOf(status)) delete one.allocatedResourcesStatus
    },
  },
  {
    gate: 'ResourceHealthStatusMessage',
    inUse: (status) =>
      statusesOf(status).some((s) =>
        s.allocatedResourcesStatus?.some((a) => a.resources?.some((r) => r.message !== undefined)),
      ),
    drop: (status) => {
      for (const { allocatedResourcesStatus = [] } of statusesOf(status)) {
        for (const { resources = [] } of allocatedResourcesStatus) for (const one of resources) delete one.message
      }
    },
  },
  {
    gate: 'ImageVolumeWithDigest',
    inUse: (status) => statusesOf(status).some((s) => s.volumeMounts?.some((m) => m.volumeStatus !== undefined)),
    drop: (status) => {
      for (const { volumeMounts = [] } of statusesOf(status))
        for (const mount of volumeMounts) delete mount.volumeStatus
    },
  },
  {
    gate: 'DRANodeAllocatableResources',
    inUse: (status) => (status.nodeAllocatableResourceClaimStatuses?.length ?? 0) > 0,
    drop: (status) => {
      delete status.nodeAllocatableResourceClaimStatuses
    },
  },
]

/** Whether there is something to drop comes first: most often not, and looking into the old object costs. */
function apply<T>(rules: readonly Rule<T>[], target: T | undefined, old: T | undefined, config: PodConfig): void {
  if (target === undefined) return
  for (const { gate, inUse, drop } of rules) {
    if (!featureEnabled(config, gate) && inUse(target) && !(old !== undefined && inUse(old))) drop(target)
  }
}

/** Drops from a pod what belongs to a feature that is off, unless the old pod has it. */
export function dropDisabledPodFields(pod: Pod, old: Pod | undefined, config: PodConfig): void {
  apply(SPEC_RULES, pod.spec, old?.spec, config)
  apply(STATUS_RULES, pod.status, old?.status, config)
}

/** The same for a pod template. `config` defaults to a server started without flags. */
export function dropDisabledTemplateFields(
  template: PodTemplateSpec | undefined,
  oldTemplate: PodTemplateSpec | undefined,
  config: PodConfig = DEFAULT_CONFIG,
): void {
  apply(SPEC_RULES, template?.spec, oldTemplate?.spec, config)
}
