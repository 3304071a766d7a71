import { parseQuantity, type Quantity } from '../../../apimachinery/quantity.ts'
import type {
  Container,
  ContainerStatus,
  EphemeralContainer,
  LifecycleHandler,
  Pod,
  PodSpec,
  PodStatus,
  PodTemplateSpec,
  Probe,
  ResourceRequirements,
  Volume,
} from '../../../apimachinery/types/core-v1.ts'
import { imageTag } from './image-name.ts'
import { aggregateContainers } from './pod-resources.ts'
import { isHugePageResourceName, isOvercommitAllowed, isSupportedPodLevelResource } from './resource-names.ts'

const VOLUME_FILE_MODE = 0o644
const TOKEN_EXPIRATION_SECONDS = 3600
const TERMINATION_GRACE_PERIOD_SECONDS = 30
/** Amounts are kept to a thousandth. */
const MILLI_SCALE = -3
/** Annotations that carried init containers before v1.6; dropped on every read and write. */
const INIT_CONTAINER_ANNOTATIONS = [
  'pod.beta.kubernetes.io/init-containers',
  'pod.alpha.kubernetes.io/init-containers',
  'pod.beta.kubernetes.io/init-container-statuses',
  'pod.alpha.kubernetes.io/init-container-statuses',
]

/** Finer than a thousandth may only be what carries a suffix below milli, a fraction or an exponent. */
const MAY_BE_FINER = /[.nueE]/

/**
 * Rounds amounts up to thousandths.
 *
 * @see kubernetes pkg/apis/core/v1/defaults.go SetDefaults_ResourceList
 */
export function setResourceListDefaults(list: Record<string, string> | undefined): void {
  if (!list) return
  for (const name in list) {
    const text = list[name]!
    if (MAY_BE_FINER.test(text)) list[name] = parseQuantity(text).roundUp(MILLI_SCALE).toString()
  }
}

function setResourcesDefaults(
  resources: { limits?: Record<string, string>; requests?: Record<string, string> } | undefined,
): void {
  setResourceListDefaults(resources?.limits)
  setResourceListDefaults(resources?.requests)
}

/** Every kind of volume has its defaults; one of no kind at all becomes an emptyDir. */
export function setVolumeDefaults(volume: Volume): void {
  if (Object.keys(volume).every((key) => key === 'name')) volume.emptyDir = {}
  if (volume.image && !volume.image.pullPolicy) volume.image.pullPolicy = pullPolicyOf(volume.image.reference)
  if (volume.hostPath) volume.hostPath.type ??= ''
  if (volume.secret) volume.secret.defaultMode ??= VOLUME_FILE_MODE
  if (volume.configMap) volume.configMap.defaultMode ??= VOLUME_FILE_MODE
  if (volume.downwardAPI) {
    volume.downwardAPI.defaultMode ??= VOLUME_FILE_MODE
    setFieldRefDefaults(volume.downwardAPI.items)
  }
  if (volume.projected) setProjectedDefaults(volume.projected)
  if (volume.iscsi) volume.iscsi.iscsiInterface ||= 'default'
  if (volume.rbd) {
    volume.rbd.pool ||= 'rbd'
    volume.rbd.user ||= 'admin'
    volume.rbd.keyring ||= '/etc/ceph/keyring'
  }
  if (volume.azureDisk) {
    volume.azureDisk.cachingMode ??= 'ReadWrite'
    volume.azureDisk.fsType ??= 'ext4'
    volume.azureDisk.readOnly ??= false
    volume.azureDisk.kind ??= 'Shared'
  }
  if (volume.scaleIO) {
    volume.scaleIO.storageMode ||= 'ThinProvisioned'
    volume.scaleIO.fsType ||= 'xfs'
  }
  const claim = volume.ephemeral?.volumeClaimTemplate
  if (claim?.spec) {
    claim.spec.volumeMode ??= 'Filesystem'
    setResourcesDefaults(claim.spec.resources)
  }
}

