/**
 * Sources of persistent volumes.
 *
 * @see kubernetes pkg/apis/core/validation/validation.go ValidatePersistentVolumeSpec
 */
import { type FieldError, forbidden, invalid, required } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import { type GoType, goAny, goBool, goInt, goPointer, goString, goStruct } from '../../apimachinery/go-struct.ts'
import type {
  CSIPersistentVolumeSource,
  GlusterfsPersistentVolumeSource,
  ISCSIPersistentVolumeSource,
  PersistentVolumeSpec,
  SecretReference,
} from '../../apimachinery/types/core-v1.ts'
import { byteLength, inclusiveRangeError } from '../../apimachinery/validation/names.ts'
import { validateNamespaceName } from '../../apimachinery/validation/object-meta.ts'
import {
  addInvalid,
  checkDNS1123Label,
  checkDNS1123Subdomain,
  checkNoBacksteps,
  checkRequired,
  type Errors,
} from './pod/field-checks.ts'
import { checkSharedVolumeSource, isIscsiName, validateCSIDriverName } from './pod/volume-validation.ts'

/** Longest `<volume name>:<target portal>` of a volume with an initiator name. */
const ISCSI_TARGET_MAX = 64
const LUN_MAX = 255

/** The part of a spec that says where the volume is. */
export type SourceKind = keyof typeof GO_SOURCES & keyof PersistentVolumeSpec

interface Context {
  readonly volumeName: string
  readonly spec: PersistentVolumeSpec
}

interface Kind {
  readonly field: SourceKind
  /** Field that the error of one kind too many stands on; '' where a second kind is let through. */
  readonly extraName: string
  check(errors: Errors, path: FieldPath, context: Context): void
}

function kind<K extends SourceKind>(
  field: K,
  check: (errors: Errors, source: NonNullable<PersistentVolumeSpec[K]>, path: FieldPath, context: Context) => void,
  extraName: string = field,
): Kind {
  return {
    field,
    extraName,
    check: (errors, path, context) => check(errors, context.spec[field]!, path.child(field), context),
  }
}

function shared(field: Parameters<typeof checkSharedVolumeSource>[1]): Kind {
  return {
    field,
    extraName: field,
    check: (errors, path, { spec }) => checkSharedVolumeSource(errors, field, spec, path),
  }
}

/** In the order in which upstream looks at them: the second of two kinds is the one that is too much. */
const KINDS: readonly Kind[] = [
  shared('hostPath'),
  shared('gcePersistentDisk'),
  shared('awsElasticBlockStore'),
  kind('glusterfs', checkGlusterfs),
  shared('flocker'),
  shared('nfs'),
  kind('rbd', (errors, source, path) => {
    if (!source.monitors?.length) errors.push(required(path.child('monitors'), ''))
    checkRequired(errors, source.image, path, 'image')
  }),
  shared('quobyte'),
  kind(
    'cephfs',
    (errors, source, path) => {
      if (!source.monitors?.length) errors.push(required(path.child('monitors'), ''))
    },
    'cephFS',
  ),
  kind('iscsi', checkIscsi),
  kind('cinder', (errors, source, path) => {
    checkRequired(errors, source.volumeID, path, 'volumeID')
    checkSecretIsNamed(errors, source.secretRef, path.child('secretRef'))
  }),
  shared('fc'),
  kind(
    'flexVolume',
    (errors, source, path) => {
      checkRequired(errors, source.driver, path, 'driver')
      checkFlexOptions(errors, source.options, path.child('options'))
    },
    '',
  ),
  kind('azureFile', (errors, source, path) => {
    checkRequired(errors, source.secretName, path, 'secretName')
    checkRequired(errors, source.shareName, path, 'shareName')
    if (source.secretNamespace === '') errors.push(required(path.child('secretNamespace'), ''))
  }),
  shared('vsphereVolume'),
  shared('photonPersistentDisk'),
  shared('portworxVolume'),
  shared('azureDisk'),
  kind('scaleIO', (errors, source, path) => {
    checkRequired(errors, source.gateway, path, 'gateway')
    checkRequired(errors, source.system, path, 'system')
    checkRequired(errors, source.volumeName, path, 'volumeName')
  }),
  {
    field: 'local',
    extraName: 'local',
    check(errors, path, { spec }) {
      const own = path.child('local', 'path')
      if (spec.local!.path) checkNoBacksteps(errors, spec.local!.path, own)
      else errors.push(required(own, ''))
      if (!spec.nodeAffinity) errors.push(required(path.child('nodeAffinity'), 'Local volume requires node affinity'))
    },
  },
  kind('storageos', (errors, source, path) => {
    if (source.volumeName) checkDNS1123Label(errors, source.volumeName, path.child('volumeName'))
    else errors.push(required(path.child('volumeName'), ''))
    if (source.volumeNamespace) checkDNS1123Label(errors, source.volumeNamespace, path.child('volumeNamespace'))
    checkSecretIsNamed(errors, source.secretRef, path.child('secretRef'))
  }),
  kind('csi', checkCsi),
]

