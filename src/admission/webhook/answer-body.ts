import { goQuote } from '../../apimachinery/go-quote.ts'
import { parseApiVersion } from '../../apimachinery/group-version.ts'
import { isJsonObject, type JsonObject } from '../../apimachinery/kube-object.ts'
import { DecodeError, parseJson } from '../../apimachinery/schema/json-text.ts'
import { parseYaml } from '../../apimachinery/schema/yaml-text.ts'
import type { WebhookAnswer } from './webhook-client.ts'

/** An answer that is no answer; the message is the one of upstream's client. */
export class AnswerError extends Error {
  /** Status of the answer, where that is what was wrong with it; else 503. */
  readonly code: number

  constructor(message: string, code = 503) {
    super(message)
    this.name = 'AnswerError'
    this.code = code
  }
}

const TYPE_META =
  'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'

/** Longest text of a failed answer that messages repeat. */
const MAX_SHOWN_BYTES = 2048

/**
 * The JSON object in a webhook's answer. Errors: {@link AnswerError} for a status that is no success and for what is no
 * JSON object.
 *
 * @see client-go rest/request.go transformResponse, Result.Into
 */
export function answerObject(answer: WebhookAnswer): JsonObject {
  const { status, body, contentType } = answer
  if (status < 200 || status > 206) throw new AnswerError(statusMessage(answer), status)
  if (body.length === 0) {
    const type = contentType || 'application/json'
    throw new AnswerError(`0-length response with status code: ${status} and content type: ${type}`)
  }
  return parseBody(body)
}

/** What does not begin as JSON is read as YAML, whatever the content type. */
function parseBody(body: Buffer): JsonObject {
  const isJson = /^\s*\{/.test(body.subarray(0, 64).toString('latin1'))
  try {
    const { value } = isJson ? parseJson(body) : parseYaml(body.toString('utf8'))
    if (isJsonObject(value)) return value
    throw new AnswerError(notAnObject(jsonKind(value)))
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new AnswerError(isJson ? `couldn't get version/kind; json parse error: ${error.message}` : error.message)
  }
}

/** What decoding says of a JSON value that is no object. */
export const notAnObject = (kind: string): string =>
  `couldn't get version/kind; json parse error: json: cannot unmarshal ${kind} into Go value of type ${TYPE_META}`

/** What Go calls a JSON value of another type than expected. */
export function jsonKind(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'boolean') return 'bool'
  return typeof value
}

/** A Status in the body speaks for itself; else the code does. */
function statusMessage(answer: WebhookAnswer): string {
  const { status, body } = answer
  const own = ownMessage(body)
  if (own !== undefined) return own
  const text = isText(answer.contentType) ? body.subarray(0, MAX_SHOWN_BYTES).toString('utf8').trim() : 'unknown'
  return genericMessage(status, text)
}

function ownMessage(body: Buffer): string | undefined {
  if (body[0] !== OPENING_BRACE) return undefined
  try {
    const { value } = parseJson(body)
    if (!isJsonObject(value)) return undefined
    const { kind = 'Status', status, message = '' } = value
    return kind === 'Status' && status === 'Failure' && typeof message === 'string' ? message : undefined
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

const OPENING_BRACE = 0x7b

const isText = (contentType: string): boolean => contentType === '' || /^\s*text\//i.test(contentType)

/** @see apimachinery pkg/api/errors/errors.go NewGenericServerResponse */
function genericMessage(status: number, text: string): string {
  const known = GENERIC_MESSAGES.get(status)
  if (known !== undefined) return known
  if (status === 403 || status === 415) return text
  if (status === 406) {
    const why = 'the server was unable to respond with a content type that the client supports'
    return text === '' || text === 'unknown' ? why : text
  }
  if (status >= 500) return `an error on the server (${goQuote(text)}) has prevented the request from succeeding`
  return `the server responded with the status code ${status} but did not return more information`
}

const GENERIC_MESSAGES: ReadonlyMap<number, string> = new Map([
  [400, 'the server rejected our request for an unknown reason'],
  [401, 'the server has asked for the client to provide credentials'],
  [404, 'the server could not find the requested resource'],
  [405, 'the server does not allow this method on the requested resource'],
  [409, 'the server reported a conflict'],
  [422, 'the server rejected our request due to an error in our request'],
  [429, 'the server has received too many requests and has asked us to try again later'],
  [503, 'the server is currently unable to handle the request'],
  [504, 'the server was unable to return a response in the time allotted, but may still be processing the request'],
])

/** Group, version and kind that a body claims to be, members that are missing as ''. */
export function typeOfBody(body: JsonObject): {
  readonly group: string
  readonly version: string
  readonly kind: string
} {
  const text = (name: 'apiVersion' | 'kind'): string => {
    const value = body[name] ?? ''
    if (typeof value === 'string') return value
    const field = name === 'kind' ? 'kind' : 'apiVersion'
    throw new AnswerError(
      `couldn't get version/kind; json parse error: json: cannot unmarshal ${jsonKind(value)} into Go struct field .${field} of type string`,
    )
  }
  const apiVersion = text('apiVersion')
  const groupVersion = parseApiVersion(apiVersion)
  if (!groupVersion) throw new AnswerError(`unexpected GroupVersion string: ${apiVersion}`)
  return { ...groupVersion, kind: text('kind') }
}
