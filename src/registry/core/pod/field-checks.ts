import { type FieldError, invalid, LiteralValue, notSupported, required } from '../../../apimachinery/field-error.ts'
import type { FieldPath } from '../../../apimachinery/field-path.ts'
import { goJson } from '../../../apimachinery/go-quote.ts'
import { parseQuantity } from '../../../apimachinery/quantity.ts'
import type { ObjectMeta } from '../../../apimachinery/types/meta-v1.ts'
import { isDNS1123Label, isDNS1123Subdomain, isQualifiedName } from '../../../apimachinery/validation/names.ts'
import {
  type ValidateName,
  validateObjectMeta,
  validateObjectMetaUpdate,
} from '../../../apimachinery/validation/object-meta.ts'

/** Validators here append to a list that the caller holds: no list per field on the way of a valid pod. */
export type Errors = FieldError[]

/** Every message as an invalid value of one field. */
export function addInvalid(errors: Errors, path: FieldPath, value: unknown, messages: readonly string[]): void {
  for (const message of messages) errors.push(invalid(path, value, message))
}

export function checkDNS1123Label(errors: Errors, value: string, path: FieldPath): void {
  addInvalid(errors, path, value, isDNS1123Label(value))
}

export function checkDNS1123Subdomain(errors: Errors, value: string, path: FieldPath): void {
  addInvalid(errors, path, value, isDNS1123Subdomain(value))
}

export function checkQualifiedName(errors: Errors, value: string, path: FieldPath): void {
  addInvalid(errors, path, value, isQualifiedName(value))
}

/** `field` must not be empty; path and detail only matter where it is. */
export function checkRequired(errors: Errors, value: string | undefined, path: FieldPath, field: string): void {
  if (!value) errors.push(required(path.child(field), ''))
}

/** A bad value whose Go type is a named string: such are printed as JSON, not quoted as Go does. */
export function namedString(value: string | undefined): LiteralValue {
  return new LiteralValue(goJson(value ?? ''))
}

/** One of a set; names in the order that upstream prints them. */
export function checkOneOf(errors: Errors, value: string | undefined, path: FieldPath, names: readonly string[]): void {
  if (!names.includes(value ?? '')) errors.push(notSupported(path, namedString(value), names))
}

/** Like {@link checkOneOf}, for a value that must not be empty either. */
export function checkRequiredOneOf(
  errors: Errors,
  value: string | undefined,
  path: FieldPath,
  names: readonly string[],
): void {
  if (!value) errors.push(required(path, ''))
  else checkOneOf(errors, value, path, names)
}

const FILE_MODE_MESSAGE = 'must be a number between 0 and 0777 (octal), both inclusive'

export function checkFileMode(errors: Errors, mode: number | undefined, path: FieldPath, field: string): void {
  if (mode !== undefined && (mode > 0o777 || mode < 0)) errors.push(invalid(path.child(field), mode, FILE_MODE_MESSAGE))
}

/** A path below some directory: neither absolute nor climbing. */
export function checkLocalDescendingPath(errors: Errors, text: string, path: FieldPath): void {
  if (text.startsWith('/')) errors.push(invalid(path, text, 'must be a relative path'))
  checkNoBacksteps(errors, text, path)
}

/** No part of the path is `..`. */
export function checkNoBacksteps(errors: Errors, text: string, path: FieldPath): void {
  if (hasBacksteps(text)) errors.push(invalid(path, text, "must not contain '..'"))
}

export function hasBacksteps(text: string): boolean {
  return text.includes('..') && text.split('/').includes('..')
}

/** {@link checkLocalDescendingPath} whose first part does not begin with two dots: such names are the kubelet's own. */
export function checkLocalNonReservedPath(errors: Errors, text: string, path: FieldPath): void {
  checkLocalDescendingPath(errors, text, path)
  if (isReservedPath(text)) errors.push(invalid(path, text, "must not start with '..'"))
}

/** Whether {@link checkLocalNonReservedPath} would find nothing. */
export function isLocalNonReservedPath(text: string): boolean {
  return !text.startsWith('/') && !hasBacksteps(text) && !isReservedPath(text)
}

function isReservedPath(text: string): boolean {
  return text.startsWith('..') && !text.startsWith('../')
}

/** Finalizers without a domain that exist. */
const STANDARD_FINALIZERS = new Set(['kubernetes', 'orphan', 'foregroundDeletion'])

function checkFinalizers(errors: Errors, finalizers: readonly string[] | undefined, path: FieldPath): void {
  for (const [i, finalizer] of (finalizers ?? []).entries()) {
    if (finalizer.includes('/') || STANDARD_FINALIZERS.has(finalizer)) continue
    const detail = 'name is neither a standard finalizer name nor is it fully qualified'
    errors.push(invalid(path.child('finalizers').index(i), finalizer, detail))
  }
}

/** Metadata of a new object of the core group: finalizers are standard ones or carry a domain. */
export function checkObjectMeta(errors: Errors, meta: ObjectMeta, nameFn: ValidateName, path: FieldPath): void {
  errors.push(...validateObjectMeta(meta, true, nameFn, path))
  checkFinalizers(errors, meta.finalizers, path)
}

/** Metadata of an updated object of the core group. */
export function checkObjectMetaUpdate(errors: Errors, meta: ObjectMeta, old: ObjectMeta, path: FieldPath): void {
  errors.push(...validateObjectMetaUpdate(meta, old, path))
  checkFinalizers(errors, meta.finalizers, path)
}

/** Keys in the order in which errors about a map's entries are given; Go has none. */
export function sortedKeys(map: Readonly<Record<string, unknown>> | undefined): string[] {
  return map ? Object.keys(map).sort() : []
}

/** The amount is not a whole number of units. */
export function isFractional(text: string | undefined): boolean {
  if (text === undefined || /^[0-9]+$/.test(text)) return false
  return parseQuantity(text).scaledValue(-3) % 1000n !== 0n
}