/** Exactly one source, and that one valid. `path` is that of the spec. */
export function validatePersistentVolumeSource(
  spec: PersistentVolumeSpec,
  volumeName: string,
  path: FieldPath,
): FieldError[] {
  const errors: FieldError[] = []
  let found = false
  for (const one of KINDS) {
    if (!spec[one.field]) continue
    if (found && one.extraName !== '') {
      errors.push(forbidden(path.child(one.extraName), 'may not specify more than 1 volume type'))
    } else one.check(errors, path, { spec, volumeName })
    found = true
  }
  if (!found) errors.push(required(path, 'must specify a volume type'))
  return errors
}

function checkGlusterfs(errors: Errors, source: GlusterfsPersistentVolumeSource, path: FieldPath): void {
  checkRequired(errors, source.endpoints, path, 'endpoints')
  checkRequired(errors, source.path, path, 'path')
  const namespace = source.endpointsNamespace
  if (namespace === undefined) return
  const at = path.child('endpointsNamespace')
  if (namespace === '') {
    errors.push(invalid(at, namespace, 'if the endpointnamespace is set, it must be a valid namespace name'))
  } else addInvalid(errors, at, namespace, validateNamespaceName(namespace, false))
}

function checkIscsi(
  errors: Errors,
  source: ISCSIPersistentVolumeSource,
  path: FieldPath,
  { volumeName }: Context,
): void {
  const { targetPortal = '', iqn = '', initiatorName, lun = 0, secretRef } = source
  checkRequired(errors, targetPortal, path, 'targetPortal')
  if (initiatorName !== undefined && byteLength(`${volumeName}:${targetPortal}`) > ISCSI_TARGET_MAX) {
    const words = `Total length of <volume name>:<iscsi.targetPortal> must be under ${ISCSI_TARGET_MAX} characters if iscsi.initiatorName is specified.`
    errors.push(invalid(path.child('targetportal'), targetPortal, words))
  }
  if (iqn === '') errors.push(required(path.child('iqn'), ''))
  else if (!isIscsiName(iqn)) errors.push(invalid(path.child('iqn'), iqn, 'must be valid format'))
  if (lun < 0 || lun > LUN_MAX) errors.push(invalid(path.child('lun'), lun, inclusiveRangeError(0, LUN_MAX)))
  const chap = source.chapAuthDiscovery || source.chapAuthSession
  if (chap && !secretRef) errors.push(required(path.child('secretRef'), ''))
  if (secretRef) checkRequired(errors, secretRef.name, path.child('secretRef'), 'name')
  if (initiatorName !== undefined && !isIscsiName(initiatorName)) {
    errors.push(invalid(path.child('initiatorname'), initiatorName, 'must be valid format'))
  }
}

function checkSecretIsNamed(
  errors: Errors,
  secret: { readonly name?: string; readonly namespace?: string } | undefined,
  path: FieldPath,
): void {
  if (!secret) return
  checkRequired(errors, secret.name, path, 'name')
  checkRequired(errors, secret.namespace, path, 'namespace')
}

function checkFlexOptions(errors: Errors, options: Record<string, string> | undefined, path: FieldPath): void {
  for (const key in options) {
    const domain = `.${key.split('/', 1)[0]!.toLowerCase()}`
    if (domain.endsWith('.kubernetes.io') || domain.endsWith('.k8s.io')) {
      errors.push(invalid(path.key(key), key, 'kubernetes.io and k8s.io namespaces are reserved'))
    }
  }
}

