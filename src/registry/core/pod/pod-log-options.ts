import { badRequest } from '../../../apimachinery/api-error.ts'
import { type FieldError, forbidden, invalid } from '../../../apimachinery/field-error.ts'
import { FieldPath } from '../../../apimachinery/field-path.ts'
import type { Pod } from '../../../apimachinery/types/core-v1.ts'
import { allContainers } from './pod-containers.ts'

/** What a request for logs asks for (core/v1 PodLogOptions), as far as it can be wrong. */
interface PodLogOptions {
  readonly tailLines?: number
  readonly limitBytes?: number
  readonly sinceSeconds?: number
  readonly sinceTime?: string
  /** Of a feature that is off by default. */
  readonly stream?: string
}

/** @see kubernetes pkg/apis/core/validation/validation.go ValidatePodLogOptions */
export function validatePodLogOptions(options: PodLogOptions): FieldError[] {
  const errors: FieldError[] = []
  const { tailLines, limitBytes, sinceSeconds, sinceTime, stream } = options
  if (tailLines !== undefined && tailLines < 0) {
    errors.push(invalid(FieldPath.of('tailLines'), tailLines, 'must be greater than or equal to 0'))
  }
  if (limitBytes !== undefined && limitBytes < 1) {
    errors.push(invalid(FieldPath.of('limitBytes'), limitBytes, 'must be greater than 0'))
  }
  if (sinceSeconds !== undefined && sinceTime !== undefined) {
    const detail = 'at most one of `sinceTime` or `sinceSeconds` may be specified'
    errors.push(forbidden(FieldPath.of(''), detail))
  } else if (sinceSeconds !== undefined && sinceSeconds < 1) {
    errors.push(invalid(FieldPath.of('sinceSeconds'), sinceSeconds, 'must be greater than 0'))
  }
  if (stream !== undefined) errors.push(forbidden(FieldPath.of('stream'), 'may not be specified'))
  return errors
}

/**
 * The container that log, exec and attach mean: the one that is named, or the only one.
 *
 * @throws {ApiError} 400 where there is no such container, or a choice.
 * @see kubernetes pkg/registry/core/pod/strategy.go validateContainer
 */
export function containerToReach(pod: Pod, requested: string | undefined): string {
  const name = pod.metadata?.name ?? ''
  const spec = pod.spec ?? { containers: [] }
  if (requested) {
    for (const container of allContainers(spec)) if (container.name === requested) return requested
    throw badRequest(`container ${requested} is not valid for pod ${name}`)
  }
  if (spec.containers.length === 1) return spec.containers[0]!.name
  const missing = `a container name must be specified for pod ${name}`
  if (spec.containers.length === 0) throw badRequest(missing)
  const names = [...allContainers(spec)].map((container) => container.name)
  throw badRequest(`${missing}, choose one of: [${names.join(' ')}]`)
}
