import { duplicate, type FieldError, invalid, notSupported, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { CSIDriver, CSIDriverSpec, TokenRequest } from '../../apimachinery/types/storage-v1.ts'
import { nameIsDNSSubdomain, validateImmutableField } from '../../apimachinery/validation/object-meta.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from '../core/core-object-meta.ts'
import { defineResource, type StrategyContext } from '../resource.ts'
import { age, ageColumn, column, nameColumn } from '../table-cells.ts'

const FS_GROUP_POLICIES = ['File', 'None', 'ReadWriteOnceWithFSType']
const LIFECYCLE_MODES = ['Persistent', 'Ephemeral']
const MIN_TOKEN_SECONDS = 10 * 60
const MAX_TOKEN_SECONDS = 2 ** 32
const MIN_UPDATE_PERIOD_SECONDS = 10

const TOKEN_IN_SECRETS_WARNING =
  'spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes'

/** @see kubernetes pkg/apis/storage/v1/defaults.go */
function setDefaults(driver: CSIDriver): void {
  driver.spec ??= {}
  const spec = driver.spec
  spec.attachRequired ??= true
  spec.podInfoOnMount ??= false
  spec.storageCapacity ??= false
  spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType'
  if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent']
  spec.requiresRepublish ??= false
  spec.seLinuxMount ??= false
}

const volumeLimitScaling = ({ config }: StrategyContext): boolean => config.featureGates['VolumeLimitScaling'] ?? false

function validateSpec(spec: CSIDriverSpec, context: StrategyContext): FieldError[] {
  const path = FieldPath.of('spec')
  const set = (value: boolean | undefined, name: string): FieldError[] =>
    value === undefined ? [required(path.child(name), '')] : []
  const policy = spec.fsGroupPolicy
  const badPolicy = policy !== undefined && !FS_GROUP_POLICIES.includes(policy)
  return [
    ...set(spec.attachRequired, 'attachedRequired'),
    ...set(spec.podInfoOnMount, 'podInfoOnMount'),
    ...set(spec.storageCapacity, 'storageCapacity'),
    ...(badPolicy ? [notSupported(path.child('fsGroupPolicy'), policy, FS_GROUP_POLICIES)] : []),
    ...validateTokenRequests(spec.tokenRequests ?? [], path.child('tokenRequests')),
    ...validateLifecycleModes(spec.volumeLifecycleModes ?? [], path.child('volumeLifecycleModes')),
    ...set(spec.seLinuxMount, 'seLinuxMount'),
    ...validateUpdatePeriod(spec.nodeAllocatableUpdatePeriodSeconds, path.child('nodeAllocatableUpdatePeriodSeconds')),
    ...validateTokenInSecrets(spec, path.child('serviceAccountTokenInSecrets')),
    ...(volumeLimitScaling(context) ? set(spec.preventPodSchedulingIfMissing, 'preventPodSchedulingIfMissing') : []),
  ]
}

function validateTokenRequests(requests: readonly TokenRequest[], path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  const audiences = new Set<string>()
  requests.forEach(({ audience = '', expirationSeconds }, i) => {
    const at = path.index(i)
    if (audiences.has(audience)) {
      errors.push(duplicate(at.child('audience'), audience))
      return
    }
    audiences.add(audience)
    if (expirationSeconds === undefined) return
    const secondsPath = at.child('expirationSeconds')
    if (expirationSeconds < MIN_TOKEN_SECONDS) {
      errors.push(invalid(secondsPath, expirationSeconds, 'may not specify a duration less than 10 minutes'))
    }
    if (expirationSeconds > MAX_TOKEN_SECONDS) {
      errors.push(invalid(secondsPath, expirationSeconds, 'may not specify a duration larger than 2^32 seconds'))
    }
  })
  return errors
}

function validateLifecycleModes(modes: readonly string[], path: FieldPath): FieldError[] {
  return modes
    .filter((mode) => !LIFECYCLE_MODES.includes(mode))
    .map((mode) => notSupported(path, mode, LIFECYCLE_MODES))
}

function validateUpdatePeriod(seconds: number | undefined, path: FieldPath): FieldError[] {
  if (seconds === undefined || seconds >= MIN_UPDATE_PERIOD_SECONDS) return []
  return [invalid(path, seconds, 'must be greater than or equal to 10 seconds')]
}

function validateTokenInSecrets(spec: CSIDriverSpec, path: FieldPath): FieldError[] {
  if (spec.serviceAccountTokenInSecrets === undefined || spec.tokenRequests?.length) return []
  const detail = 'serviceAccountTokenInSecrets is set but no tokenRequests are specified'
  return [invalid(path, spec.serviceAccountTokenInSecrets, detail)]
}

function validateUpdate(driver: CSIDriver, old: CSIDriver, context: StrategyContext): FieldError[] {
  const path = FieldPath.of('spec')
  return [
    ...validateObjectMetaUpdate(driver.metadata, old.metadata, FieldPath.of('metadata')),
    ...validateSpec(driver.spec, context),
    ...validateImmutableField(driver.spec.attachRequired, old.spec.attachRequired, path.child('attachedRequired')),
    ...validateImmutableField(
      driver.spec.volumeLifecycleModes,
      old.spec.volumeLifecycleModes,
      path.child('volumeLifecycleModes'),
    ),
  ]
}

function prepareForUpdate(driver: CSIDriver, old: CSIDriver, context: StrategyContext): void {
  if (old.spec.preventPodSchedulingIfMissing === undefined && !volumeLimitScaling(context)) {
    delete driver.spec.preventPodSchedulingIfMissing
  }
  if (!semanticEqual(old.spec, driver.spec)) driver.metadata.generation = (old.metadata.generation ?? 0) + 1
}

const lacksTokenInSecrets = ({ spec }: CSIDriver): boolean =>
  (spec.tokenRequests ?? []).length > 0 && spec.serviceAccountTokenInSecrets === undefined

export const csiDrivers = defineResource<CSIDriver>({
  group: 'storage.k8s.io',
  resource: 'csidrivers',
  hubVersion: 'v1',
  deletion: { returnsObject: true },
  defaults: setDefaults,
  strategy: {
    prepareForCreate(driver, context) {
      if (!volumeLimitScaling(context)) delete driver.spec.preventPodSchedulingIfMissing
    },
    prepareForUpdate,
    validate: (driver, context) => [
      ...validateObjectMeta(driver.metadata, false, nameIsDNSSubdomain, FieldPath.of('metadata')),
      ...validateSpec(driver.spec, context),
    ],
    validateUpdate,
    warningsOnCreate: (driver) => (lacksTokenInSecrets(driver) ? [TOKEN_IN_SECRETS_WARNING] : []),
    warningsOnUpdate: (driver, old) =>
      lacksTokenInSecrets(driver) && !semanticEqual(old.spec.tokenRequests, driver.spec.tokenRequests)
        ? [TOKEN_IN_SECRETS_WARNING]
        : [],
  },
  table: {
    columns: [
      nameColumn,
      column('AttachRequired', 'boolean'),
      column('PodInfoOnMount', 'boolean'),
      column('StorageCapacity', 'boolean'),
      column('TokenRequests'),
      column('RequiresRepublish', 'boolean'),
      column('Modes'),
      ageColumn,
    ],
    cells: ({ metadata, spec }, now) => [
      metadata.name ?? '',
      spec.attachRequired ?? true,
      spec.podInfoOnMount ?? false,
      spec.storageCapacity ?? false,
      spec.tokenRequests ? spec.tokenRequests.map((request) => request.audience ?? '').join(',') : '<unset>',
      spec.requiresRepublish ?? false,
      spec.volumeLifecycleModes?.join(',') || '<none>',
      age({ metadata }, now),
    ],
  },
})
