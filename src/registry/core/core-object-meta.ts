import type { FieldError } from '../../apimachinery/field-error.ts'
import { invalid } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import type { ObjectMeta } from '../../apimachinery/types/meta-v1.ts'
import {
  type ValidateName,
  validateObjectMeta as validateAnyObjectMeta,
  validateObjectMetaUpdate as validateAnyObjectMetaUpdate,
} from '../../apimachinery/validation/object-meta.ts'

/** Finalizers that need no domain. */
const STANDARD_FINALIZERS: ReadonlySet<string> = new Set(['kubernetes', 'orphan', 'foregroundDeletion'])

/** A finalizer without a domain must be one that the system knows. */
export function validateFinalizerDomain(finalizer: string, path: FieldPath): FieldError[] {
  if (finalizer.includes('/') || STANDARD_FINALIZERS.has(finalizer)) return []
  return [invalid(path, finalizer, 'name is neither a standard finalizer name nor is it fully qualified')]
}

function validateFinalizerDomains({ finalizers = [] }: ObjectMeta, path: FieldPath): FieldError[] {
  return finalizers.flatMap((name, i) => validateFinalizerDomain(name, path.child('finalizers').index(i)))
}

/**
 * Metadata of a new object: what holds for any object, and finalizers with a domain.
 *
 * @see kubernetes pkg/apis/core/validation/validation.go ValidateObjectMeta
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
