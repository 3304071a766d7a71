import { aggregateMessage } from '../../../apimachinery/api-error.ts'
import { type FieldError, fieldErrorMessage, required } from '../../../apimachinery/field-error.ts'
import { FieldPath } from '../../../apimachinery/field-path.ts'
import { isJsonObject } from '../../../apimachinery/kube-object.ts'
import type { ScopedResourceSelectorRequirement } from '../../../apimachinery/types/core-v1.ts'

/** What may be used only where a quota limits it. */
export interface LimitedResource {
  readonly apiGroup?: string
  readonly resource: string
  /** Parts of the names of limits. */
  readonly matchContains?: readonly string[]
  readonly matchScopes?: readonly ScopedResourceSelectorRequirement[]
}

/**
 * `apiserver.config.k8s.io/v1` ResourceQuotaConfiguration, and what `--admission-control-config-file` holds of it in
 * older versions.
 */
export interface ResourceQuotaConfiguration {
  readonly limitedResources: readonly LimitedResource[]
}

/**
 * Reads the plugin's part of the admission configuration.
 *
 * @throws {Error} with upstream's words where it is not valid
 * @see apiserver pkg/admission/plugin/resourcequota/config.go
 */
export function parseResourceQuotaConfiguration(document: unknown): ResourceQuotaConfiguration {
  if (document === undefined || document === null) return { limitedResources: [] }
  if (!isJsonObject(document)) throw new Error('ResourceQuota: the configuration must be an object')
  const list = document['limitedResources'] ?? []
  if (!Array.isArray(list) || !list.every(isJsonObject)) {
    throw new Error('ResourceQuota: limitedResources must be a list of objects')
  }
  const errors: FieldError[] = list.flatMap(({ resource }, i) =>
    typeof resource === 'string' && resource !== ''
      ? []
      : [required(FieldPath.of('limitedResources').index(i).child('resource'), '')],
  )
  if (errors.length > 0) throw new Error(aggregateMessage(errors.map(fieldErrorMessage)))
  return { limitedResources: list as unknown as readonly LimitedResource[] }
}
