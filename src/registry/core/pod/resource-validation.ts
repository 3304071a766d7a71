import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notFoundField,
  notSupported,
  required,
} from '../../../apimachinery/field-error.ts'
import type { FieldPath } from '../../../apimachinery/field-path.ts'
import { parseQuantity, type Quantity } from '../../../apimachinery/quantity.ts'
import { givenEmpty } from '../../../apimachinery/schema/given-empty.ts'
import type { PodSpec, ResourceClaim, ResourceRequirements } from '../../../apimachinery/types/core-v1.ts'
import { isQualifiedName } from '../../../apimachinery/validation/names.ts'
import { addInvalid, checkDNS1123Label, type Errors, namedString, sortedKeys } from './field-checks.ts'
import { aggregateContainers } from './pod-resources.ts'
import type { PodValidationOptions } from './pod-validation-options.ts'
import {
  isExtendedResourceName,
  isHugePageResourceName,
  isHugePageResourceValueDivisible,
  isIntegerResourceName,
  isNativeResource,
  isOvercommitAllowed,
  isStandardContainerResourceName,
  isStandardResourceName,
  isSupportedPodLevelResource,
} from './resource-names.ts'

type HugePagesOptions = Pick<PodValidationOptions, 'allowIndivisibleHugePagesValues'>

type NameCheck = (errors: Errors, name: string, path: FieldPath) => void

/** A resource: standard, or of a domain. Says whether nothing was wrong. */
function checkResourceName(errors: Errors, name: string, path: FieldPath): boolean {
  const messages = isQualifiedName(name)
  if (messages.length > 0) {
    addInvalid(errors, path, namedString(name), messages)
    return false
  }
  if (!name.includes('/') && !isStandardResourceName(name)) {
    errors.push(invalid(path, namedString(name), 'must be a standard resource type or fully qualified'))
    return false
  }
  return true
}

const checkContainerResourceName: NameCheck = (errors, name, path) => {
  checkResourceName(errors, name, path)
  if (!name.includes('/')) {
    if (!isStandardContainerResourceName(name)) {
      errors.push(invalid(path, namedString(name), 'must be a standard resource for containers'))
    }
  } else if (!isNativeResource(name) && !isExtendedResourceName(name)) {
    errors.push(invalid(path, namedString(name), "doesn't follow extended resource name standard"))
  }
}

const checkPodResourceName: NameCheck = (errors, name, path) => {
  if (checkResourceName(errors, name, path) && !isSupportedPodLevelResource(name)) {
    errors.push(notSupported(path, namedString(name), ['cpu', 'hugepages-', 'memory']))
  }
}

/** An amount of a resource: not negative, whole where the resource is counted. */
export function checkResourceQuantityValue(errors: Errors, name: string, quantity: Quantity, path: FieldPath): void {
  if (quantity.sign() < 0) errors.push(invalid(path, quantity.toString(), 'must be greater than or equal to 0'))
  if (isIntegerResourceName(name) && quantity.scaledValue(-3) % 1000n !== 0n) {
    errors.push(invalid(path, quantity.toString(), 'must be an integer'))
  }
}

function checkHugePages(
  errors: Errors,
  name: string,
  quantity: Quantity,
  path: FieldPath,
  options: HugePagesOptions,
): void {
  if (options.allowIndivisibleHugePagesValues || isHugePageResourceValueDivisible(name, quantity)) return
  errors.push(invalid(path, quantity.toString(), `${quantity} is not positive integer multiple of ${name}`))
}

/** Requests and limits of a container. `podClaims`: names of the pod's resource claims. */
export function checkContainerResources(
  errors: Errors,
  resources: ResourceRequirements | undefined,
  podClaims: ReadonlySet<string>,
  path: FieldPath,
  options: HugePagesOptions,
): void {
  if (resources)
    checkRequirements(errors, resources, { podClaims, path, options, checkName: checkContainerResourceName })
}

/** {@link checkContainerResources} for resources that stand outside of a pod: none of their claims is known. */
export function validateContainerResourceRequirements(
  resources: ResourceRequirements,
  podClaims: ReadonlySet<string> | undefined,
  path: FieldPath,
  options: HugePagesOptions,
): FieldError[] {
  const errors: FieldError[] = []
  checkContainerResources(errors, resources, podClaims ?? new Set(), path, options)
  return errors
}

interface RequirementsContext {
  readonly podClaims: ReadonlySet<string>
  readonly path: FieldPath
  readonly options: HugePagesOptions
  readonly checkName: NameCheck
}

