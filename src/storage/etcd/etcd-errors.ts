import { StorageError, type StorageErrorDetails } from '../storage-error.ts'

/** What an etcd answer means for a caller, beyond its {@link StorageError}. */
export interface EtcdFailure {
  readonly error: StorageError
  /** Worth another try: the server was not there, had no leader, or was busy. */
  readonly isTransient: boolean
  /** The request certainly did nothing: it was never sent, or was refused before it reached the log. */
  readonly isHarmless: boolean
}

/** Words of etcd's errors (api/v3/rpctypes/error.go) and of gRPC's for a request that never left. */
const COMPACTED = /required revision has been compacted/
const FUTURE = /required revision is a future revision/
const NO_SPACE = /database space exceeded/
const TOO_LARGE = /request is too large|message larger than max/
const NO_LEASE = /requested lease not found/
const NEVER_SENT =
  /No connection established|ECONNREFUSED|Name resolution failed|Channel closed|client was already closed|circuit/i
const REFUSED = /requested lease not found|too many requests|etcdserver: no leader|not capable/
/** gRPC status numbers in front of a message: cancelled, unknown, deadline, aborted, internal, unavailable. */
const TRANSIENT_STATUS = /^(1|2|4|10|13|14) [A-Z_]+:/
const TRANSIENT_WORDS =
  /requested lease not found|leader changed|request timed out|server stopped|etcdserver: no leader|too many requests/

/** True where the lease that a write names is gone: take a new one and write again. */
export function isLeaseGone(error: unknown): boolean {
  return error instanceof Error && NO_LEASE.test(error.message)
}

/** Translates whatever the client throws. */
export function etcdFailure(cause: unknown, details: StorageErrorDetails = {}): EtcdFailure {
  const message = cause instanceof Error ? cause.message : String(cause)
  const make = (code: StorageError['code'], text: string): StorageError =>
    new StorageError(code, text, { ...details, cause })
  const final = (error: StorageError): EtcdFailure => ({ error, isTransient: false, isHarmless: true })
  const { revision, key } = details
  if (cause instanceof StorageError) return final(cause)
  if (COMPACTED.test(message)) return final(make('Compacted', `revision ${revision ?? ''} has been compacted`))
  if (FUTURE.test(message)) return final(make('FutureRevision', `revision ${revision ?? ''} is yet to come`))
  if (NO_SPACE.test(message)) return final(make('NoSpace', 'etcd: database space exceeded'))
  if (TOO_LARGE.test(message))
    return final(make('InvalidArgument', `etcd: the value of ${key ?? 'a key'} is too large`))
  const isHarmless = NEVER_SENT.test(message) || REFUSED.test(message)
  const isTransient = isHarmless || TRANSIENT_STATUS.test(message) || TRANSIENT_WORDS.test(message)
  return { error: make('Unavailable', `etcd: ${message}`), isTransient, isHarmless }
}
