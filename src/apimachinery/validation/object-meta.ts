/**
 * Validation of metadata, label selectors and the options of a request.
 *
 * @see apimachinery pkg/api/validation/{objectmeta,generic}.go, pkg/apis/meta/v1/validation/validation.go
 */
import type { FieldError } from '../field-error.ts'
import { duplicate, forbidden, invalid, LiteralValue, notSupported, required, tooLong } from '../field-error.ts'
import { FieldPath } from '../field-path.ts'
import { goJson, goQuote } from '../go-quote.ts'
import { semanticEqual } from '../semantic-equal.ts'
import type {
  Condition,
  DeleteOptions,
  FieldSelectorRequirement,
  LabelSelector,
  LabelSelectorRequirement,
  ManagedFieldsEntry,
  ObjectMeta,
  OwnerReference,
} from '../types/meta-v1.ts'
import {
  byteLength,
  invalidEach,
  isDNS1035Label,
  isDNS1123Label,
  isDNS1123Subdomain,
  isNegativeErrorMessage,
  isQualifiedName,
  isValidLabelValue,
  regexError,
} from './names.ts'

/** What a change of a field that never changes reads. */
export const FIELD_IMMUTABLE_MESSAGE = 'field is immutable'

const TOTAL_ANNOTATION_BYTES = 256 * 1024
const FIELD_MANAGER_MAX_LENGTH = 128
const SUBRESOURCE_MAX_LENGTH = 256
const CONDITION_REASON_MAX_LENGTH = 1024
const CONDITION_MESSAGE_MAX_LENGTH = 32 * 1024

/**
 * Says what is wrong with a name of one kind. `prefix`: the text is a generateName, to which something is appended, so
 * that it may end in a dash.
 */
export type ValidateName = (name: string, prefix: boolean) => string[]

export const nameIsDNSSubdomain: ValidateName = (name, prefix) => isDNS1123Subdomain(maskTrailingDash(name, prefix))
export const nameIsDNSLabel: ValidateName = (name, prefix) => isDNS1123Label(maskTrailingDash(name, prefix))
export const nameIsDNS1035Label: ValidateName = (name, prefix) => isDNS1035Label(maskTrailingDash(name, prefix))
export const validateNamespaceName: ValidateName = nameIsDNSLabel
export const validateServiceAccountName: ValidateName = nameIsDNSSubdomain

/** Replaces the dash, and the character before it as upstream does, by a letter. */
function maskTrailingDash(name: string, prefix: boolean): string {
  return prefix && name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name
}

/** Metadata of a new object; a name was generated before. */
export function validateObjectMeta(
  meta: ObjectMeta,
  requiresNamespace: boolean,
  nameFn: ValidateName,
  path: FieldPath,
): FieldError[] {
  const errors: FieldError[] = []
  if (meta.generateName) {
    errors.push(...invalidEach(path.child('generateName'), meta.generateName, nameFn(meta.generateName, true)))
  }
  if (meta.name) errors.push(...invalidEach(path.child('name'), meta.name, nameFn(meta.name, false)))
  else errors.push(required(path.child('name'), 'name or generateName is required'))
  errors.push(...validateNamespaceOf(meta, requiresNamespace, path.child('namespace')))
  if ((meta.generation ?? 0) < 0) errors.push(...validateNonnegativeField(meta.generation!, path.child('generation')))
  errors.push(...validateMaps(meta, path))
  if (meta.finalizers) errors.push(...validateFinalizers(meta.finalizers, path.child('finalizers')))
  errors.push(...validateManagedFields(meta.managedFields, path.child('managedFields')))
  return errors
}

function validateNamespaceOf(meta: ObjectMeta, requiresNamespace: boolean, path: FieldPath): FieldError[] {
  if (!requiresNamespace) return meta.namespace ? [forbidden(path, 'not allowed on this type')] : []
  if (!meta.namespace) return [required(path, '')]
  return invalidEach(path, meta.namespace, validateNamespaceName(meta.namespace, false))
}