const CSI_SECRETS = [
  'controllerPublishSecretRef',
  'controllerExpandSecretRef',
  'nodePublishSecretRef',
  'nodeExpandSecretRef',
] as const

function checkCsi(errors: Errors, source: CSIPersistentVolumeSource, path: FieldPath): void {
  errors.push(...validateCSIDriverName(source.driver ?? '', path.child('driver')))
  checkRequired(errors, source.volumeHandle, path, 'volumeHandle')
  for (const field of CSI_SECRETS) {
    const secret = source[field]
    if (secret) checkSecretReference(errors, secret, path.child(field))
  }
}

function checkSecretReference(errors: Errors, { name, namespace }: SecretReference, path: FieldPath): void {
  if (name) checkDNS1123Subdomain(errors, name, path.child('name'))
  else errors.push(required(path.child('name'), ''))
  if (namespace) checkDNS1123Label(errors, namespace, path.child('namespace'))
  else errors.push(required(path.child('namespace'), ''))
}

const text = goString
const goSecret = goPointer(goStruct(['Name', 'name', text], ['Namespace', 'namespace', text]))
const readOnly = ['ReadOnly', 'readOnly', goBool] as const
const fsType = ['FSType', 'fsType', text] as const
const secretRef = ['SecretRef', 'secretRef', goSecret] as const

/** The internal types of the sources, by the JSON name of the field, in upstream's order of declaration. */
const GO_SOURCES = {
  gcePersistentDisk: goStruct(['PDName', 'pdName', text], fsType, ['Partition', 'partition', goInt], readOnly),
  awsElasticBlockStore: goStruct(['VolumeID', 'volumeID', text], fsType, ['Partition', 'partition', goInt], readOnly),
  hostPath: goStruct(['Path', 'path', text], ['Type', 'type', goAny]),
  glusterfs: goStruct(['EndpointsName', 'endpoints', text], ['Path', 'path', text], readOnly, [
    'EndpointsNamespace',
    'endpointsNamespace',
    goAny,
  ]),
  nfs: goStruct(['Server', 'server', text], ['Path', 'path', text], readOnly),
  rbd: goStruct(
    ['CephMonitors', 'monitors', goAny],
    ['RBDImage', 'image', text],
    fsType,
    ['RBDPool', 'pool', text],
    ['RadosUser', 'user', text],
    ['Keyring', 'keyring', text],
    secretRef,
    readOnly,
  ),
  quobyte: goStruct(
    ['Registry', 'registry', text],
    ['Volume', 'volume', text],
    readOnly,
    ['User', 'user', text],
    ['Group', 'group', text],
    ['Tenant', 'tenant', text],
  ),
  iscsi: goStruct(
    ['TargetPortal', 'targetPortal', text],
    ['IQN', 'iqn', text],
    ['Lun', 'lun', goInt],
    ['ISCSIInterface', 'iscsiInterface', text],
    fsType,
    readOnly,
    ['Portals', 'portals', goAny],
    ['DiscoveryCHAPAuth', 'chapAuthDiscovery', goBool],
    ['SessionCHAPAuth', 'chapAuthSession', goBool],
    secretRef,
    ['InitiatorName', 'initiatorName', goAny],
  ),
  flexVolume: goStruct(['Driver', 'driver', text], fsType, secretRef, readOnly, ['Options', 'options', goAny]),
  cinder: goStruct(['VolumeID', 'volumeID', text], fsType, readOnly, secretRef),
  cephfs: goStruct(
    ['Monitors', 'monitors', goAny],
    ['Path', 'path', text],
    ['User', 'user', text],
    ['SecretFile', 'secretFile', text],
    secretRef,
    readOnly,
  ),
  fc: goStruct(['TargetWWNs', 'targetWWNs', goAny], ['Lun', 'lun', goAny], fsType, readOnly, ['WWIDs', 'wwids', goAny]),
  flocker: goStruct(['DatasetName', 'datasetName', text], ['DatasetUUID', 'datasetUUID', text]),
  azureFile: goStruct(['SecretName', 'secretName', text], ['ShareName', 'shareName', text], readOnly, [
    'SecretNamespace',
    'secretNamespace',
    goAny,
  ]),
  vsphereVolume: goStruct(
    ['VolumePath', 'volumePath', text],
    fsType,
    ['StoragePolicyName', 'storagePolicyName', text],
    ['StoragePolicyID', 'storagePolicyID', text],
  ),
  azureDisk: goStruct(
    ['DiskName', 'diskName', text],
    ['DataDiskURI', 'diskURI', text],
    ['CachingMode', 'cachingMode', goAny],
    ['FSType', 'fsType', goAny],
    ['ReadOnly', 'readOnly', goAny],
    ['Kind', 'kind', goAny],
  ),
  photonPersistentDisk: goStruct(['PdID', 'pdID', text], fsType),
  portworxVolume: goStruct(['VolumeID', 'volumeID', text], fsType, readOnly),
  scaleIO: goStruct(
    ['Gateway', 'gateway', text],
    ['System', 'system', text],
    secretRef,
    ['SSLEnabled', 'sslEnabled', goBool],
    ['ProtectionDomain', 'protectionDomain', text],
    ['StoragePool', 'storagePool', text],
    ['StorageMode', 'storageMode', text],
    ['VolumeName', 'volumeName', text],
    fsType,
    readOnly,
  ),
  local: goStruct(['Path', 'path', text], ['FSType', 'fsType', goAny]),
  storageos: goStruct(
    ['VolumeName', 'volumeName', text],
    ['VolumeNamespace', 'volumeNamespace', text],
    fsType,
    readOnly,
    [
      'SecretRef',
      'secretRef',
      goPointer(
        goStruct(
          ['Kind', 'kind', text],
          ['Namespace', 'namespace', text],
          ['Name', 'name', text],
          ['UID', 'uid', text],
          ['APIVersion', 'apiVersion', text],
          ['ResourceVersion', 'resourceVersion', text],
          ['FieldPath', 'fieldPath', text],
        ),
      ),
    ],
  ),
  csi: goStruct(
    ['Driver', 'driver', text],
    ['VolumeHandle', 'volumeHandle', text],
    readOnly,
    fsType,
    ['VolumeAttributes', 'volumeAttributes', goAny],
    ['ControllerPublishSecretRef', 'controllerPublishSecretRef', goSecret],
    ['NodeStageSecretRef', 'nodeStageSecretRef', goSecret],
    ['NodePublishSecretRef', 'nodePublishSecretRef', goSecret],
    ['ControllerExpandSecretRef', 'controllerExpandSecretRef', goSecret],
    ['NodeExpandSecretRef', 'nodeExpandSecretRef', goSecret],
  ),
} satisfies Readonly<Record<string, GoType>>

