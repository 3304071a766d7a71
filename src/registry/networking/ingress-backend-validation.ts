import { type FieldError, invalid, required } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import type { TypedLocalObjectReference } from '../../apimachinery/types/core-v1.ts'
import type { IngressBackend, IngressServiceBackend } from '../../apimachinery/types/networking-v1.ts'
import {
  invalidEach,
  isDNS1123Subdomain,
  isPathSegmentName,
  isValidPortName,
  isValidPortNum,
} from '../../apimachinery/validation/names.ts'
import { nameIsDNS1035Label, nameIsDNSLabel } from '../../apimachinery/validation/object-meta.ts'

/** A required name that can stand as one segment of a path. */
export function validateSegment(name: string | undefined, path: FieldPath): FieldError[] {
  return name ? invalidEach(path, name, isPathSegmentName(name)) : [required(path, '')]
}

/** Group, kind and name of an object in the same namespace. */
export function validateReference(
  { apiGroup, kind, name }: Pick<TypedLocalObjectReference, 'apiGroup' | 'kind' | 'name'>,
  path: FieldPath,
): FieldError[] {
  const groupErrors =
    apiGroup === undefined || apiGroup === null
      ? []
      : invalidEach(path.child('apiGroup'), apiGroup, isDNS1123Subdomain(apiGroup))
  return [...groupErrors, ...validateSegment(kind, path.child('kind')), ...validateSegment(name, path.child('name'))]
}

function validateService(service: IngressServiceBackend, path: FieldPath, relaxedNames: boolean): FieldError[] {
  const errors: FieldError[] = []
  const namePath = path.child('service', 'name')
  const nameFn = relaxedNames ? nameIsDNSLabel : nameIsDNS1035Label
  if (service.name) errors.push(...invalidEach(namePath, service.name, nameFn(service.name, false)))
  else errors.push(required(namePath, ''))
  const portPath = path.child('service', 'port')
  const { name = '', number = 0 } = service.port ?? {}
  if (name !== '' && number !== 0) errors.push(invalid(path, '', 'cannot set both port name & port number'))
  else if (name !== '') errors.push(...invalidEach(portPath.child('name'), name, isValidPortName(name)))
  else if (number !== 0) errors.push(...invalidEach(portPath.child('number'), number, isValidPortNum(number)))
  else errors.push(required(path, 'port name or number is required'))
  return errors
}

/**
 * Either a Service with a port, or another object.
 *
 * @see pkg/apis/networking/validation/validation.go validateIngressBackend
 */
export function validateIngressBackend(backend: IngressBackend, path: FieldPath, relaxedNames: boolean): FieldError[] {
  const { resource, service } = backend
  if (resource && service) return [invalid(path, '', 'cannot set both resource and service backends')]
  if (resource) return validateReference(resource, path.child('resource'))
  if (service) return validateService(service, path, relaxedNames)
  return [invalid(path, '', 'resource or service backend is required')]
}