function validateMaps(meta: ObjectMeta, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  if (meta.labels) errors.push(...validateLabels(meta.labels, path.child('labels')))
  if (meta.annotations) errors.push(...validateAnnotations(meta.annotations, path.child('annotations')))
  if (meta.ownerReferences) {
    errors.push(...validateOwnerReferences(meta.ownerReferences, path.child('ownerReferences')))
  }
  return errors
}

/** Fields of metadata that no update changes, in the order in which upstream looks at them. */
const IMMUTABLE_FIELDS = [
  'name',
  'namespace',
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
] as const

const EMPTY_WHERE_ABSENT: ReadonlySet<string> = new Set(['name', 'namespace', 'uid'])

/** Metadata of an object that is being updated; the new one carries the resourceVersion to be replaced. */
export function validateObjectMetaUpdate(meta: ObjectMeta, old: ObjectMeta, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  if (old.deletionTimestamp) {
    errors.push(...validateNoNewFinalizers(meta.finalizers ?? [], old.finalizers ?? [], path.child('finalizers')))
  }
  if (!meta.resourceVersion) {
    errors.push(invalid(path.child('resourceVersion'), '', 'must be specified for an update'))
  }
  if ((meta.generation ?? 0) < (old.generation ?? 0)) {
    errors.push(invalid(path.child('generation'), meta.generation ?? 0, 'must not be decremented'))
  }
  for (const field of IMMUTABLE_FIELDS) {
    const absent = EMPTY_WHERE_ABSENT.has(field) ? '' : undefined
    errors.push(...validateImmutableField(meta[field] ?? absent, old[field] ?? absent, path.child(field)))
  }
  errors.push(...validateMaps(meta, path))
  errors.push(...validateManagedFields(meta.managedFields, path.child('managedFields')))
  return errors
}

/** The two values must mean the same; `null` is printed where the new one is absent. */
export function validateImmutableField(value: unknown, old: unknown, path: FieldPath): FieldError[] {
  return semanticEqual(old, value) ? [] : [invalid(path, value, FIELD_IMMUTABLE_MESSAGE)]
}

export function validateNonnegativeField(value: number, path: FieldPath): FieldError[] {
  return value < 0 ? [invalid(path, value, isNegativeErrorMessage)] : []
}

export function validateLabelName(name: string, path: FieldPath): FieldError[] {
  return invalidEach(path, name, isQualifiedName(name))
}

/** Keys and values of labels; all errors stand on the map itself. */
export function validateLabels(labels: Readonly<Record<string, string>> | undefined, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  for (const key in labels) {
    errors.push(...validateLabelName(key, path), ...invalidEach(path, labels[key], isValidLabelValue(labels[key]!)))
  }
  return errors
}

/** Keys as of labels but in either case, and 256 KiB in all. */
export function validateAnnotations(
  annotations: Readonly<Record<string, string>> | undefined,
  path: FieldPath,
): FieldError[] {
  const errors: FieldError[] = []
  let bytes = 0
  for (const key in annotations) {
    errors.push(...invalidEach(path, key, isQualifiedName(key.toLowerCase())))
    bytes += byteLength(key) + byteLength(annotations[key]!)
  }
  if (bytes > TOTAL_ANNOTATION_BYTES) errors.push(tooLong(path, TOTAL_ANNOTATION_BYTES))
  return errors
}

export function validateFinalizerName(name: string, path: FieldPath): FieldError[] {
  return invalidEach(path, name, isQualifiedName(name))
}

