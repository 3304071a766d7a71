import type { Secret } from '../../../apimachinery/types/core-v1.ts'
import type { ObjectKey, Typed } from '../../runtime/client.ts'

/** Type of Secrets that hold a token of a service account. */
const TOKEN_SECRET = 'kubernetes.io/service-account-token'
export const ACCOUNT_NAME = 'kubernetes.io/service-account.name'
export const ACCOUNT_UID = 'kubernetes.io/service-account.uid'

/** The service account that a token is for, as its Secret says it. */
export interface TokenOwner {
  readonly key: ObjectKey
  /** '' where the Secret leaves it open. */
  readonly uid: string
}

/** Undefined where a Secret is none of these, or names no account. */
export function ownerOfToken({ type, metadata }: Typed<Secret>): TokenOwner | undefined {
  const name = metadata.annotations?.[ACCOUNT_NAME] ?? ''
  if (type !== TOKEN_SECRET || name === '') return undefined
  return { key: { namespace: metadata.namespace ?? '', name }, uid: metadata.annotations?.[ACCOUNT_UID] ?? '' }
}
