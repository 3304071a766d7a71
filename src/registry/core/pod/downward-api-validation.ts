import { invalid, notSupported, required } from '../../../apimachinery/field-error.ts'
import type { FieldPath } from '../../../apimachinery/field-path.ts'
import { parseQuantity } from '../../../apimachinery/quantity.ts'
import type { ObjectFieldSelector, ResourceFieldSelector } from '../../../apimachinery/types/core-v1.ts'
import { checkQualifiedName, type Errors } from './field-checks.ts'

/** Where a value of the downward API goes: an environment variable or a file of a volume. */
type DownwardTarget = 'env' | 'volume'

/** Fields that can be shown, sorted as errors list them. */
const FIELD_PATHS: Readonly<Record<DownwardTarget, readonly string[]>> = {
  env: [
    'metadata.name',
    'metadata.namespace',
    'metadata.uid',
    'spec.nodeName',
    'spec.serviceAccountName',
    'status.hostIP',
    'status.hostIPs',
    'status.podIP',
    'status.podIPs',
  ],
  volume: ['metadata.annotations', 'metadata.labels', 'metadata.name', 'metadata.namespace', 'metadata.uid'],
}

/** Labels of fields that the downward API knows at all. */
const FIELD_LABELS = new Set([
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.restartPolicy',
  'spec.serviceAccountName',
  'spec.schedulerName',
  'status.phase',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
])

interface Subscripted {
  readonly path: string
  readonly subscript: string
}

/** `metadata.labels['app']` taken apart; undefined where there is no subscript. */
function splitSubscript(fieldPath: string): Subscripted | undefined {
  if (!fieldPath.endsWith("']")) return undefined
  const inner = fieldPath.slice(0, -2)
  const at = inner.indexOf("['")
  return at > 0 ? { path: inner.slice(0, at), subscript: inner.slice(at + 2) } : undefined
}

/** What is wrong with the field path itself, before asking whether it may be shown here. */
function conversionError(apiVersion: string, fieldPath: string, parts: Subscripted | undefined): string | undefined {
  if (apiVersion !== 'v1') return `unsupported pod version: ${apiVersion}`
  if (parts) {
    const known = parts.path === 'metadata.annotations' || parts.path === 'metadata.labels'
    return known ? undefined : `field label does not support subscript: ${fieldPath}`
  }
  return FIELD_LABELS.has(fieldPath) || fieldPath === 'spec.host'
    ? undefined
    : `field label not supported: ${fieldPath}`
}

/**
 * A reference to a field of the pod.
 *
 * @see kubernetes pkg/apis/core/pods/helpers.go ConvertDownwardAPIFieldLabel
 */
export function checkObjectFieldSelector(
  errors: Errors,
  selector: ObjectFieldSelector,
  target: DownwardTarget,
  path: FieldPath,
): void {
  const { apiVersion = '', fieldPath = '' } = selector
  if (apiVersion === '') return void errors.push(required(path.child('apiVersion'), ''))
  if (fieldPath === '') return void errors.push(required(path.child('fieldPath'), ''))
  const parts = splitSubscript(fieldPath)
  const problem = conversionError(apiVersion, fieldPath, parts)
  if (problem !== undefined) {
    errors.push(invalid(path.child('fieldPath'), fieldPath, `error converting fieldPath: ${problem}`))
  } else if (parts) {
    const key = parts.path === 'metadata.annotations' ? parts.subscript.toLowerCase() : parts.subscript
    checkQualifiedName(errors, key, path)
  } else {
    const label = fieldPath === 'spec.host' ? 'spec.nodeName' : fieldPath
    if (!FIELD_PATHS[target].includes(label)) {
      errors.push(notSupported(path.child('fieldPath'), label, FIELD_PATHS[target]))
    }
  }
}

/** Amounts of a container that can be shown, sorted as errors list them. */
const RESOURCE_PATHS = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
]
const CPU_DIVISORS = new Set(['1m', '1'])
const BYTE_DIVISORS = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei']

/** A reference to an amount that a container requests or is limited to. */
export function checkContainerResourceFieldSelector(
  errors: Errors,
  selector: ResourceFieldSelector,
  target: DownwardTarget,
  path: FieldPath,
): void {
  const { resource = '' } = selector
  if (target === 'volume' && !selector.containerName) errors.push(required(path.child('containerName'), ''))
  else if (resource === '') errors.push(required(path.child('resource'), ''))
  else if (!RESOURCE_PATHS.includes(resource) && !isHugePagesPath(resource)) {
    errors.push(notSupported(path.child('resource'), resource, RESOURCE_PATHS))
  }
  checkDivisor(errors, resource, selector.divisor, path.child('divisor'))
}

function isHugePagesPath(resource: string): boolean {
  return resource.startsWith('limits.hugepages-') || resource.startsWith('requests.hugepages-')
}

/** What a divisor is of, in the words of the message. */
function dividedThing(resource: string): string | undefined {
  if (isHugePagesPath(resource)) return 'hugepages'
  const name = resource.slice(resource.indexOf('.') + 1)
  if (!RESOURCE_PATHS.includes(resource)) return undefined
  return name === 'ephemeral-storage' ? 'local ephemeral storage' : name
}

function checkDivisor(errors: Errors, resource: string, divisor: string | undefined, path: FieldPath): void {
  if (divisor === undefined) return
  const quantity = parseQuantity(divisor)
  if (quantity.isZero()) return
  const thing = dividedThing(resource)
  const text = quantity.toString()
  if (thing === undefined) return
  if (thing === 'cpu') {
    if (CPU_DIVISORS.has(text)) return
    errors.push(invalid(path, resource, "only divisor's values 1m and 1 are supported with the cpu resource"))
  } else if (!BYTE_DIVISORS.includes(text)) {
    const detail = `only divisor's values ${BYTE_DIVISORS.join(', ')} are supported with the ${thing} resource`
    errors.push(invalid(path, resource, detail))
  }
}
