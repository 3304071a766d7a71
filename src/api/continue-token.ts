import { badRequest } from '../apimachinery/api-error.ts'

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
  if (!/^[A-Za-z0-9_-]*$/.test(text))
    throw invalidToken(`illegal base64 data at input byte ${text.search(/[^A-Za-z0-9_-]/)}`)
  let token: unknown
  try {
    token = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
  } catch {
    throw invalidToken('invalid character in token')
  }
  const { v, rv, start } = (token ?? {}) as { v?: unknown; rv?: unknown; start?: unknown }
  if (v !== TOKEN_VERSION) {
    const given = typeof v === 'string' ? v : ''
    throw badRequest(`continue key is not valid: server does not recognize this encoded version ${given}`)
  }
  if (typeof rv !== 'number' || !Number.isSafeInteger(rv) || rv === 0) {
    throw badRequest('continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)')
  }
  if (typeof start !== 'string' || start === '') {
    throw badRequest('continue key is not valid: encoded start key empty (version meta.k8s.io/v1)')
  }
  if (!isCleanPath(start)) throw invalidToken(start)
  return { revision: rv, startKey: start.startsWith('/') ? start.slice(1) : start }
}

/** Nothing in the key may lead out of the prefix that it is put behind (Go's path.Clean changes nothing). */
function isCleanPath(key: string): boolean {
  const segments = (key.startsWith('/') ? key.slice(1) : key).split('/')
  return segments.every((segment) => segment !== '' && segment !== '.' && segment !== '..')
}

function invalidToken(detail: string): Error {
  return badRequest(`continue key is not valid: ${detail}`)
}
