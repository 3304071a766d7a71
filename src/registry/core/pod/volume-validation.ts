import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  required,
  tooLong,
} from '../../../apimachinery/field-error.ts'
import type { FieldPath } from '../../../apimachinery/field-path.ts'
import { goQuote } from '../../../apimachinery/go-quote.ts'
import { parseQuantity } from '../../../apimachinery/quantity.ts'
import type {
  AzureDiskVolumeSource,
  CSIVolumeSource,
  FCVolumeSource,
  HostPathVolumeSource,
  ISCSIVolumeSource,
  KeyToPath,
  NFSVolumeSource,
  QuobyteVolumeSource,
  StorageOSVolumeSource,
  Volume,
} from '../../../apimachinery/types/core-v1.ts'
import type { ObjectMeta } from '../../../apimachinery/types/meta-v1.ts'
import { byteLength, inclusiveRangeError, isDNS1123Subdomain } from '../../../apimachinery/validation/names.ts'
import { nameIsDNSSubdomain } from '../../../apimachinery/validation/object-meta.ts'
import { validatePersistentVolumeClaimTemplate } from './claim-template-validation.ts'
import {
  addInvalid,
  checkDNS1123Label,
  checkFileMode,
  checkLocalDescendingPath,
  checkNoBacksteps,
  checkOneOf,
  checkRequired,
  checkRequiredOneOf,
  type Errors,
} from './field-checks.ts'
import type { PodValidationOptions } from './pod-validation-options.ts'
import { checkProjectedVolume } from './projected-volume-validation.ts'
import { checkDownwardAPIVolumeFile, checkKeyToPath } from './volume-file-validation.ts'

const HOST_PATH_TYPES = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
]
const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never']
const PARTITION_MAX = 255
const LUN_MAX = 255
const ISCSI_TARGET_MAX = 64
const CSI_DRIVER_NAME_MAX = 63
const QUOBYTE_TENANT_MAX = 64

/** Valid volumes by name: what mounts and devices may refer to. */
export type VolumesByName = ReadonlyMap<string, Volume>

/**
 * Volumes of a pod. `meta` is the pod's, undefined in a template.
 *
 * @see kubernetes pkg/apis/core/validation/validation.go ValidateVolumes
 */
export function checkVolumes(
  errors: Errors,
  volumes: readonly Volume[] | undefined,
  meta: ObjectMeta | undefined,
  path: FieldPath,
  options: PodValidationOptions,
): VolumesByName {
  const valid = new Map<string, Volume>()
  const createdClaims = new Set<string>()
  if (meta?.name) for (const v of volumes ?? []) if (v.ephemeral) createdClaims.add(`${meta.name}-${v.name}`)
  for (const [i, volume] of (volumes ?? []).entries()) {
    const own = path.index(i)
    const before = errors.length
    const name = volume.name ?? ''
    checkVolumeSource(errors, volume, own, { meta, options })
    if (name === '') errors.push(required(own.child('name'), ''))
    else checkDNS1123Label(errors, name, own.child('name'))
    if (valid.has(name)) errors.push(duplicate(own.child('name'), name))
    if (errors.length === before) valid.set(name, volume)
    const claim = volume.persistentVolumeClaim?.claimName ?? ''
    if (volume.persistentVolumeClaim && createdClaims.has(claim)) {
      const detail = 'must not reference a PVC that gets created for an ephemeral volume'
      errors.push(invalid(own.child('persistentVolumeClaim', 'claimName'), claim, detail))
    }
  }
  return valid
}

interface SourceContext {
  readonly meta: ObjectMeta | undefined
  readonly options: PodValidationOptions
}

type Check<K extends keyof Volume> = (
  errors: Errors,
  source: NonNullable<Volume[K]>,
  path: FieldPath,
  context: SourceContext & { readonly volume: Volume; readonly volumePath: FieldPath },
) => void

interface Kind {
  readonly field: keyof Volume
  /** Field that the error of one kind too many stands on. */
  readonly extraName: string
  /** `path` is the volume's. */
  check(errors: Errors, volume: Volume, path: FieldPath, context: SourceContext): void
  /** Runs whether or not another kind came before. */
  always?(errors: Errors, volume: Volume, path: FieldPath): void
}

