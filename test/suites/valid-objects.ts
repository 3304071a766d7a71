import type { JsonObject } from '../../src/apimachinery/kube-object.ts'

/** Why a name is refused: by which of upstream's checks. */
type NameRule = 'subdomain' | 'label' | 'path' | 'none'

/** A kind with the least that makes an object of it valid. */
interface ValidObject {
  readonly group: string
  readonly resource: string
  readonly kind: string
  readonly namespaced: boolean
  readonly nameRule: NameRule
  readonly manifest: JsonObject
}

const podSpec = { containers: [{ name: 'c', image: 'i' }] }
const labels = { a: 'b' }
const template = { metadata: { labels }, spec: podSpec }
const selector = { matchLabels: labels }
const jobTemplate = { spec: { ...podSpec, restartPolicy: 'Never' } }
const RBAC = 'rbac.authorization.k8s.io'
const ADMISSION = 'admissionregistration.k8s.io'
const webhook = {
  name: 'w.example.com',
  clientConfig: { url: 'https://example.com/' },
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
}
const matchConstraints = {
  resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] }],
}
/** CN=alice,O=staff; made by OpenSSL. */
const request = Buffer.from(`-----BEGIN CERTIFICATE REQUEST-----
MIHbMIGCAgEAMCAxDjAMBgNVBAMMBWFsaWNlMQ4wDAYDVQQKDAVzdGFmZjBZMBMG
ByqGSM49AgEGCCqGSM49AwEHA0IABK2uel49kKAOIWtDgA1l5FNppIKbbcI6B7gP
hh0XrHhRK3LYxHqQ6K7m/tnq3QbQE3PKzay8a/eM6TAZotF1NAWgADAKBggqhkjO
PQQDAgNIADBFAiBFwh6ofBMpsLXWiJb6XBK+DgHPxYdujpOeYmndKPHhwAIhANP6
y205wBncF/wTJWWR396xONJA5LJM9mraJJoo/JPG
-----END CERTIFICATE REQUEST-----
`).toString('base64')
const devices = { requests: [{ name: 'r', exactly: { deviceClassName: 'gpu.example.com' } }] }

type Options = Partial<Pick<ValidObject, 'namespaced' | 'nameRule'>>

function valid(
  group: string,
  resource: string,
  kind: string,
  manifest: JsonObject,
  options: Options = {},
): ValidObject {
  return {
    group,
    resource,
    kind,
    manifest: { metadata: { name: 'x' }, ...manifest },
    namespaced: true,
    nameRule: 'subdomain',
    ...options,
  }
}

const CLUSTER: Options = { namespaced: false }