const GO_NAMES: Readonly<Record<SourceKind, string>> = {
  gcePersistentDisk: 'GCEPersistentDisk',
  awsElasticBlockStore: 'AWSElasticBlockStore',
  hostPath: 'HostPath',
  glusterfs: 'Glusterfs',
  nfs: 'NFS',
  rbd: 'RBD',
  quobyte: 'Quobyte',
  iscsi: 'ISCSI',
  flexVolume: 'FlexVolume',
  cinder: 'Cinder',
  cephfs: 'CephFS',
  fc: 'FC',
  flocker: 'Flocker',
  azureFile: 'AzureFile',
  vsphereVolume: 'VsphereVolume',
  azureDisk: 'AzureDisk',
  photonPersistentDisk: 'PhotonPersistentDisk',
  portworxVolume: 'PortworxVolume',
  scaleIO: 'ScaleIO',
  local: 'Local',
  storageos: 'StorageOS',
  csi: 'CSI',
}

/** Names of the source fields, in upstream's order of declaration. */
export const SOURCE_KINDS = Object.keys(GO_SOURCES) as readonly SourceKind[]

const goSource = goStruct(
  ...SOURCE_KINDS.map((field) => [GO_NAMES[field], field, goPointer(GO_SOURCES[field])] as const),
)

/** The sources of a spec as upstream's messages print them: indented JSON of the internal type. */
export function printPersistentVolumeSource(spec: PersistentVolumeSpec): string {
  return JSON.stringify(goSource(spec), undefined, 1)
}
