import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type {
  ControllerRevision,
  DaemonSet,
  Deployment,
  ReplicaSet,
  StatefulSet,
} from '../../apimachinery/types/apps-v1.ts'
import type { HorizontalPodAutoscaler } from '../../apimachinery/types/autoscaling-v2.ts'
import type { CronJob, Job } from '../../apimachinery/types/batch-v1.ts'
import type { CertificateSigningRequest } from '../../apimachinery/types/certificates-v1.ts'
import type { Lease } from '../../apimachinery/types/coordination-v1.ts'
import type {
  ConfigMap,
  Endpoints,
  Event,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  ReplicationController,
  ResourceQuota,
  Secret,
  Service,
  ServiceAccount,
} from '../../apimachinery/types/core-v1.ts'
import type { EndpointSlice } from '../../apimachinery/types/discovery-v1.ts'
import type { Event as SeriesEvent } from '../../apimachinery/types/events-v1.ts'
import type { PodDisruptionBudget } from '../../apimachinery/types/policy-v1.ts'
import type { ClusterRole } from '../../apimachinery/types/rbac-v1.ts'
import type { CSINode, StorageClass, VolumeAttachment } from '../../apimachinery/types/storage-v1.ts'
import type { ResourceRef, Typed } from './client.ts'

function ref<T>(
  group: string,
  version: string,
  resource: string,
  kind: string,
  scope: 'Namespaced' | 'Cluster' = 'Namespaced',
): ResourceRef<Typed<T>> {
  return { group, version, resource, kind, namespaced: scope === 'Namespaced' }
}

export const PODS = ref<Pod>('', 'v1', 'pods', 'Pod')
export const NODES = ref<Node>('', 'v1', 'nodes', 'Node', 'Cluster')
export const NAMESPACES = ref<Namespace>('', 'v1', 'namespaces', 'Namespace', 'Cluster')
export const SERVICES = ref<Service>('', 'v1', 'services', 'Service')
export const ENDPOINTS = ref<Endpoints>('', 'v1', 'endpoints', 'Endpoints')
export const EVENTS = ref<Event>('', 'v1', 'events', 'Event')
/** The same Events in their newer form. */
export const SERIES_EVENTS = ref<SeriesEvent>('events.k8s.io', 'v1', 'events', 'Event')
export const SECRETS = ref<Secret>('', 'v1', 'secrets', 'Secret')
export const CONFIG_MAPS = ref<ConfigMap>('', 'v1', 'configmaps', 'ConfigMap')
export const SERVICE_ACCOUNTS = ref<ServiceAccount>('', 'v1', 'serviceaccounts', 'ServiceAccount')
export const RESOURCE_QUOTAS = ref<ResourceQuota>('', 'v1', 'resourcequotas', 'ResourceQuota')
export const PERSISTENT_VOLUMES = ref<PersistentVolume>('', 'v1', 'persistentvolumes', 'PersistentVolume', 'Cluster')
export const PERSISTENT_VOLUME_CLAIMS = ref<PersistentVolumeClaim>(
  '',
  'v1',
  'persistentvolumeclaims',
  'PersistentVolumeClaim',
)
export const REPLICATION_CONTROLLERS = ref<ReplicationController>(
  '',
  'v1',
  'replicationcontrollers',
  'ReplicationController',
)
export const DEPLOYMENTS = ref<Deployment>('apps', 'v1', 'deployments', 'Deployment')
export const REPLICA_SETS = ref<ReplicaSet>('apps', 'v1', 'replicasets', 'ReplicaSet')
export const STATEFUL_SETS = ref<StatefulSet>('apps', 'v1', 'statefulsets', 'StatefulSet')
export const DAEMON_SETS = ref<DaemonSet>('apps', 'v1', 'daemonsets', 'DaemonSet')
export const CONTROLLER_REVISIONS = ref<ControllerRevision>('apps', 'v1', 'controllerrevisions', 'ControllerRevision')
export const JOBS = ref<Job>('batch', 'v1', 'jobs', 'Job')
export const CRON_JOBS = ref<CronJob>('batch', 'v1', 'cronjobs', 'CronJob')
export const HORIZONTAL_POD_AUTOSCALERS = ref<HorizontalPodAutoscaler>(
  'autoscaling',
  'v2',
  'horizontalpodautoscalers',
  'HorizontalPodAutoscaler',
)
export const LEASES = ref<Lease>('coordination.k8s.io', 'v1', 'leases', 'Lease')
export const ENDPOINT_SLICES = ref<EndpointSlice>('discovery.k8s.io', 'v1', 'endpointslices', 'EndpointSlice')
export const POD_DISRUPTION_BUDGETS = ref<PodDisruptionBudget>(
  'policy',
  'v1',
  'poddisruptionbudgets',
  'PodDisruptionBudget',
)
export const CLUSTER_ROLES = ref<ClusterRole>(
  'rbac.authorization.k8s.io',
  'v1',
  'clusterroles',
  'ClusterRole',
  'Cluster',
)
export const STORAGE_CLASSES = ref<StorageClass>('storage.k8s.io', 'v1', 'storageclasses', 'StorageClass', 'Cluster')
export const CSI_NODES = ref<CSINode>('storage.k8s.io', 'v1', 'csinodes', 'CSINode', 'Cluster')
export const VOLUME_ATTACHMENTS = ref<VolumeAttachment>(
  'storage.k8s.io',
  'v1',
  'volumeattachments',
  'VolumeAttachment',
  'Cluster',
)
export const CERTIFICATE_SIGNING_REQUESTS = ref<CertificateSigningRequest>(
  'certificates.k8s.io',
  'v1',
  'certificatesigningrequests',
  'CertificateSigningRequest',
  'Cluster',
)

/** `group/version/resource`: tells resources apart. */
export function resourceId({ group, version, resource }: ResourceRef<KubeObject>): string {
  return `${group}/${version}/${resource}`
}