/** One object of each built-in kind that is stored; with the name rule of pkg/apis/<group>/validation. */
export const VALID_OBJECTS: readonly ValidObject[] = [
  valid('', 'configmaps', 'ConfigMap', {}),
  valid('', 'endpoints', 'Endpoints', {}),
  valid('', 'events', 'Event', { involvedObject: { namespace: 'ns' } }),
  valid('', 'limitranges', 'LimitRange', { spec: { limits: [] } }),
  valid('', 'namespaces', 'Namespace', {}, { namespaced: false, nameRule: 'label' }),
  valid('', 'nodes', 'Node', {}, CLUSTER),
  valid('', 'persistentvolumeclaims', 'PersistentVolumeClaim', {
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  }),
  valid(
    '',
    'persistentvolumes',
    'PersistentVolume',
    { spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/a' } } },
    CLUSTER,
  ),
  valid('', 'pods', 'Pod', { spec: podSpec }),
  valid('', 'podtemplates', 'PodTemplate', { template }),
  valid('', 'replicationcontrollers', 'ReplicationController', { spec: { selector: labels, template } }),
  valid('', 'resourcequotas', 'ResourceQuota', { spec: { hard: { pods: '1' } } }),
  valid('', 'secrets', 'Secret', {}),
  valid('', 'serviceaccounts', 'ServiceAccount', {}),
  valid(
    '',
    'services',
    'Service',
    { spec: { type: 'ExternalName', externalName: 'example.com' } },
    { nameRule: 'label' },
  ),
  valid(ADMISSION, 'mutatingwebhookconfigurations', 'MutatingWebhookConfiguration', { webhooks: [webhook] }, CLUSTER),
  valid(
    ADMISSION,
    'validatingwebhookconfigurations',
    'ValidatingWebhookConfiguration',
    { webhooks: [webhook] },
    CLUSTER,
  ),
  valid(
    ADMISSION,
    'validatingadmissionpolicies',
    'ValidatingAdmissionPolicy',
    { spec: { matchConstraints, validations: [{ expression: 'true' }] } },
    CLUSTER,
  ),
  valid(
    ADMISSION,
    'validatingadmissionpolicybindings',
    'ValidatingAdmissionPolicyBinding',
    { spec: { policyName: 'p', validationActions: ['Deny'] } },
    CLUSTER,
  ),
  valid(
    ADMISSION,
    'mutatingadmissionpolicies',
    'MutatingAdmissionPolicy',
    {
      spec: {
        matchConstraints,
        reinvocationPolicy: 'Never',
        mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object{}' } }],
      },
    },
    CLUSTER,
  ),
  valid(
    ADMISSION,
    'mutatingadmissionpolicybindings',
    'MutatingAdmissionPolicyBinding',
    { spec: { policyName: 'p' } },
    CLUSTER,
  ),
  valid(
    'apiregistration.k8s.io',
    'apiservices',
    'APIService',
    {
      metadata: { name: 'v1.example.com' },
      spec: { group: 'example.com', version: 'v1', groupPriorityMinimum: 1, versionPriority: 1 },
    },
    { namespaced: false, nameRule: 'none' },
  ),
  valid(
    'apiextensions.k8s.io',
    'customresourcedefinitions',
    'CustomResourceDefinition',
    {
      metadata: { name: 'things.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Cluster',
        names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
      },
    },
    { namespaced: false, nameRule: 'none' },
  ),
  valid('apps', 'controllerrevisions', 'ControllerRevision', { revision: 1, data: { a: 1 } }),
  valid('apps', 'daemonsets', 'DaemonSet', { spec: { selector, template } }),
  valid('apps', 'deployments', 'Deployment', { spec: { selector, template } }),
  valid('apps', 'replicasets', 'ReplicaSet', { spec: { selector, template } }),
  valid(
    'apps',
    'statefulsets',
    'StatefulSet',
    { spec: { serviceName: 's', selector, template } },
    { nameRule: 'label' },
  ),
  valid('autoscaling', 'horizontalpodautoscalers', 'HorizontalPodAutoscaler', {
    spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' }, maxReplicas: 3 },
  }),
  valid('batch', 'cronjobs', 'CronJob', {
    spec: { schedule: '* * * * *', jobTemplate: { spec: { template: jobTemplate } } },
  }),
  valid('batch', 'jobs', 'Job', { spec: { template: jobTemplate } }),
  valid(
    'certificates.k8s.io',
    'certificatesigningrequests',
    'CertificateSigningRequest',
    { spec: { request, signerName: 'example.com/signer', usages: ['client auth'] } },
    { namespaced: false, nameRule: 'none' },
  ),
  valid('coordination.k8s.io', 'leases', 'Lease', { spec: { holderIdentity: 'h' } }),
  valid('discovery.k8s.io', 'endpointslices', 'EndpointSlice', { addressType: 'IPv4', endpoints: [] }),
  valid(
    'flowcontrol.apiserver.k8s.io',
    'flowschemas',
    'FlowSchema',
    { spec: { priorityLevelConfiguration: { name: 'p' }, matchingPrecedence: 1000 } },
    CLUSTER,
  ),
  valid(
    'flowcontrol.apiserver.k8s.io',
    'prioritylevelconfigurations',
    'PriorityLevelConfiguration',
    { spec: { type: 'Limited', limited: { nominalConcurrencyShares: 1, limitResponse: { type: 'Reject' } } } },
    CLUSTER,
  ),
  valid('networking.k8s.io', 'ingresses', 'Ingress', {
    spec: { defaultBackend: { service: { name: 's', port: { number: 80 } } } },
  }),
  valid('networking.k8s.io', 'ingressclasses', 'IngressClass', { spec: { controller: 'example.com/c' } }, CLUSTER),
  valid('networking.k8s.io', 'networkpolicies', 'NetworkPolicy', { spec: { podSelector: {} } }),
  valid('networking.k8s.io', 'servicecidrs', 'ServiceCIDR', { spec: { cidrs: ['10.1.0.0/16'] } }, CLUSTER),
  valid(
    'networking.k8s.io',
    'ipaddresses',
    'IPAddress',
    {
      metadata: { name: '10.0.0.1' },
      spec: { parentRef: { resource: 'services', namespace: 'ns', name: 's' } },
    },
    { namespaced: false, nameRule: 'none' },
  ),
  valid('node.k8s.io', 'runtimeclasses', 'RuntimeClass', { handler: 'h' }, CLUSTER),
  valid('policy', 'poddisruptionbudgets', 'PodDisruptionBudget', { spec: { selector, minAvailable: 1 } }),
  valid(RBAC, 'roles', 'Role', {}, { nameRule: 'path' }),
  valid(RBAC, 'clusterroles', 'ClusterRole', {}, { namespaced: false, nameRule: 'path' }),
  valid(
    RBAC,
    'rolebindings',
    'RoleBinding',
    { roleRef: { apiGroup: RBAC, kind: 'Role', name: 'r' } },
    { nameRule: 'path' },
  ),
  valid(
    RBAC,
    'clusterrolebindings',
    'ClusterRoleBinding',
    { roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'r' } },
    { namespaced: false, nameRule: 'path' },
  ),
  valid('resource.k8s.io', 'deviceclasses', 'DeviceClass', { spec: {} }, CLUSTER),
  valid('resource.k8s.io', 'resourceclaims', 'ResourceClaim', { spec: { devices } }),
  valid('resource.k8s.io', 'resourceclaimtemplates', 'ResourceClaimTemplate', { spec: { spec: { devices } } }),
  valid(
    'resource.k8s.io',
    'resourceslices',
    'ResourceSlice',
    { spec: { driver: 'd.example.com', nodeName: 'n', pool: { name: 'p', generation: 1, resourceSliceCount: 1 } } },
    CLUSTER,
  ),
  valid('scheduling.k8s.io', 'priorityclasses', 'PriorityClass', { value: 1 }, CLUSTER),
  valid('storage.k8s.io', 'csidrivers', 'CSIDriver', { spec: {} }, CLUSTER),
  valid('storage.k8s.io', 'csinodes', 'CSINode', { spec: { drivers: [] } }, CLUSTER),
  valid('storage.k8s.io', 'csistoragecapacities', 'CSIStorageCapacity', { storageClassName: 's' }),
  valid('storage.k8s.io', 'storageclasses', 'StorageClass', { provisioner: 'p' }, CLUSTER),
  valid(
    'storage.k8s.io',
    'volumeattachments',
    'VolumeAttachment',
    { spec: { attacher: 'a', nodeName: 'n', source: { persistentVolumeName: 'v' } } },
    CLUSTER,
  ),
  valid(
    'storage.k8s.io',
    'volumeattributesclasses',
    'VolumeAttributesClass',
    { driverName: 'd', parameters: { a: 'b' } },
    CLUSTER,
  ),
]
