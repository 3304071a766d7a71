import { type FieldError, invalid } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import type { ObjectMeta } from '../../apimachinery/types/meta-v1.ts'
import {
  type ValidateName,
  validateObjectMeta as validateAnyObjectMeta,
  validateObjectMetaUpdate as validateAnyObjectMetaUpdate,
} from '../../apimachinery/validation/object-meta.ts'

/** Finalizers that need no domain. */
const STANDARD_FINALIZERS: ReadonlySet<string> = new Set(['kubernetes', 'orphan', 'foregroundDeletion'])

function validateFinalizerDomains({ finalizers = [] }: ObjectMeta, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  for (const [i, name] of finalizers.entries()) {
    if (name.includes('/') || STANDARD_FINALIZERS.has(name)) continue
    const detail = 'name is neither a standard finalizer name nor is it fully qualified'
    errors.push(invalid(path.child('finalizers').index(i), name, detail))
  }
  return errors
}

/**
 * Metadata of a new object of most groups: what holds for any object, and finalizers with a domain.
 *
 * @see pkg/apis/core/validation/validation.go ValidateObjectMeta
 */
export function validateObjectMeta(
  meta: ObjectMeta,
  requiresNamespace: boolean,
  nameFn: ValidateName,
  path: FieldPath,
): FieldError[] {
  return [...validateAnyObjectMeta(meta, requiresNamespace, nameFn, path), ...validateFinalizerDomains(meta, path)]
}

/** The same for the metadata of an updated object. */
export function validateObjectMetaUpdate(meta: ObjectMeta, old: ObjectMeta, path: FieldPath): FieldError[] {
  return [...validateAnyObjectMetaUpdate(meta, old, path), ...validateFinalizerDomains(meta, path)]
}