function setProjectedDefaults(projected: NonNullable<Volume['projected']>): void {
  projected.defaultMode ??= VOLUME_FILE_MODE
  for (const source of projected.sources ?? []) {
    setFieldRefDefaults(source.downwardAPI?.items)
    if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= TOKEN_EXPIRATION_SECONDS
  }
}

function setFieldRefDefaults(items: readonly { fieldRef?: { apiVersion?: string } }[] | undefined): void {
  for (const item of items ?? []) if (item.fieldRef) item.fieldRef.apiVersion ||= 'v1'
}

function pullPolicyOf(image: string | undefined): string {
  return imageTag(image ?? '') === 'latest' ? 'Always' : 'IfNotPresent'
}

function setProbeDefaults(probe: Probe | undefined): void {
  if (!probe) return
  probe.timeoutSeconds ||= 1
  probe.periodSeconds ||= 10
  probe.successThreshold ||= 1
  probe.failureThreshold ||= 3
  setHttpGetDefaults(probe)
  if (probe.grpc) probe.grpc.service ??= ''
}

function setHttpGetDefaults(handler: LifecycleHandler | Probe | undefined): void {
  if (!handler?.httpGet) return
  handler.httpGet.path ||= '/'
  handler.httpGet.scheme ||= 'HTTP'
}

function setContainerDefaults(container: Container | EphemeralContainer): void {
  container.imagePullPolicy ||= pullPolicyOf(container.image)
  container.terminationMessagePath ||= '/dev/termination-log'
  container.terminationMessagePolicy ||= 'File'
  for (const port of container.ports ?? []) port.protocol ||= 'TCP'
  for (const { valueFrom } of container.env ?? []) {
    if (valueFrom?.fieldRef) valueFrom.fieldRef.apiVersion ||= 'v1'
    if (valueFrom?.fileKeyRef) valueFrom.fileKeyRef.optional ??= false
  }
  setResourcesDefaults(container.resources)
  setProbeDefaults(container.livenessProbe)
  setProbeDefaults(container.readinessProbe)
  setProbeDefaults(container.startupProbe)
  setHttpGetDefaults(container.lifecycle?.postStart)
  setHttpGetDefaults(container.lifecycle?.preStop)
}

/**
 * Defaults that a pod spec gets wherever it stands, in a pod or in a template. `serviceAccount` mirrors
 * `serviceAccountName`, and a grace period below zero reads as 1, as upstream's conversion does.
 *
 * @see kubernetes pkg/apis/core/v1/defaults.go SetDefaults_PodSpec and zz_generated.defaults.go
 */
function setPodSpecDefaults(spec: PodSpec): void {
  spec.dnsPolicy ||= 'ClusterFirst'
  spec.restartPolicy ||= 'Always'
  spec.securityContext ??= {}
  spec.terminationGracePeriodSeconds ??= TERMINATION_GRACE_PERIOD_SECONDS
  spec.schedulerName ||= 'default-scheduler'
  for (const volume of spec.volumes ?? []) setVolumeDefaults(volume)
  for (const container of spec.initContainers ?? []) setContainerDefaults(container)
  for (const container of spec.containers ?? []) setContainerDefaults(container)
  for (const container of spec.ephemeralContainers ?? []) setContainerDefaults(container)
  setResourceListDefaults(spec.overhead)
  setResourcesDefaults(spec.resources)
  mirrorServiceAccount(spec)
}

/** Makes the old name of `serviceAccountName` show the same; on input it counts only where the new one is empty. */
export function mirrorServiceAccount(spec: PodSpec): void {
  const name = spec.serviceAccountName || spec.serviceAccount
  if (!name || (spec.serviceAccountName === name && spec.serviceAccount === name)) return
  spec.serviceAccountName = name
  spec.serviceAccount = name
}

function setHostNetworkPorts(containers: readonly Container[] | undefined): void {
  for (const container of containers ?? []) {
    for (const port of container.ports ?? []) if (port.containerPort) port.hostPort ||= port.containerPort
  }
}

