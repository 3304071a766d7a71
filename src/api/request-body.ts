import { badRequest, unsupportedMediaType } from '../apimachinery/api-error.ts'
import { goQuote } from '../apimachinery/go-quote.ts'
import { apiVersionOf, type GroupVersionKind, parseApiVersion } from '../apimachinery/group-version.ts'
import { isJsonObject, type JsonObject, type KubeObject } from '../apimachinery/kube-object.ts'
import { decodeProtobuf } from '../apimachinery/protobuf/decode.ts'
import { definitionOf } from '../apimachinery/schema/builtin-types.ts'
import { decode } from '../apimachinery/schema/decode.ts'
import { DecodeError, isExactObject, Members, NumberText, parseJsonExact } from '../apimachinery/schema/json-text.ts'
import type { StructNode } from '../apimachinery/schema/schema-node.ts'
import { parseYaml } from '../apimachinery/schema/yaml-text.ts'
import { type Format, MEDIA_TYPE_NAMES } from './negotiation/accept.ts'

/** What a body was decoded into. */
export interface DecodedBody {
  /** In normal form; kind and apiVersion are those of the request's type. */
  readonly object: KubeObject
  readonly strictErrors: readonly string[]
}

/** Type that a body is to have. */
export interface ExpectedType {
  readonly gvk: GroupVersionKind
  readonly node: StructNode
  /** Other versions that a body may be of: their objects look the same. */
  readonly acceptedVersions?: readonly string[]
  /** `core.ConfigMap`: Go's name of the internal type, for messages. */
  readonly internalType: string
}

/** Media type of a body, JSON where none is named. Errors: 415. */
export function bodyFormat(contentType: string | undefined): Format {
  switch (contentType ? mediaTypeOf(contentType) : 'application/json') {
    case 'application/json':
      return 'json'
    case 'application/yaml':
      return 'yaml'
    case 'application/vnd.kubernetes.protobuf':
      return 'protobuf'
  }
  throw unsupportedMediaType(
    `the body of the request was in an unknown format - accepted media types include: ${MEDIA_TYPE_NAMES.join(', ')}`,
  )
}

const TOKEN = "[\\w!#$%&'*+.^`|~-]+"
const PARAMETER = new RegExp(`^\\s*;\\s*(${TOKEN})\\s*=\\s*(${TOKEN}|"(?:[^"\\\\]|\\\\.)*")`)

/**
 * Name of a media type; undefined where its parameters cannot be read.
 *
 * @see mime.ParseMediaType
 */
function mediaTypeOf(contentType: string): string | undefined {
  const at = contentType.indexOf(';')
  const name = (at < 0 ? contentType : contentType.slice(0, at)).trim().toLowerCase()
  const values = new Map<string, string>()
  let rest = at < 0 ? '' : contentType.slice(at)
  while (rest.trim() !== '' && rest.trim() !== ';') {
    const parameter = PARAMETER.exec(rest)
    if (!parameter) return undefined
    const [whole, key, value] = parameter
    if ((values.get(key!.toLowerCase()) ?? value) !== value) return undefined
    values.set(key!.toLowerCase(), value!)
    rest = rest.slice(whole.length)
  }
  return name
}

/**
 * Decodes the body of a create or update as upstream's codec does: kind and version first, then the typed object.
 * Errors: 400 in upstream's words.
 *
 * @see apimachinery pkg/runtime/serializer/json/json.go, apiserver pkg/endpoints/handlers/rest.go transformDecodeError
 */
export function decodeBody(body: Buffer, format: Format, expected: ExpectedType): DecodedBody {
  if (format === 'protobuf') return decodeProtobufBody(body, expected)
  let value: unknown
  let yamlErrors: readonly string[] = []
  let actual: GroupVersionKind
  try {
    if (format === 'yaml') ({ value, strictErrors: yamlErrors } = parseYaml(body.toString('utf8')))
    else value = parseJsonBody(body)
    actual = kindOf(value, expected.gvk)
  } catch (error) {
    if (error instanceof DecodeError) throw unrecognized(expected, error.message, body)
    throw error
  }
  checkKind(actual, expected)
  try {
    const { object, strictErrors } = decode(value ?? {}, expected.node)
    return { object: typed(object, expected.gvk), strictErrors: [...yamlErrors, ...strictErrors] }
  } catch (error) {
    if (error instanceof DecodeError) throw cannotBeHandled(actual, expected, error.message)
    throw error
  }
}

/** Parses a JSON body. Throws {@link DecodeError} in the words of the layer that looks for the kind first. */
export function parseJsonBody(body: Buffer): unknown {
  try {
    return parseJsonExact(body)
  } catch (error) {
    if (error instanceof DecodeError) throw noKind(error.message)
    throw error
  }
}

const noKind = (why: string): DecodeError => new DecodeError(`couldn't get version/kind; json parse error: ${why}`)