function kind<K extends keyof Volume>(
  field: K,
  check: Check<K>,
  names: { readonly extra?: string; readonly path?: string; readonly always?: Kind['always'] } = {},
): Kind {
  return {
    field,
    extraName: names.extra ?? field,
    check: (errors, volume, volumePath, context) =>
      check(errors, volume[field]!, volumePath.child(names.path ?? field), { ...context, volume, volumePath }),
    always: names.always,
  }
}

/** In the order in which upstream looks at them: the second of two kinds is the one that is too much. */
const KINDS: readonly Kind[] = [
  kind('emptyDir', (errors, source, path) => {
    if (source.sizeLimit !== undefined && parseQuantity(source.sizeLimit).sign() < 0) {
      errors.push(forbidden(path.child('sizeLimit'), 'SizeLimit field must be a valid resource quantity'))
    }
  }),
  kind('hostPath', checkHostPath),
  kind('gitRepo', (errors, source, path) => {
    checkRequired(errors, source.repository, path, 'repository')
    checkLocalDescendingPath(errors, source.directory ?? '', path.child('directory'))
  }),
  kind(
    'gcePersistentDisk',
    (errors, source, path) => {
      checkRequired(errors, source.pdName, path, 'pdName')
      checkPartition(errors, source.partition, path)
    },
    { path: 'persistentDisk' },
  ),
  kind('awsElasticBlockStore', (errors, source, path) => {
    checkRequired(errors, source.volumeID, path, 'volumeID')
    checkPartition(errors, source.partition, path)
  }),
  kind('secret', (errors, source, path) => {
    checkRequired(errors, source.secretName, path, 'secretName')
    checkFileMode(errors, source.defaultMode, path, 'defaultMode')
    checkKeysToPaths(errors, source.items, path.child('items'))
  }),
  kind('nfs', checkNfs),
  kind('iscsi', checkIscsi, { always: checkIscsiNameLength }),
  kind('glusterfs', (errors, source, path) => {
    checkRequired(errors, source.endpoints, path, 'endpoints')
    checkRequired(errors, source.path, path, 'path')
  }),
  kind('flocker', (errors, { datasetName, datasetUUID }, path) => {
    if (!datasetName && !datasetUUID) errors.push(required(path, 'one of datasetName and datasetUUID is required'))
    if (datasetName && datasetUUID) {
      errors.push(invalid(path, 'resource', 'datasetName and datasetUUID can not be specified simultaneously'))
    }
    if (datasetName?.includes('/')) errors.push(invalid(path.child('datasetName'), datasetName, "must not contain '/'"))
  }),
  kind('persistentVolumeClaim', (errors, source, path) => checkRequired(errors, source.claimName, path, 'claimName')),
  kind('rbd', (errors, source, path) => {
    if (!source.monitors?.length) errors.push(required(path.child('monitors'), ''))
    checkRequired(errors, source.image, path, 'image')
  }),
  kind('cinder', (errors, source, path) => {
    checkRequired(errors, source.volumeID, path, 'volumeID')
    if (source.secretRef) checkRequired(errors, source.secretRef.name, path.child('secretRef'), 'name')
  }),
  kind(
    'cephfs',
    (errors, source, path) => {
      if (!source.monitors?.length) errors.push(required(path.child('monitors'), ''))
    },
    { extra: 'cephFS' },
  ),
  kind('quobyte', checkQuobyte),
  kind(
    'downwardAPI',
    (errors, source, path) => {
      checkFileMode(errors, source.defaultMode, path, 'defaultMode')
      for (const file of source.items ?? []) checkDownwardAPIVolumeFile(errors, file, path)
    },
    { extra: 'downwarAPI' },
  ),
  kind('fc', checkFibreChannel),
  kind('flexVolume', (errors, source, path) => {
    checkRequired(errors, source.driver, path, 'driver')
    checkFlexOptions(errors, source.options, path.child('options'))
  }),
  kind('configMap', (errors, source, path) => {
    checkRequired(errors, source.name, path, 'name')
    checkFileMode(errors, source.defaultMode, path, 'defaultMode')
    checkKeysToPaths(errors, source.items, path.child('items'))
  }),
  kind('azureFile', (errors, source, path) => {
    checkRequired(errors, source.secretName, path, 'secretName')
    checkRequired(errors, source.shareName, path, 'shareName')
  }),
  kind('vsphereVolume', (errors, source, path) => checkRequired(errors, source.volumePath, path, 'volumePath')),
  kind('photonPersistentDisk', (errors, source, path) => checkRequired(errors, source.pdID, path, 'pdID')),
  kind('portworxVolume', (errors, source, path) => checkRequired(errors, source.volumeID, path, 'volumeID')),
  kind('azureDisk', checkAzureDisk),
  kind('storageos', checkStorageOS),
  kind('projected', (errors, source, path, { options }) => checkProjectedVolume(errors, source, path, options)),
  kind('scaleIO', (errors, source, path) => {
    checkRequired(errors, source.gateway, path, 'gateway')
    checkRequired(errors, source.system, path, 'system')
    checkRequired(errors, source.volumeName, path, 'volumeName')
  }),
  kind('csi', checkCsi),
  kind('ephemeral', (errors, source, path, { meta, volume, volumePath }) => {
    const template = source.volumeClaimTemplate
    if (template) errors.push(...validatePersistentVolumeClaimTemplate(template, path.child('volumeClaimTemplate')))
    else errors.push(required(path.child('volumeClaimTemplate'), ''))
    if (meta?.name && volume.name) checkClaimName(errors, `${meta.name}-${volume.name}`, volume.name, volumePath)
  }),
  kind('image', (errors, source, path, { options }) => {
    if (options.resourceIsPod) checkRequired(errors, source.reference, path, 'reference')
    checkRequiredOneOf(errors, source.pullPolicy, path.child('pullPolicy'), PULL_POLICIES)
  }),
]

