import { type FieldError, invalid } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import { validateNonnegativeField } from '../../apimachinery/validation/object-meta.ts'

/** No listed member may be negative; unset ones pass. Errors come in the order of `fields`. */
export function validateCounts<T extends object>(
  object: T,
  fields: readonly (keyof T & string)[],
  path: FieldPath,
): FieldError[] {
  return fields.flatMap((field) => validateNonnegativeField(Number(object[field] ?? 0), path.child(field)))
}

/** No listed member of a status may be above its `limit` member. */
export function validateAtMost<T extends object>(
  object: T,
  fields: readonly (keyof T & string)[],
  { limit, detail, path }: { readonly limit: keyof T; readonly detail: string; readonly path: FieldPath },
): FieldError[] {
  const max = Number(object[limit] ?? 0)
  return fields
    .filter((field) => Number(object[field] ?? 0) > max)
    .map((field) => invalid(path.child(field), Number(object[field] ?? 0), detail))
}

/** A counter of hash collisions only grows. */
export function validateCollisionCount(
  value: number | undefined,
  old: number | undefined,
  path: FieldPath,
): FieldError[] {
  const decremented = old !== undefined && (value === undefined || value < old)
  return decremented ? [invalid(path.child('collisionCount'), value ?? 0, 'cannot be decremented')] : []
}