/** Kind and version that the body names; what it leaves open is the request's. Throws {@link DecodeError}. */
export function kindOf(value: unknown, expected: GroupVersionKind): GroupVersionKind {
  if (value === null || value === undefined) return expected
  if (!isExactObject(value)) {
    throw noKind(
      `json: cannot unmarshal ${jsonTypeOf(value)} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`,
    )
  }
  const apiVersion = textMember(value, 'apiVersion')
  const kind = textMember(value, 'kind')
  const groupVersion = parseApiVersion(apiVersion)
  if (!groupVersion) throw new DecodeError(`unexpected GroupVersion string: ${apiVersion}`)
  const open = groupVersion.group === '' && groupVersion.version === ''
  return { ...(open ? expected : groupVersion), kind: kind === '' ? expected.kind : kind }
}

function textMember(value: JsonObject | Members, name: string): string {
  const member = value instanceof Members ? value.values[value.names.lastIndexOf(name)] : value[name]
  if (member === undefined || member === null) return ''
  if (typeof member === 'string') return member
  throw noKind(`json: cannot unmarshal ${jsonTypeOf(member)} into Go struct field .${name} of type string`)
}

/** What Go calls the type of a JSON value. */
export function jsonTypeOf(value: unknown): string {
  if (typeof value === 'string') return 'string'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'number' || value instanceof NumberText) return 'number'
  return Array.isArray(value) ? 'array' : 'object'
}

/** Refuses bodies of other types, each in the words of the layer of upstream that would notice. */
function checkKind(actual: GroupVersionKind, expected: ExpectedType): void {
  const why = kindMismatch(actual, expected)
  if (why !== undefined) throw cannotBeHandled(actual, expected, why)
  if (apiVersionOf(actual) === apiVersionOf(expected.gvk)) return
  if (expected.acceptedVersions?.includes(apiVersionOf(actual))) return
  throw badRequest(
    `the API version in the data (${apiVersionOf(actual)}) does not match the expected API version (${apiVersionOf(expected.gvk)})`,
  )
}

/** Why an object of that kind cannot become one of the expected type; undefined where it can (versions may differ). */
export function kindMismatch(actual: GroupVersionKind, expected: ExpectedType): string | undefined {
  const { gvk } = expected
  if (actual.kind === gvk.kind && actual.version === gvk.version && actual.group === gvk.group) return undefined
  const apiVersion = apiVersionOf(actual)
  const isKnown =
    definitionOf(actual) !== undefined ||
    GENERIC_KINDS.has(`${apiVersion}/${actual.kind}`) ||
    FORMER_VERSIONS.has(apiVersion)
  if (!isKnown) {
    return `no kind ${goQuote(actual.kind)} is registered for version ${goQuote(apiVersion)} in scheme "pkg/api/legacyscheme/scheme.go:30"`
  }
  if (actual.kind === gvk.kind) return undefined
  return `converting (${actual.version}.${actual.kind}) to (${expected.internalType}): unknown conversion`
}

/** Kinds of the meta group that every group version knows. */
const GENERIC_KINDS: ReadonlySet<string> = new Set(['v1/List', 'v1/Status'])

/** Versions that upstream still reads, though it serves them no more. */
const FORMER_VERSIONS: ReadonlySet<string> = new Set([
  'extensions/v1beta1',
  'apps/v1beta1',
  'apps/v1beta2',
  'autoscaling/v2beta1',
  'autoscaling/v2beta2',
  'batch/v1beta1',
  'policy/v1beta1',
  'rbac.authorization.k8s.io/v1beta1',
  'rbac.authorization.k8s.io/v1alpha1',
  'scheduling.k8s.io/v1beta1',
  'discovery.k8s.io/v1beta1',
  'events.k8s.io/v1beta1',
])

function typed(object: JsonObject, gvk: GroupVersionKind): KubeObject {
  const kube = object as KubeObject
  kube.kind = gvk.kind
  kube.apiVersion = apiVersionOf(gvk)
  if (!isJsonObject(kube.metadata)) kube.metadata = {}
  return kube
}

function cannotBeHandled(actual: GroupVersionKind, expected: ExpectedType, why: string): Error {
  return badRequest(
    `${actual.kind} in version ${goQuote(actual.version)} cannot be handled as a ${expected.gvk.kind}: ${why}`,
  )
}

function unrecognized(expected: ExpectedType, why: string, body: Buffer): Error {
  return badRequest(
    `the object provided is unrecognized (must be of type ${expected.gvk.kind}): ${why} (${summarize(body)})`,
  )
}

const SUMMARY_BYTES = 30

/** The beginning of a body: as text where it looks like JSON, else in hexadecimal. */
function summarize(body: Buffer): string {
  if (body.length === 0) return '<empty>'
  const start = body.subarray(0, SUMMARY_BYTES)
  const text = body[0] === 0x7b ? start.toString('utf8') : start.toString('hex')
  return body.length > SUMMARY_BYTES ? `${text} ...` : text
}

function decodeProtobufBody(body: Buffer, expected: ExpectedType): DecodedBody {
  try {
    const { apiVersion, kind, object } = decodeProtobuf(body, expected.gvk)
    const groupVersion = parseApiVersion(apiVersion)
    if (!groupVersion) throw new DecodeError(`unexpected GroupVersion string: ${apiVersion}`)
    checkKind({ ...groupVersion, kind }, expected)
    return { object: typed(object, expected.gvk), strictErrors: [] }
  } catch (error) {
    if (error instanceof DecodeError) throw unrecognized(expected, error.message, body)
    throw error
  }
}