function checkRequirements(errors: Errors, resources: ResourceRequirements, context: RequirementsContext): void {
  const { path, options, checkName } = context
  const limits = new Map<string, Quantity>()
  const names = new Set<string>()
  for (const name of sortedKeys(resources.limits)) {
    const at = path.child('limits').key(name)
    const quantity = parseQuantity(resources.limits![name]!)
    limits.set(name, quantity)
    names.add(name)
    checkName(errors, name, at)
    checkResourceQuantityValue(errors, name, quantity, at)
    if (isHugePageResourceName(name)) checkHugePages(errors, name, quantity, at, options)
  }
  for (const name of sortedKeys(resources.requests)) {
    const at = path.child('requests').key(name)
    const quantity = parseQuantity(resources.requests![name]!)
    names.add(name)
    checkName(errors, name, at)
    checkResourceQuantityValue(errors, name, quantity, at)
    checkAgainstLimit(errors, name, quantity, limits.get(name), path)
    if (isHugePageResourceName(name)) checkHugePages(errors, name, quantity, at, options)
  }
  if (!names.has('cpu') && !names.has('memory') && [...names].some(isHugePageResourceName)) {
    errors.push(forbidden(path, 'HugePages require cpu or memory'))
  }
  checkClaimNames(errors, resources.claims, context.podClaims, path.child('claims'))
}

function checkAgainstLimit(
  errors: Errors,
  name: string,
  request: Quantity,
  limit: Quantity | undefined,
  path: FieldPath,
): void {
  if (limit === undefined) {
    if (isOvercommitAllowed(name)) return
    errors.push(required(path.child('limits'), 'Limit must be set for non overcommitable resources'))
    return
  }
  const order = request.cmp(limit)
  if (order !== 0 && !isOvercommitAllowed(name)) {
    errors.push(invalid(path.child('requests'), request.toString(), `must be equal to ${name} limit of ${limit}`))
  } else if (order > 0) {
    const detail = `must be less than or equal to ${name} limit of ${limit}`
    errors.push(invalid(path.child('requests'), request.toString(), detail))
  }
}

function checkClaimNames(
  errors: Errors,
  claims: readonly ResourceClaim[] | undefined,
  podClaims: ReadonlySet<string>,
  path: FieldPath,
): void {
  const seen = new Set<string>()
  for (const [i, { name = '', request }] of (claims ?? []).entries()) {
    const own = path.index(i)
    if (name === '') {
      errors.push(required(own, ''))
      continue
    }
    if (seen.has(name)) errors.push(duplicate(own, name))
    else {
      if (request) checkDNS1123Label(errors, request, own.child('request'))
      const key = request ? `${name}/${request}` : name
      if (seen.has(key)) errors.push(duplicate(own, key))
      else if (!request) {
        for (const other of seen) if (other.startsWith(`${name}/`)) errors.push(duplicate(own, name))
      }
      seen.add(key)
    }
    if (!podClaims.has(name)) {
      const names = podClaims.size === 0 ? ' which is empty' : `: ${[...podClaims].sort().join(', ')}`
      const detail = `must be one of the names in pod.spec.resourceClaims${names}`
      errors.push({ ...notFoundField(own, name), detail })
    }
  }
}

/** Resources of the pod as a whole (KEP-2837). */
export function checkPodResources(
  errors: Errors,
  spec: PodSpec,
  podClaims: ReadonlySet<string>,
  path: FieldPath,
  options: PodValidationOptions,
): void {
  const resources = spec.resources
  if (!resources) return
  if (spec.os?.name === 'windows') return void errors.push(forbidden(path, 'may not be set for a windows pod'))
  if (resources.claims ?? givenEmpty(resources, 'claims')) {
    errors.push(forbidden(path.child('claims'), 'claims may not be set for Resources at pod-level'))
  }
  checkRequirements(errors, resources, { podClaims, path, options, checkName: checkPodResourceName })
  checkConsistency(errors, spec, resources, path)
}

function checkConsistency(errors: Errors, spec: PodSpec, resources: ResourceRequirements, path: FieldPath): void {
  for (const [name, needed] of sortedByName(aggregateContainers(spec, 'requests'))) {
    const own = resources.requests?.[name]
    if (own === undefined || needed.cmp(parseQuantity(own)) <= 0) continue
    const detail = `must be greater than or equal to aggregate container requests of ${needed}`
    errors.push(invalid(path.child('requests').key(name), canonical(own), detail))
  }
  for (const [name, needed] of sortedByName(aggregateContainers(spec, 'limits'))) {
    const own = resources.limits?.[name]
    if (!isHugePageResourceName(name) || own === undefined || needed.cmp(parseQuantity(own)) <= 0) continue
    const detail = `must be greater than or equal to aggregate container limits of ${needed}`
    errors.push(invalid(path.child('limits').key(name), canonical(own), detail))
  }
  for (const [i, container] of (spec.containers ?? []).entries()) {
    const limits = container.resources?.limits
    for (const name of sortedKeys(limits)) {
      const own = resources.limits?.[name]
      if (own === undefined || parseQuantity(limits![name]!).cmp(parseQuantity(own)) <= 0) continue
      const at = path.child('containers').index(i).key(name).child('limits')
      errors.push(
        invalid(at, canonical(limits![name]!), `must be less than or equal to pod limits of ${canonical(own)}`),
      )
    }
  }
}

function sortedByName(amounts: ReadonlyMap<string, Quantity>): [string, Quantity][] {
  return [...amounts].sort(([a], [b]) => (a < b ? -1 : 1))
}

function canonical(text: string): string {
  return parseQuantity(text).toString()
}