/** Defaults of a pod: those of its spec, and requests that follow from limits. */
export function setPodDefaults(pod: Pod): void {
  const spec = pod.spec as PodSpec | undefined
  if (pod.metadata?.annotations) dropInitContainerAnnotations(pod.metadata)
  if (pod.status) setPodStatusDefaults(pod.status)
  if (!spec) return
  for (const container of spec.containers ?? []) setRequestsFromLimits(container)
  for (const container of spec.initContainers ?? []) setRequestsFromLimits(container)
  setPodLevelDefaults(spec)
  spec.enableServiceLinks ??= true
  if (spec.hostNetwork) {
    setHostNetworkPorts(spec.containers)
    setHostNetworkPorts(spec.initContainers)
  }
  setPodSpecDefaults(spec)
  if (spec.terminationGracePeriodSeconds! < 0) spec.terminationGracePeriodSeconds = 1
}

/** Defaults of a pod template. */
export function setPodTemplateDefaults(template: PodTemplateSpec): void {
  if (template.metadata?.annotations) dropInitContainerAnnotations(template.metadata)
  if (template.spec) setPodSpecDefaults(template.spec)
}

function dropInitContainerAnnotations(meta: { annotations?: Record<string, string> }): void {
  const annotations = meta.annotations!
  if (!INIT_CONTAINER_ANNOTATIONS.some((key) => annotations[key] !== undefined)) return
  for (const key of INIT_CONTAINER_ANNOTATIONS) delete annotations[key]
  if (Object.keys(annotations).length === 0) delete meta.annotations
}

function setRequestsFromLimits(container: Container): void {
  const resources = container.resources
  if (!resources?.limits) return
  resources.requests = { ...resources.limits, ...resources.requests }
}

function setPodLevelDefaults(spec: PodSpec): void {
  const resources = spec.resources
  if (!resources) return
  if (sizeOf(resources.limits) + sizeOf(resources.requests) === 0) return
  defaultHugePageLimits(spec, resources)
  if (sizeOf(resources.limits) === 0) return
  const requests: Record<string, string> = { ...resources.requests }
  for (const [name, quantity] of sorted(aggregateContainers(spec, 'requests'))) {
    if (isSupportedPodLevelResource(name) && isOvercommitAllowed(name)) requests[name] ??= quantity.toString()
  }
  for (const name in resources.limits) {
    if (isSupportedPodLevelResource(name)) requests[name] ??= resources.limits[name]!
  }
  if (sizeOf(requests) > 0) resources.requests = requests
}

function defaultHugePageLimits(spec: PodSpec, resources: ResourceRequirements): void {
  for (const [name, quantity] of sorted(aggregateContainers(spec, 'limits'))) {
    if (!isHugePageResourceName(name) || resources.requests?.[name] !== undefined) continue
    resources.limits ??= {}
    resources.limits[name] ??= quantity.toString()
  }
}

function sizeOf(list: Record<string, string> | undefined): number {
  return list ? Object.keys(list).length : 0
}

function sorted(amounts: ReadonlyMap<string, Quantity>): [string, Quantity][] {
  return [...amounts].sort(([a], [b]) => (a < b ? -1 : 1))
}

/** Keeps `podIP` and `podIPs` in step (the old field rules) and rounds amounts. */
function setPodStatusDefaults(status: PodStatus): void {
  const first = status.podIPs?.[0]?.ip
  if (status.podIP && status.podIP !== first) status.podIPs = [{ ip: status.podIP }]
  else if (first) status.podIP = first
  setStatusResourceDefaults(status.initContainerStatuses)
  setStatusResourceDefaults(status.containerStatuses)
  setStatusResourceDefaults(status.ephemeralContainerStatuses)
  setResourceListDefaults(status.allocatedResources)
  setResourcesDefaults(status.resources)
}

function setStatusResourceDefaults(statuses: readonly ContainerStatus[] | undefined): void {
  for (const status of statuses ?? []) {
    setResourceListDefaults(status.allocatedResources)
    setResourcesDefaults(status.resources)
  }
}
