import { badRequest } from '../apimachinery/api-error.ts'
import { isJsonObject } from '../apimachinery/kube-object.ts'
import { jsonSyntaxError } from '../apimachinery/schema/json-syntax.ts'
import { jsonTypeOf } from './request-body.ts'

const TOKEN_VERSION = 'meta.k8s.io/v1'

export interface ContinueToken {
  /** Revision whose snapshot is being paged over; -1: go on in the latest state, with no promise of consistency. */
  readonly revision: number
  /** First key of the next page, relative to the resource's prefix. */
  readonly startKey: string
}

/** @see apiserver pkg/storage/continue.go */
export function encodeContinue({ revision, startKey }: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: TOKEN_VERSION, rv: revision, start: startKey })).toString('base64url')
}

/** Errors: 400 in upstream's words. */
export function decodeContinue(text: string): ContinueToken {
  const at = text.length % 4 === 1 ? text.length - 1 : -1
  const illegal = text.search(/[^A-Za-z0-9_-]/)
  if (illegal >= 0 || at >= 0) throw invalidKey(`illegal base64 data at input byte ${illegal >= 0 ? illegal : at}`)
  const { v = '', rv = 0, start = '' } = parseToken(Buffer.from(text, 'base64url'))
  if (v !== TOKEN_VERSION) throw invalidToken(`: server does not recognize this encoded version ${v}`)
  if (rv === 0) throw invalidToken(': incorrect encoded start resourceVersion (version meta.k8s.io/v1)')
  if (start === '') throw invalidToken(': encoded start key empty (version meta.k8s.io/v1)')
  if (!isCleanPath(start)) throw invalidKey(start)
  return { revision: rv, startKey: start.startsWith('/') ? start.slice(1) : start }
}

interface TokenFields {
  readonly v?: string
  readonly rv?: number
  readonly start?: string
}

function parseToken(bytes: Buffer): TokenFields {
  const problem = jsonSyntaxError(bytes)
  if (problem !== undefined) throw invalidKey(problem)
  const token: unknown = JSON.parse(bytes.toString('utf8'))
  if (token === null) return {}
  if (!isJsonObject(token)) {
    throw invalidKey(`json: cannot unmarshal ${jsonTypeOf(token)} into Go value of type storage.continueToken`)
  }
  const { v, rv, start } = token
  const wrongType = (value: unknown, field: string, type: string): Error => {
    const given = typeof value === 'number' ? `number ${type === 'int64' ? value : ''}`.trim() : jsonTypeOf(value)
    return invalidKey(`json: cannot unmarshal ${given} into Go struct field continueToken.${field} of type ${type}`)
  }
  if (v !== undefined && typeof v !== 'string') throw wrongType(v, 'v', 'string')
  if (rv !== undefined && !Number.isSafeInteger(rv)) throw wrongType(rv, 'rv', 'int64')
  if (start !== undefined && typeof start !== 'string') throw wrongType(start, 'start', 'string')
  return token as TokenFields
}

/** Nothing in the key may lead out of the prefix that it is put behind (Go's path.Clean changes nothing). */
function isCleanPath(key: string): boolean {
  const segments = (key.startsWith('/') ? key.slice(1) : key).split('/')
  return segments.every((segment) => segment !== '' && segment !== '.' && segment !== '..')
}

function invalidKey(detail: string): Error {
  return invalidToken(`: ${detail}`)
}

function invalidToken(detail: string): Error {
  return badRequest(`invalid continue token: continue key is not valid${detail}`)
}