const KIND_OF: ReadonlyMap<string, Kind> = new Map(KINDS.map((one) => [one.field, one]))

/** Kinds of a volume, which has one if all is well. */
function kindsOf(volume: Volume): readonly Kind[] {
  const kinds: Kind[] = []
  for (const field in volume) {
    const one = volume[field as keyof Volume] === undefined ? undefined : KIND_OF.get(field)
    if (one) kinds.push(one)
  }
  return kinds.length > 1 ? KINDS.filter((one) => kinds.includes(one)) : kinds
}

function checkVolumeSource(errors: Errors, volume: Volume, path: FieldPath, context: SourceContext): void {
  let found = false
  for (const one of kindsOf(volume)) {
    if (found) errors.push(forbidden(path.child(one.extraName), 'may not specify more than 1 volume type'))
    else one.check(errors, volume, path, context)
    one.always?.(errors, volume, path)
    found = true
  }
  if (!found) errors.push(required(path, 'must specify a volume type'))
}

function checkClaimName(errors: Errors, claim: string, volumeName: string, path: FieldPath): void {
  for (const message of nameIsDNSSubdomain(claim, false)) {
    errors.push(invalid(path.child('name'), volumeName, `PVC name ${goQuote(claim)}: ${message}`))
  }
}

function checkHostPath(errors: Errors, source: HostPathVolumeSource, path: FieldPath): void {
  if (!source.path) {
    errors.push(required(path.child('path'), ''))
    return
  }
  checkNoBacksteps(errors, source.path, path.child('path'))
  if (source.type !== undefined) checkOneOf(errors, source.type, path.child('type'), HOST_PATH_TYPES)
}

function checkPartition(errors: Errors, partition: number | undefined, path: FieldPath): void {
  if (partition !== undefined && (partition < 0 || partition > PARTITION_MAX)) {
    errors.push(invalid(path.child('partition'), partition, inclusiveRangeError(1, PARTITION_MAX)))
  }
}

function checkNfs(errors: Errors, source: NFSVolumeSource, path: FieldPath): void {
  checkRequired(errors, source.server, path, 'server')
  checkRequired(errors, source.path, path, 'path')
  if (!source.path?.startsWith('/')) {
    errors.push(invalid(path.child('path'), source.path ?? '', 'must be an absolute path'))
  }
}

const ISCSI_NAME_FORMATS: readonly (readonly [prefix: string, matches: (name: string) => boolean])[] = [
  ['iqn', isIqn],
  ['eui', (name) => /^eui.[a-zA-Z0-9]{16}$/.test(name)],
  ['naa', (name) => /^naa.[a-zA-Z0-9]{32}$/.test(name)],
]

const NOT_IN_IQN_TAIL = /[,;*&$|\s]/
const IQN_AUTHORITY = /iqn\.\d{4}-\d{2}\.[a-zA-Z0-9\-.]/

