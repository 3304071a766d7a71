import type { FieldError } from '../../apimachinery/field-error.ts'
import { invalid, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goAny, goList, goStruct, goStructValue } from '../../apimachinery/go-struct.ts'
import { parseQuantity } from '../../apimachinery/quantity.ts'
import { givenEmpty } from '../../apimachinery/schema/given-empty.ts'
import type {
  ResourceQuota,
  ResourceQuotaSpec,
  ScopedResourceSelectorRequirement,
} from '../../apimachinery/types/core-v1.ts'
import { FIELD_IMMUTABLE_MESSAGE, nameIsDNSSubdomain } from '../../apimachinery/validation/object-meta.ts'
import type { UpdateStrategy } from '../resource.ts'
import { defineResource } from '../resource.ts'
import { age, ageColumn, column, nameColumn } from '../table-cells.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from './core-object-meta.ts'
import { setResourceListDefaults } from './pod/pod-defaults.ts'
import { isHugePageResourceName } from './pod/resource-names.ts'
import { type ResourceList, validateResourceName, validateResourceQuantityValue } from './resource-quantity.ts'

const MISPLACED_SCOPE = 'unsupported scope applied to resource'

const METADATA = FieldPath.of('metadata')
const SPEC = FieldPath.of('spec')
const STATUS = FieldPath.of('status')

const POD_COUNT: readonly string[] = ['pods']
const POD_COMPUTE: readonly string[] = [
  ...POD_COUNT,
  'cpu',
  'memory',
  'limits.cpu',
  'limits.memory',
  'requests.cpu',
  'requests.memory',
]
const CLAIMS: readonly string[] = ['persistentvolumeclaims', 'requests.storage']

/** Scopes, each with the resources that a quota of this scope may limit. */
const SCOPES: ReadonlyMap<string, readonly string[]> = new Map([
  ['Terminating', POD_COMPUTE],
  ['NotTerminating', POD_COMPUTE],
  ['BestEffort', POD_COUNT],
  ['NotBestEffort', POD_COMPUTE],
  ['PriorityClass', POD_COMPUTE],
  ['CrossNamespacePodAffinity', POD_COMPUTE],
  ['VolumeAttributesClass', CLAIMS],
])

/** Scopes that a selector can only ask for or not. */
const EXISTS_ONLY: ReadonlySet<string> = new Set([
  'BestEffort',
  'NotBestEffort',
  'Terminating',
  'NotTerminating',
  'CrossNamespacePodAffinity',
])

const CONFLICTING_SCOPES = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
] as const

const QUOTA_RESOURCES: ReadonlySet<string> = new Set([
  'cpu',
  'memory',
  'ephemeral-storage',
  'requests.cpu',
  'requests.memory',
  'requests.storage',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'persistentvolumeclaims',
  'configmaps',
  'services.nodeports',
  'services.loadbalancers',
])

function isStandardQuotaResourceName(name: string): boolean {
  return QUOTA_RESOURCES.has(name) || isHugePageResourceName(name) || name.startsWith('requests.hugepages-')
}

/** A scope that is not known limits nothing. */
function isScopeValidForResource(scope: string, resource: string): boolean {
  return SCOPES.get(scope)?.includes(resource) ?? true
}

function validateQuotaResourceName(name: string, path: FieldPath): FieldError[] {
  const errors = validateResourceName(name, path)
  if (name.includes('/') || isStandardQuotaResourceName(name)) return errors
  return [...errors, invalid(path, name, 'must be a standard resource for quota')]
}

function validateResources(list: ResourceList | undefined, path: FieldPath): FieldError[] {
  return Object.entries(list ?? {}).flatMap(([name, quantity]) => [
    ...validateQuotaResourceName(name, path.key(name)),
    ...validateResourceQuantityValue(name, quantity, path.key(name)),
  ])
}

function validateScopes(spec: ResourceQuotaSpec, path: FieldPath): FieldError[] {
  const { scopes = [], hard = {} } = spec
  const errors: FieldError[] = []
  for (const scope of scopes) {
    if (!SCOPES.has(scope)) errors.push(invalid(path, scopes, 'unsupported scope'))
    for (let n = misplacedResources(scope, hard); n > 0; n--) errors.push(invalid(path, scopes, MISPLACED_SCOPE))
  }
  return errors.concat(validateConflicts(scopes, scopes, path))
}

/** Number of standard resources that the scope does not reach; each makes an error of its own. */
function misplacedResources(scope: string, hard: ResourceList): number {
  const misplaced = (name: string): boolean =>
    isStandardQuotaResourceName(name) && !isScopeValidForResource(scope, name)
  return Object.keys(hard).filter(misplaced).length
}

function validateConflicts(scopes: readonly string[], printed: readonly string[], path: FieldPath): FieldError[] {
  return CONFLICTING_SCOPES.filter((pair) => pair.every((scope) => scopes.includes(scope))).map(() =>
    invalid(path, printed.length > 0 ? printed : null, 'conflicting scopes'),
  )
}

const goScopeSelector = goStruct([
  'MatchExpressions',
  'matchExpressions',
  goList(goStruct(['ScopeName', 'scopeName', goAny], ['Operator', 'operator', goAny], ['Values', 'values', goAny])),
])

