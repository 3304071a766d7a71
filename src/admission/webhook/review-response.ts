import { goQuote } from '../../apimachinery/go-quote.ts'
import { apiVersionOf } from '../../apimachinery/group-version.ts'
import { isJsonObject, type JsonObject } from '../../apimachinery/kube-object.ts'
import { REVIEW_GROUP, type ReviewRequest } from './admission-review.ts'
import { AnswerError, jsonKind, typeOfBody } from './answer-body.ts'

/** What a webhook said. */
export interface ReviewResponse {
  readonly allowed: boolean
  /** The patch as JSON; empty: none. */
  readonly patch: Buffer
  readonly patchType: string
  /** metav1.Status, members unchecked. */
  readonly result: JsonObject | undefined
  readonly warnings: readonly string[]
  readonly auditAnnotations: Readonly<Record<string, string>>
}

/** A review that contradicts the protocol, though it could be read. */
export class InvalidReview extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'InvalidReview'
  }
}

/**
 * Reads the response out of an AdmissionReview. Errors: {@link AnswerError} for what is no review, {@link InvalidReview}
 * for one that does not answer this request.
 *
 * @see apiserver pkg/admission/plugin/webhook/request/admissionreview.go VerifyAdmissionResponse
 */
export function reviewResponse(
  body: JsonObject,
  { uid, version }: ReviewRequest,
  { mutating }: { readonly mutating: boolean },
): ReviewResponse {
  checkType(body, version)
  const response = member(body, 'AdmissionReview', 'response', isJsonObject, 'v1.AdmissionResponse')
  if (!response) throw new InvalidReview('webhook response was absent')
  const read = <T>(name: string, is: (value: unknown) => value is T, goType: string): T | undefined =>
    member(response, 'AdmissionResponse', name, is, goType, 'response.')
  const answered = read('uid', isString, 'types.UID') ?? ''
  const patch = bytes(read('patch', isString, '[]uint8') ?? '')
  const patchType = read('patchType', isString, 'v1.PatchType')
  const rest = {
    allowed: read('allowed', isBoolean, 'bool') ?? false,
    result: read('status', isJsonObject, 'v1.Status'),
    warnings: read('warnings', isStrings, '[]string') ?? [],
    auditAnnotations: read('auditAnnotations', isStringMap, 'map[string]string') ?? {},
  }
  if (version === 'v1beta1') {
    // Nothing but the patch was ever checked in this version.
    const used = mutating ? patch : NOTHING
    return { ...rest, patch: used, patchType: used.length > 0 ? 'JSONPatch' : '' }
  }
  if (answered !== uid) throw new InvalidReview(`expected response.uid=${goQuote(uid)}, got ${goQuote(answered)}`)
  checkReviewKind(body)
  checkPatch(patch, patchType, mutating)
  return { ...rest, patch, patchType: patchType ?? '' }
}

const NOTHING = Buffer.alloc(0)

/** A missing kind or version counts as the expected one, as long as it goes by the type only. */
function checkType(body: JsonObject, version: string): void {
  const given = typeOfBody(body)
  const isUnversioned = given.version === ''
  const actual = {
    group: isUnversioned && given.group === '' ? REVIEW_GROUP : given.group,
    version: isUnversioned ? version : given.version,
    kind: given.kind || 'AdmissionReview',
  }
  const isReview = actual.group === REVIEW_GROUP && actual.kind === 'AdmissionReview'
  if (isReview && actual.version === version) return
  const isOther = isReview && (actual.version === 'v1' || actual.version === 'v1beta1')
  if (isOther || (actual.kind === 'Status' && apiVersionOf(actual) === 'v1')) {
    throw new AnswerError(
      `converting (${actual.version}.${actual.kind}) to (${version}.AdmissionReview): unknown conversion`,
    )
  }
  throw new AnswerError(
    `no kind ${goQuote(actual.kind)} is registered for version ${goQuote(apiVersionOf(actual))} in scheme "pkg/util/webhook/client.go:71"`,
  )
}

function checkReviewKind(body: JsonObject): void {
  const { group, version, kind } = typeOfBody(body)
  if (group === REVIEW_GROUP && version === 'v1' && kind === 'AdmissionReview') return
  const got = `${apiVersionOf({ group, version: group === '' && version === '' ? '/' : version })}, Kind=${kind}`
  throw new InvalidReview(`expected webhook response of ${REVIEW_GROUP}/v1, Kind=AdmissionReview, got ${got}`)
}

function checkPatch(patch: Buffer, patchType: string | undefined, mutating: boolean): void {
  if (!mutating) {
    if (patch.length > 0) throw new InvalidReview('validating webhook may not return response.patch')
    if (patchType !== undefined) throw new InvalidReview('validating webhook may not return response.patchType')
    return
  }
  if (patch.length > 0 && patchType === undefined) {
    throw new InvalidReview('webhook returned response.patch but not response.patchType')
  }
  if (patch.length === 0 && patchType !== undefined) {
    throw new InvalidReview('webhook returned response.patchType but not response.patch')
  }
  if (patchType === '') throw new InvalidReview('webhook returned invalid response.patchType of ""')
}

/** A member of the type wanted; null counts as absent. */
function member<T>(
  object: JsonObject,
  struct: string,
  name: string,
  is: (value: unknown) => value is T,
  goType: string,
  path = '',
): T | undefined {
  const value = Object.hasOwn(object, name) ? object[name] : undefined
  if (value === undefined || value === null) return undefined
  if (is(value)) return value
  throw new AnswerError(
    `json: cannot unmarshal ${jsonKind(value)} into Go struct field ${struct}.${path}${name} of type ${goType}`,
  )
}

const isString = (value: unknown): value is string => typeof value === 'string'
const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean'
const isStrings = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every(isString)
const isStringMap = (value: unknown): value is Readonly<Record<string, string>> =>
  isJsonObject(value) && Object.values(value).every(isString)

/** Base64 with padding, as Go reads it: line ends do not count. */
function bytes(text: string): Buffer {
  const plain = text.replace(/[\r\n]/g, '')
  const wrong = /[^A-Za-z0-9+/=]|=(?=[^=])/.exec(plain)?.index ?? -1
  if (wrong >= 0 || plain.length % 4 !== 0) {
    throw new AnswerError(`illegal base64 data at input byte ${wrong >= 0 ? wrong : plain.length}`)
  }
  return Buffer.from(plain, 'base64')
}
