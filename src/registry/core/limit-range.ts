import type { FieldError } from '../../apimachinery/field-error.ts'
import { duplicate, forbidden, invalid, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { parseQuantity, type Quantity } from '../../apimachinery/quantity.ts'
import type { LimitRange, LimitRangeItem } from '../../apimachinery/types/core-v1.ts'
import { invalidEach, isQualifiedName } from '../../apimachinery/validation/names.ts'
import { nameIsDNSSubdomain } from '../../apimachinery/validation/object-meta.ts'
import { defineResource } from '../resource.ts'
import { createdAt, nameColumn } from '../table-cells.ts'
import { validateObjectMeta } from './core-object-meta.ts'
import { setResourceListDefaults } from './pod/pod-defaults.ts'
import { isOvercommitAllowed } from './pod/resource-names.ts'
import { validateContainerResourceName, validateResourceName } from './resource-quantity.ts'

const STANDARD_TYPES: ReadonlySet<string> = new Set(['Pod', 'Container', 'PersistentVolumeClaim'])
/** Above this, thousandths of a value do not fit an int64: (2^63 - 1) / 1000. */
const MAX_MILLI_VALUE = 9_223_372_036_854_775n

/** Fills what follows from other limits: default from max, defaultRequest from default and from min. */
function setItemDefaults(item: LimitRangeItem): void {
  for (const list of [item.max, item.min, item.default, item.defaultRequest, item.maxLimitRequestRatio]) {
    setResourceListDefaults(list)
  }
  if (item.type !== 'Container') return
  const limits = { ...item.max, ...item.default }
  const requests = { ...item.min, ...limits, ...item.defaultRequest }
  if (Object.keys(limits).length > 0) item.default = limits
  if (Object.keys(requests).length > 0) item.defaultRequest = requests
}

function validateType(type: string, path: FieldPath): FieldError[] {
  const errors = invalidEach(path, type, isQualifiedName(type))
  if (errors.length > 0 || type.includes('/') || STANDARD_TYPES.has(type)) return errors
  return [invalid(path, type, 'must be a standard limit type or fully qualified')]
}

type Constraint = 'max' | 'min' | 'default' | 'defaultRequest' | 'maxLimitRequestRatio'

function validateItem(item: LimitRangeItem, path: FieldPath): FieldError[] {
  const isPod = item.type === 'Pod'
  const validateName = isPod || item.type === 'Container' ? validateContainerResourceName : validateResourceName
  const names = new Set<string>()
  const errors: FieldError[] = []
  const collect = (constraint: Constraint): void => {
    for (const name in item[constraint]) {
      errors.push(...validateName(name, path.child(constraint).key(name)))
      names.add(name)
    }
  }
  collect('max')
  collect('min')
  for (const constraint of ['default', 'defaultRequest'] as const) {
    if (!isPod) collect(constraint)
    else if (item[constraint] && Object.keys(item[constraint]).length > 0) {
      errors.push(forbidden(path.child(constraint), "may not be specified when `type` is 'Pod'"))
    }
  }
  if (item.type === 'PersistentVolumeClaim' && !item.min?.['storage'] && !item.max?.['storage']) {
    const message = 'either minimum or maximum storage value is required, but neither was provided'
    errors.push(required(path.child('limits'), message))
  }
  collect('maxLimitRequestRatio')
  for (const name of names) errors.push(...validateOrder(item, name, path))
  return errors
}

/** The constraints on one resource against each other. */
function validateOrder(item: LimitRangeItem, name: string, path: FieldPath): FieldError[] {
  const read = (constraint: Constraint): Quantity | undefined => {
    const text = item[constraint]?.[name]
    return text === undefined || (item.type === 'Pod' && constraint.startsWith('default'))
      ? undefined
      : parseQuantity(text)
  }
  const [min, max, limit, request] = [read('min'), read('max'), read('default'), read('defaultRequest')]
  const errors: FieldError[] = []
  const check = (
    low: Quantity | undefined,
    high: Quantity | undefined,
    at: Constraint,
    bad: Quantity,
    words: string,
  ) => {
    if (low && high && low.cmp(high) > 0) errors.push(invalid(path.child(at).key(name), bad.toString(), words))
  }
  check(min, max, 'min', min!, `min value ${min} is greater than max value ${max}`)
  check(min, request, 'defaultRequest', request!, `min value ${min} is greater than default request value ${request}`)
  check(request, max, 'defaultRequest', request!, `default request value ${request} is greater than max value ${max}`)
  const overLimit = `default request value ${request} is greater than default limit value ${limit}`
  check(request, limit, 'defaultRequest', request!, overLimit)
  check(min, limit, 'default', min!, `min value ${min} is greater than default value ${limit}`)
  check(limit, max, 'default', max!, `default value ${limit} is greater than max value ${max}`)
  errors.push(...validateRatio(read('maxLimitRequestRatio'), min, max, path.child('maxLimitRequestRatio').key(name)))
  if (!isOvercommitAllowed(name) && limit && request && !limit.equals(request)) {
    const words = `default value ${limit} must equal to defaultRequest value ${request} in ${name}`
    errors.push(invalid(path.child('defaultRequest').key(name), request.toString(), words))
  }
  return errors
}

function validateRatio(
  ratio: Quantity | undefined,
  min: Quantity | undefined,
  max: Quantity | undefined,
  path: FieldPath,
): FieldError[] {
  if (!ratio) return []
  const errors: FieldError[] = []
  if (ratio.cmp(parseQuantity('1')) < 0) errors.push(invalid(path, ratio.toString(), `ratio ${ratio} is less than 1`))
  if (!min || !max) return errors
  const fine = [ratio, min, max].every((quantity) => quantity.scaledValue(0) < MAX_MILLI_VALUE)
  const value = fine ? ratio.milliValue() / 1000 : ratio.value()
  const bound = fine ? max.milliValue() / min.milliValue() : max.value() / min.value()
  if (value > bound) {
    errors.push(invalid(path, ratio.toString(), `ratio ${ratio} is greater than max/min = ${formatFloat(bound)}`))
  }
  return errors
}

/** Go's `%f`. */
function formatFloat(value: number): string {
  if (Number.isFinite(value)) return value.toFixed(6)
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}

function validateLimitRange(limitRange: LimitRange): FieldError[] {
  const errors = validateObjectMeta(limitRange.metadata, true, nameIsDNSSubdomain, FieldPath.of('metadata'))
  const types = new Set<string>()
  for (const [i, item] of (limitRange.spec?.limits ?? []).entries()) {
    const path = FieldPath.of('spec', 'limits').index(i)
    const type = item.type ?? ''
    errors.push(...validateType(type, path.child('type')))
    if (types.has(type)) errors.push(duplicate(path.child('type'), type))
    types.add(type)
    errors.push(...validateItem(item, path))
  }
  return errors
}

/** @see kubernetes pkg/registry/core/limitrange/strategy.go */
export const limitRanges = defineResource<LimitRange>({
  group: '',
  resource: 'limitranges',
  hubVersion: 'v1',
  defaults(limitRange) {
    for (const item of limitRange.spec?.limits ?? []) setItemDefaults(item)
  },
  strategy: {
    prepareForCreate(limitRange, context) {
      limitRange.metadata.name ||= context.newUid()
    },
    validate: validateLimitRange,
    validateUpdate: validateLimitRange,
  },
  table: {
    columns: [nameColumn, { name: 'Created At', type: 'date' }],
    cells: (limitRange) => [limitRange.metadata.name ?? '', createdAt(limitRange)],
  },
})