/** What `iqn\.\d{4}-\d{2}\.([[:alnum:]-.]+)(:[^,;*&$|\s]+)$` matches, in time linear in the length. */
function isIqn(name: string): boolean {
  let from = 0
  for (let colon = name.indexOf(':'); colon >= 0; colon = name.indexOf(':', from)) {
    let start = colon
    while (start > from && /[a-zA-Z0-9\-.]/.test(name[start - 1]!)) start--
    if (IQN_AUTHORITY.test(name.slice(start, colon))) {
      const tail = name.slice(colon + 1)
      return tail !== '' && !NOT_IN_IQN_TAIL.test(tail)
    }
    from = colon + 1
  }
  return false
}

function checkIscsiName(errors: Errors, name: string, path: FieldPath): void {
  const known = ISCSI_NAME_FORMATS.find(([prefix]) => name.startsWith(prefix))
  if (!known) errors.push(invalid(path, name, 'must be valid format starting with iqn, eui, or naa'))
  else if (!known[1](name)) errors.push(invalid(path, name, 'must be valid format'))
}

function checkIscsi(errors: Errors, source: ISCSIVolumeSource, path: FieldPath): void {
  checkRequired(errors, source.targetPortal, path, 'targetPortal')
  if (source.iqn) checkIscsiName(errors, source.iqn, path.child('iqn'))
  else errors.push(required(path.child('iqn'), ''))
  checkLun(errors, source.lun ?? 0, path)
  if ((source.chapAuthDiscovery || source.chapAuthSession) && !source.secretRef) {
    errors.push(required(path.child('secretRef'), ''))
  }
  if (source.initiatorName !== undefined) checkIscsiName(errors, source.initiatorName, path.child('initiatorname'))
}

function checkIscsiNameLength(errors: Errors, volume: Volume, path: FieldPath): void {
  const { initiatorName, targetPortal = '' } = volume.iscsi!
  const name = volume.name ?? ''
  if (initiatorName === undefined || byteLength(`${name}:${targetPortal}`) <= ISCSI_TARGET_MAX) return
  const detail = `Total length of <volume name>:<iscsi.targetPortal> must be under ${ISCSI_TARGET_MAX} characters if iscsi.initiatorName is specified.`
  errors.push(invalid(path.child('name'), name, detail))
}

function checkLun(errors: Errors, lun: number, path: FieldPath): void {
  if (lun < 0 || lun > LUN_MAX) errors.push(invalid(path.child('lun'), lun, inclusiveRangeError(0, LUN_MAX)))
}

function checkFibreChannel(errors: Errors, source: FCVolumeSource, path: FieldPath): void {
  const { targetWWNs = [], wwids = [] } = source
  const at = path.child('targetWWNs')
  if (targetWWNs.length === 0 && wwids.length === 0) {
    errors.push(required(at, 'must specify either targetWWNs or wwids, but not both'))
  }
  if (targetWWNs.length === 0) return
  if (wwids.length > 0) {
    errors.push(invalid(at, targetWWNs, 'targetWWNs and wwids can not be specified simultaneously'))
  }
  if (source.lun === undefined) errors.push(required(path.child('lun'), 'lun is required if targetWWNs is specified'))
  else checkLun(errors, source.lun, path)
}

function checkKeysToPaths(errors: Errors, items: readonly KeyToPath[] | undefined, path: FieldPath): void {
  for (const [i, item] of (items ?? []).entries()) checkKeyToPath(errors, item, path.index(i))
}

function checkQuobyte(errors: Errors, source: QuobyteVolumeSource, path: FieldPath): void {
  const detail = 'must be a host:port pair or multiple pairs separated by commas'
  if (!source.registry) errors.push(required(path.child('registry'), detail))
  else if (byteLength(source.tenant ?? '') > QUOBYTE_TENANT_MAX) {
    const limit = `must be a UUID and may not exceed a length of ${QUOBYTE_TENANT_MAX} characters`
    errors.push(required(path.child('tenant'), limit))
  } else {
    for (const pair of source.registry.split(',')) {
      if (!isHostPort(pair)) errors.push(invalid(path.child('registry'), source.registry, detail))
    }
  }
  checkRequired(errors, source.volume, path, 'volume')
}

/** What Go's net.SplitHostPort takes. */
function isHostPort(text: string): boolean {
  return /^(?:\[[^[\]]*\]|[^:[\]]*):[^:[\]]*$/.test(text)
}