function validateFinalizers(finalizers: readonly string[], path: FieldPath): FieldError[] {
  const errors = finalizers.flatMap((finalizer) => validateFinalizerName(finalizer, path))
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    errors.push(invalid(path, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'))
  }
  return errors
}

/** An object that is being deleted takes no further finalizers. */
function validateNoNewFinalizers(finalizers: readonly string[], old: readonly string[], path: FieldPath): FieldError[] {
  const extra = [...new Set(finalizers)].filter((finalizer) => !old.includes(finalizer)).sort()
  if (extra.length === 0) return []
  const list = `[]string{${extra.map(goQuote).join(', ')}}`
  const message = 'no new finalizers can be added if the object is being deleted, found new finalizers'
  return [forbidden(path, `${message} ${list}`)]
}

export function validateOwnerReferences(references: readonly OwnerReference[], path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  let controller = ''
  for (const reference of references) {
    errors.push(...validateOwnerReference(reference, path))
    if (!reference.controller) continue
    const current = `${reference.kind}/${reference.name}`
    if (controller === '') {
      controller = current
      continue
    }
    const found = `Found "true" in references for ${controller} and ${current}`
    const message = `Only one reference can have Controller set to true. ${found}`
    errors.push(invalid(path, printed(references), message))
  }
  return errors
}

function validateOwnerReference(reference: OwnerReference, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  const { apiVersion = '', kind = '', name = '', uid = '' } = reference
  const version = versionOf(apiVersion)
  if (version === '') errors.push(invalid(path.child('apiVersion'), apiVersion, 'version must not be empty'))
  if (kind === '') errors.push(invalid(path.child('kind'), kind, 'must not be empty'))
  if (name === '') errors.push(invalid(path.child('name'), name, 'must not be empty'))
  if (uid === '') errors.push(invalid(path.child('uid'), namedString(uid), 'must not be empty'))
  if (apiVersion === 'v1' && kind === 'Event') {
    errors.push(invalid(path, printed(reference), '/v1, Kind=Event is disallowed from being an owner'))
  }
  return errors
}

/** The version of `group/version`; '' where there is none, or where the text has more parts than that. */
function versionOf(apiVersion: string): string {
  const parts = apiVersion.split('/')
  if (parts.length > 2) return ''
  return parts.at(-1)!
}

/** Owner references print their fields in the order of upstream's type. */
function printed(value: OwnerReference | readonly OwnerReference[]): LiteralValue {
  const ordered = (ref: OwnerReference): OwnerReference => ({
    apiVersion: ref.apiVersion ?? '',
    kind: ref.kind ?? '',
    name: ref.name ?? '',
    uid: ref.uid ?? '',
    ...(ref.controller === undefined ? {} : { controller: ref.controller }),
    ...(ref.blockOwnerDeletion === undefined ? {} : { blockOwnerDeletion: ref.blockOwnerDeletion }),
  })
  const plain = Array.isArray(value) ? value.map(ordered) : ordered(value as OwnerReference)
  return new LiteralValue(goJson(plain, { sortKeys: false }))
}

function validateManagedFields(entries: readonly ManagedFieldsEntry[] | undefined, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  for (const [i, entry] of (entries ?? []).entries()) {
    const at = path.index(i)
    if (entry.operation !== 'Apply' && entry.operation !== 'Update') {
      errors.push(invalid(at.child('operation'), namedString(entry.operation ?? ''), 'must be `Apply` or `Update`'))
    }
    if (entry.fieldsType && entry.fieldsType !== 'FieldsV1') {
      errors.push(invalid(at.child('fieldsType'), entry.fieldsType, 'must be `FieldsV1`'))
    }
    errors.push(...validateFieldManager(entry.manager ?? '', at.child('manager')))
    if (byteLength(entry.subresource ?? '') > SUBRESOURCE_MAX_LENGTH) {
      errors.push(tooLong(at.child('subresource'), SUBRESOURCE_MAX_LENGTH))
    }
  }
  return errors
}

/** Printable characters, at most 128 bytes. */
function validateFieldManager(fieldManager: string, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  if (byteLength(fieldManager) > FIELD_MANAGER_MAX_LENGTH) errors.push(tooLong(path, FIELD_MANAGER_MAX_LENGTH))
  if (/^[ -~]*$/.test(fieldManager)) return errors
  let position = 0
  for (const char of fieldManager) {
    if (!/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(char)) {
      const code = char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')
      errors.push(invalid(path, fieldManager, `invalid character U+${code} (at position ${position})`))
    }
    position += byteLength(char)
  }
  return errors
}

/** A bad value whose Go type is a named string: such are printed as JSON, not quoted as Go does. */
const namedString = (value: string): LiteralValue => new LiteralValue(goJson(value))

/** What a label selector may hold that is not valid. */
interface LabelSelectorOptions {
  /** Set where the stored object has such a value already. */
  readonly allowInvalidLabelValueInSelector?: boolean
  readonly allowUnknownOperatorInRequirement?: boolean
}

export function validateLabelSelector(
  selector: LabelSelector | undefined,
  options: LabelSelectorOptions,
  path: FieldPath,
): FieldError[] {
  if (!selector) return []
  const errors = validateLabels(selector.matchLabels, path.child('matchLabels'))
  for (const [i, expression] of (selector.matchExpressions ?? []).entries()) {
    errors.push(...validateLabelSelectorRequirement(expression, options, path.child('matchExpressions').index(i)))
  }
  return errors
}

/** Whether the selector holds a value that no label has; see {@link LabelSelectorOptions}. */
export function labelSelectorHasInvalidLabelValue(selector: LabelSelector | undefined): boolean {
  return (selector?.matchExpressions ?? []).some((expression) =>
    (expression.values ?? []).some((value) => isValidLabelValue(value).length > 0),
  )
}

export function validateLabelSelectorRequirement(
  requirement: LabelSelectorRequirement,
  options: LabelSelectorOptions,
  path: FieldPath,
): FieldError[] {
  const { key = '', values = [] } = requirement
  const errors = validateOperator(requirement, options, path)
  errors.push(...validateLabelName(key, path.child('key')))
  if (options.allowInvalidLabelValueInSelector) return errors
  for (const [i, value] of values.entries()) {
    errors.push(...invalidEach(path.child('values').index(i), value, isValidLabelValue(value)))
  }
  return errors
}

function validateOperator(
  { operator = '', values = [] }: LabelSelectorRequirement | FieldSelectorRequirement,
  options: LabelSelectorOptions,
  path: FieldPath,
): FieldError[] {
  const at = path.child('values')
  switch (operator) {
    case 'In':
    case 'NotIn':
      return values.length === 0 ? [required(at, "must be specified when `operator` is 'In' or 'NotIn'")] : []
    case 'Exists':
    case 'DoesNotExist':
      return values.length > 0
        ? [forbidden(at, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")]
        : []
    default:
      return options.allowUnknownOperatorInRequirement
        ? []
        : [invalid(path.child('operator'), namedString(operator), 'not a valid selector operator')]
  }
}

/** A requirement on fields, as in a SubjectAccessReview. */
export function validateFieldSelectorRequirement(
  requirement: FieldSelectorRequirement,
  options: Pick<LabelSelectorOptions, 'allowUnknownOperatorInRequirement'>,
  path: FieldPath,
): FieldError[] {
  const errors = requirement.key ? [] : [required(path.child('key'), 'must be specified')]
  return errors.concat(validateOperator(requirement, options, path))
}

/** Options that come with every write. */
interface WriteOptions {
  readonly dryRun?: readonly string[]
  readonly fieldManager?: string
  readonly fieldValidation?: string
}

/** Options of a patch. */
interface PatchOptions extends WriteOptions {
  readonly force?: boolean
}

export function validateCreateOptions(options: WriteOptions): FieldError[] {
  return [
    ...validateFieldManager(options.fieldManager ?? '', FieldPath.of('fieldManager')),
    ...validateDryRun(options.dryRun, FieldPath.of('dryRun')),
    ...validateFieldValidation(options.fieldValidation ?? '', FieldPath.of('fieldValidation')),
  ]
}

/** `apply`: the patch is a server-side apply, which needs a field manager and alone may force. */
export function validatePatchOptions(options: PatchOptions, { apply }: { readonly apply: boolean }): FieldError[] {
  const errors: FieldError[] = []
  if (apply && !options.fieldManager) {
    errors.push(required(FieldPath.of('fieldManager'), 'is required for apply patch'))
  }
  if (!apply && options.force !== undefined) {
    errors.push(forbidden(FieldPath.of('force'), 'may not be specified for non-apply patch'))
  }
  return errors.concat(validateCreateOptions(options))
}

export function validateDeleteOptions(options: DeleteOptions): FieldError[] {
  const errors: FieldError[] = []
  const policy = options.propagationPolicy
  const path = FieldPath.of('propagationPolicy')
  if (options.orphanDependents !== undefined && policy !== undefined) {
    errors.push(invalid(path, policy, 'orphanDependents and deletionPropagation cannot be both set'))
  }
  if (policy !== undefined && !['Foreground', 'Background', 'Orphan'].includes(policy)) {
    errors.push(notSupported(path, policy, ['Foreground', 'Background', 'Orphan', 'nil']))
  }
  errors.push(...validateDryRun(options.dryRun, FieldPath.of('dryRun')))
  return errors.concat(validateIgnoreStoreReadError(options))
}

function validateIgnoreStoreReadError(options: DeleteOptions): FieldError[] {
  if (!options.ignoreStoreReadErrorWithClusterBreakingPotential) return []
  const path = FieldPath.of('ignoreStoreReadErrorWithClusterBreakingPotential')
  const clashing = ['propagationPolicy', 'orphanDependents', 'gracePeriodSeconds', 'preconditions'] as const
  const set: string[] = clashing.filter((field) => options[field] !== undefined)
  if (options.dryRun && options.dryRun.length > 0) set.unshift('dryRun')
  return set.map((field) => invalid(path, true, `cannot be set together with .${field}`))
}

function validateDryRun(dryRun: readonly string[] | undefined, path: FieldPath): FieldError[] {
  return (dryRun ?? []).every((value) => value === 'All') ? [] : [notSupported(path, dryRun, ['All'])]
}

function validateFieldValidation(fieldValidation: string, path: FieldPath): FieldError[] {
  const allowed = ['', 'Ignore', 'Strict', 'Warn']
  return allowed.includes(fieldValidation) ? [] : [notSupported(path, fieldValidation, allowed)]
}

/** A list of metav1.Condition, one of each type. */
export function validateConditions(conditions: readonly Condition[] | undefined, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  const seen = new Set<string>()
  for (const [i, condition] of (conditions ?? []).entries()) {
    const type = condition.type ?? ''
    if (seen.has(type)) errors.push(duplicate(path.index(i).child('type'), type))
    seen.add(type)
    errors.push(...validateCondition(condition, path.index(i)))
  }
  return errors
}

const CONDITION_REASON = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?'
const conditionReason = new RegExp(`^${CONDITION_REASON}$`)
const CONDITION_REASON_MESSAGE =
  "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'"

function validateCondition(condition: Condition, path: FieldPath): FieldError[] {
  const { type = '', status = '', reason = '', message = '', observedGeneration = 0 } = condition
  const errors = validateLabelName(type, path.child('type'))
  if (!['False', 'True', 'Unknown'].includes(status)) {
    errors.push(notSupported(path.child('status'), status, ['False', 'True', 'Unknown']))
  }
  if (observedGeneration < 0) {
    const words = 'must be greater than or equal to zero'
    errors.push(invalid(path.child('observedGeneration'), observedGeneration, words))
  }
  if (!condition.lastTransitionTime) errors.push(required(path.child('lastTransitionTime'), ''))
  if (reason === '') errors.push(required(path.child('reason'), ''))
  else errors.push(...validateConditionReason(reason, path.child('reason')))
  if (byteLength(message) > CONDITION_MESSAGE_MAX_LENGTH) {
    errors.push(tooLong(path.child('message'), CONDITION_MESSAGE_MAX_LENGTH))
  }
  return errors
}

function validateConditionReason(reason: string, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  if (!conditionReason.test(reason)) {
    const examples = ['my_name', 'MY_NAME', 'MyName', 'ReasonA,ReasonB', 'ReasonA:ReasonB']
    errors.push(invalid(path, reason, regexError(CONDITION_REASON_MESSAGE, CONDITION_REASON, ...examples)))
  }
  if (byteLength(reason) > CONDITION_REASON_MAX_LENGTH) errors.push(tooLong(path, CONDITION_REASON_MAX_LENGTH))
  return errors
}