function validateScopeSelector(spec: ResourceQuotaSpec, path: FieldPath): FieldError[] {
  const { scopeSelector, scopes = [], hard = {} } = spec
  if (!scopeSelector) return []
  const requirements = scopeSelector.matchExpressions ?? []
  const errors: FieldError[] = []
  for (const requirement of requirements) {
    const { scopeName = '' } = requirement
    if (!SCOPES.has(scopeName)) errors.push(invalid(path.child('scopeName'), scopeName, 'unsupported scope'))
    for (let n = misplacedResources(scopeName, hard); n > 0; n--) {
      errors.push(invalid(path, goStructValue(goScopeSelector, scopeSelector), MISPLACED_SCOPE))
    }
    errors.push(...validateScopeRequirement(requirement, path))
  }
  const names = requirements.map(({ scopeName }) => scopeName)
  return errors.concat(validateConflicts(names, scopes, path))
}

function validateScopeRequirement(requirement: ScopedResourceSelectorRequirement, path: FieldPath): FieldError[] {
  const { scopeName = '', operator = '', values = [] } = requirement
  const errors: FieldError[] = []
  if (EXISTS_ONLY.has(scopeName) && operator !== 'Exists') {
    const scopes =
      'ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity'
    errors.push(invalid(path.child('operator'), operator, `must be 'Exists' when scope is any of ${scopes}`))
  }
  if (operator === 'In' || operator === 'NotIn') {
    const words = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
    if (values.length === 0) errors.push(required(path.child('values'), words))
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    const words = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
    if (values.length > 0) errors.push(invalid(path.child('values'), values, words))
  } else {
    errors.push(invalid(path.child('operator'), operator, 'not a valid selector operator'))
  }
  return errors
}

function validateSpec(spec: ResourceQuotaSpec = {}): FieldError[] {
  return [
    ...validateResources(spec.hard, SPEC.child('hard')),
    ...validateScopes(spec, SPEC.child('scopes')),
    ...validateScopeSelector(spec, SPEC.child('scopeSelector', 'matchExpressions')),
  ]
}

function validateStatus(quota: ResourceQuota): FieldError[] {
  return [
    ...validateResources(quota.status?.hard, STATUS.child('hard')),
    ...validateResources(quota.status?.used, STATUS.child('used')),
  ]
}

function validateUpdate(quota: ResourceQuota, old: ResourceQuota): FieldError[] {
  const errors = validateObjectMetaUpdate(quota.metadata, old.metadata, METADATA)
  errors.push(...validateSpec(quota.spec))
  const scopes = quota.spec?.scopes ?? []
  const before = new Set(old.spec?.scopes)
  const same = new Set(scopes).size === before.size && scopes.every((scope) => before.has(scope))
  if (!same) {
    errors.push(
      invalid(
        SPEC.child('scopes'),
        quota.spec?.scopes ?? givenEmpty(quota.spec, 'scopes') ?? null,
        FIELD_IMMUTABLE_MESSAGE,
      ),
    )
  }
  return errors
}

const statusStrategy: UpdateStrategy<ResourceQuota> = {
  prepareForUpdate(quota, old) {
    quota.spec = old.spec
  },
  validateUpdate(quota, old) {
    const errors = validateObjectMetaUpdate(quota.metadata, old.metadata, METADATA)
    if (!quota.metadata.resourceVersion) errors.push(required(FieldPath.of('resourceVersion'), ''))
    return errors.concat(validateStatus(quota))
  },
}

/** Requests that are higher than the limits of the same resource. */
function warnings(quota: ResourceQuota): string[] {
  const hard = quota.spec?.hard ?? {}
  return ['cpu', 'memory', 'storage', 'ephemeral-storage'].flatMap((resource) => {
    const bare = resource === 'cpu' || resource === 'memory' ? resource : undefined
    const request = [`requests.${resource}`, bare].find((name) => name !== undefined && hard[name] !== undefined)
    const limit = `limits.${resource}`
    if (request === undefined || hard[limit] === undefined) return []
    if (parseQuantity(hard[request]!).cmp(parseQuantity(hard[limit])) <= 0) return []
    return [`ResourceQuota ${request} (${hard[request]}) should be less than ${limit} (${hard[limit]})`]
  })
}

function formatUsage(quota: ResourceQuota, wanted: (resource: string) => boolean): string {
  const { hard = {}, used = {} } = quota.status ?? {}
  return Object.keys(hard)
    .filter(wanted)
    .sort()
    .map((resource) => `${resource}: ${used[resource] ?? '0'}/${hard[resource]}`)
    .join(', ')
}

const isLimit = (resource: string): boolean => resource.startsWith('limits.')

/** @see kubernetes pkg/registry/core/resourcequota/strategy.go */
export const resourceQuotas = defineResource<ResourceQuota>({
  group: '',
  resource: 'resourcequotas',
  hubVersion: 'v1',
  defaults({ spec, status }) {
    for (const list of [spec?.hard, status?.hard, status?.used]) setResourceListDefaults(list)
  },
  strategy: {
    prepareForCreate(quota) {
      quota.status = {}
    },
    validate: (quota) => [
      ...validateObjectMeta(quota.metadata, true, nameIsDNSSubdomain, METADATA),
      ...validateSpec(quota.spec),
      ...validateStatus(quota),
    ],
    warningsOnCreate: warnings,
    prepareForUpdate(quota, old) {
      quota.status = old.status
    },
    validateUpdate,
  },
  subresourceStrategies: { status: statusStrategy },
  deletion: { returnsObject: true },
  table: {
    columns: [nameColumn, column('Request'), column('Limit'), ageColumn],
    cells: (quota, now) => [
      quota.metadata.name ?? '',
      formatUsage(quota, (resource) => !isLimit(resource)),
      formatUsage(quota, isLimit),
      age(quota, now),
    ],
  },
})