function checkFlexOptions(errors: Errors, flexOptions: Record<string, string> | undefined, path: FieldPath): void {
  for (const key in flexOptions) {
    const normalized = `.${key.split('/', 1)[0]!.toLowerCase()}`
    if (normalized.endsWith('.kubernetes.io') || normalized.endsWith('.k8s.io')) {
      errors.push(invalid(path.key(key), key, 'kubernetes.io and k8s.io namespaces are reserved'))
    }
  }
}

const AZURE_MANAGED_URI =
  '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}'
const AZURE_BLOB_URI = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd'

function checkAzureDisk(errors: Errors, source: AzureDiskVolumeSource, path: FieldPath): void {
  const { diskURI = '', kind: diskKind } = source
  checkRequired(errors, source.diskName, path, 'diskName')
  checkRequired(errors, diskURI, path, 'diskURI')
  if (source.cachingMode !== undefined) {
    checkOneOf(errors, source.cachingMode, path.child('cachingMode'), ['None', 'ReadOnly', 'ReadWrite'])
  }
  if (diskKind === undefined) return
  checkOneOf(errors, diskKind, path.child('kind'), ['Dedicated', 'Managed', 'Shared'])
  if (diskKind === 'Managed' && !diskURI.startsWith('/subscriptions/')) {
    errors.push(notSupported(path.child('diskURI'), diskURI, [AZURE_MANAGED_URI]))
  }
  if (diskKind !== 'Managed' && !diskURI.startsWith('https://')) {
    errors.push(notSupported(path.child('diskURI'), diskURI, [AZURE_BLOB_URI]))
  }
}

function checkStorageOS(errors: Errors, source: StorageOSVolumeSource, path: FieldPath): void {
  if (source.volumeName) checkDNS1123Label(errors, source.volumeName, path.child('volumeName'))
  else errors.push(required(path.child('volumeName'), ''))
  if (source.volumeNamespace) checkDNS1123Label(errors, source.volumeNamespace, path.child('volumeNamespace'))
  if (source.secretRef) checkRequired(errors, source.secretRef.name, path.child('secretRef'), 'name')
}

/** Name of a CSI driver, wherever one is named. */
export function validateCSIDriverName(name: string, path: FieldPath): FieldError[] {
  if (name === '') return [required(path, '')]
  const errors: FieldError[] = []
  if (byteLength(name) > CSI_DRIVER_NAME_MAX) errors.push(tooLong(path, CSI_DRIVER_NAME_MAX))
  addInvalid(errors, path, name, isDNS1123Subdomain(name.toLowerCase()))
  return errors
}

function checkCsi(errors: Errors, source: CSIVolumeSource, path: FieldPath): void {
  errors.push(...validateCSIDriverName(source.driver ?? '', path.child('driver')))
  if (!source.nodePublishSecretRef) return
  const name = source.nodePublishSecretRef.name
  if (name) addInvalid(errors, path.child('name'), name, nameIsDNSSubdomain(name, false))
  else errors.push(required(path.child('nodePublishSecretRef', 'name'), ''))
}

/** Whether a name of an iSCSI initiator or target is well formed: an iqn, eui or naa name. */
export function isIscsiName(name: string): boolean {
  return ISCSI_NAME_FORMATS.find(([prefix]) => name.startsWith(prefix))?.[1](name) ?? false
}

/** Kinds whose source means the same in a pod and in a persistent volume. */
type SharedVolumeKind =
  | 'awsElasticBlockStore'
  | 'azureDisk'
  | 'fc'
  | 'flocker'
  | 'gcePersistentDisk'
  | 'hostPath'
  | 'nfs'
  | 'photonPersistentDisk'
  | 'portworxVolume'
  | 'quobyte'
  | 'vsphereVolume'

/** Checks the source of one kind; `path` is that of the object which holds it. */
export function checkSharedVolumeSource(
  errors: Errors,
  volumeKind: SharedVolumeKind,
  volume: Pick<Volume, SharedVolumeKind>,
  path: FieldPath,
): void {
  const own = KINDS.find(({ field }) => field === volumeKind)!
  own.check(errors, volume as Volume, path, { meta: undefined, options: NO_OPTIONS })
}

/** None of the shared kinds looks at options. */
const NO_OPTIONS = {} as PodValidationOptions
