import { formatTime } from '../../apimachinery/clock.ts'
import { type FieldError, invalid, notSupported, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import type { APIService, APIServiceSpec, ServiceReference } from '../../apimachinery/types/apiregistration-v1.ts'
import {
  invalidEach,
  isDNS1035Label,
  isDNS1123Subdomain,
  isPathSegmentName,
  isValidPortNum,
} from '../../apimachinery/validation/names.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from '../../apimachinery/validation/object-meta.ts'
import { defineResource } from '../resource.ts'
import { age, ageColumn, column, nameColumn } from '../table-cells.ts'

const CONDITION_STATUSES = ['True', 'False', 'Unknown']
const MAX_GROUP_PRIORITY = 20_000
const MAX_VERSION_PRIORITY = 1000

/** @see kube-aggregator pkg/apis/apiregistration/validation/validation.go ValidateAPIService */
function validateApiService(apiService: APIService): FieldError[] {
  const spec: Partial<APIServiceSpec> = apiService.spec ?? {}
  const { group = '', version = '' } = spec
  const requiredName = `${version}.${group}`
  const nameFn = (name: string): string[] => {
    const problems = isPathSegmentName(name)
    if (problems.length > 0 || name === requiredName) return problems
    return [`must be \`spec.version+"."+spec.group\`: ${goQuote(requiredName)}`]
  }
  return [
    ...validateObjectMeta(apiService.metadata, false, nameFn, FieldPath.of('metadata')),
    ...validateSpec(spec, FieldPath.of('spec')),
  ]
}

function validateSpec(spec: Partial<APIServiceSpec>, path: FieldPath): FieldError[] {
  const { group = '', version = '', groupPriorityMinimum = 0, versionPriority = 0 } = spec
  const errors: FieldError[] = []
  if (group !== '') errors.push(...invalidEach(path.child('group'), group, isDNS1123Subdomain(group)))
  else if (version !== 'v1') {
    const detail = 'only v1 may have an empty group and it better be legacy kube'
    errors.push(required(path.child('group'), detail))
  }
  errors.push(
    ...invalidEach(path.child('version'), version, isDNS1035Label(version)),
    ...validatePriority(groupPriorityMinimum, MAX_GROUP_PRIORITY, path.child('groupPriorityMinimum')),
    ...validatePriority(versionPriority, MAX_VERSION_PRIORITY, path.child('versionPriority')),
  )
  return errors.concat(spec.service ? validateRemote(spec, spec.service, path) : validateLocal(spec, path))
}

function validatePriority(priority: number, max: number, path: FieldPath): FieldError[] {
  return priority > 0 && priority <= max ? [] : [invalid(path, priority, `must be positive and less than ${max}`)]
}

/** Served by this server itself: nothing to connect to. */
function validateLocal({ caBundle, insecureSkipTLSVerify }: Partial<APIServiceSpec>, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  if (caBundle) {
    const size = `${Buffer.from(caBundle, 'base64').length} bytes`
    errors.push(invalid(path.child('caBundle'), size, 'local APIServices may not have a caBundle'))
  }
  if (insecureSkipTLSVerify) {
    const detail = 'local APIServices may not have insecureSkipTLSVerify'
    errors.push(invalid(path.child('insecureSkipTLSVerify'), true, detail))
  }
  return errors
}

function validateRemote(spec: Partial<APIServiceSpec>, service: ServiceReference, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  const servicePath = path.child('service')
  if (!service.namespace) errors.push(required(servicePath.child('namespace'), ''))
  if (!service.name) errors.push(required(servicePath.child('name'), ''))
  const port = service.port ?? 0
  const portProblems = isValidPortNum(port)
  if (portProblems.length > 0) {
    errors.push(invalid(servicePath.child('port'), port, `port is not valid: ${portProblems.join(', ')}`))
  }
  if (spec.insecureSkipTLSVerify && spec.caBundle) {
    errors.push(invalid(path.child('insecureSkipTLSVerify'), true, 'may not be true if caBundle is present'))
  }
  return errors
}

function validateStatusUpdate(apiService: APIService, old: APIService): FieldError[] {
  const path = FieldPath.of('status', 'conditions')
  const errors = validateObjectMetaUpdate(apiService.metadata, old.metadata, FieldPath.of('metadata'))
  apiService.status?.conditions?.forEach(({ status = '' }, i) => {
    if (CONDITION_STATUSES.includes(status)) return
    errors.push(notSupported(path.index(i).child('status'), status, CONDITION_STATUSES))
  })
  return errors
}

const KEPT_ON_STATUS_WRITE = ['labels', 'annotations', 'finalizers', 'ownerReferences'] as const

/** The condition in words: `True`, `False (Reason)`; Unknown without one. */
function availability({ status }: APIService): string {
  const condition = status?.conditions?.find(({ type }) => type === 'Available')
  if (!condition) return 'Unknown'
  return condition.status === 'True' ? 'True' : `${condition.status} (${condition.reason ?? ''})`
}

export const apiServices = defineResource<APIService>({
  group: 'apiregistration.k8s.io',
  resource: 'apiservices',
  hubVersion: 'v1',
  defaults({ spec }) {
    if (spec?.service) spec.service.port ??= 443
  },
  strategy: {
    prepareForCreate(apiService, { clock }) {
      apiService.status = {}
      if (apiService.spec?.service) return
      apiService.status.conditions = [
        {
          type: 'Available',
          status: 'True',
          lastTransitionTime: formatTime(clock.now()),
          reason: 'Local',
          message: 'Local APIServices are always available',
        },
      ]
    },
    prepareForUpdate(apiService, old) {
      apiService.status = old.status
    },
    validate: validateApiService,
    validateUpdate: (apiService, old) => [
      ...validateObjectMetaUpdate(apiService.metadata, old.metadata, FieldPath.of('metadata')),
      ...validateApiService(apiService),
    ],
  },
  subresourceStrategies: {
    status: {
      prepareForUpdate(apiService, old) {
        apiService.spec = old.spec
        const kept = Object.fromEntries(KEPT_ON_STATUS_WRITE.map((field) => [field, old.metadata[field]]))
        apiService.metadata = { ...apiService.metadata, ...kept }
      },
      validateUpdate: validateStatusUpdate,
    },
  },
  table: {
    columns: [nameColumn, column('Service'), column('Available'), ageColumn],
    cells: (apiService, now) => {
      const service = apiService.spec?.service
      return [
        apiService.metadata.name ?? '',
        service ? `${service.namespace ?? ''}/${service.name ?? ''}` : 'Local',
        availability(apiService),
        age(apiService, now),
      ]
    },
  },
})
