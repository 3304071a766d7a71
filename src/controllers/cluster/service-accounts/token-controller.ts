import { isConflict, isNotFound } from '../../../apimachinery/api-error.ts'
import type { Secret, ServiceAccount } from '../../../apimachinery/types/core-v1.ts'
import type { Client, ObjectKey, Typed } from '../../runtime/client.ts'
import type { CacheReader, Controller } from '../../runtime/controller.ts'
import { keyOf, keyText } from '../../runtime/object-key.ts'
import { SECRETS, SERVICE_ACCOUNTS } from '../../runtime/resources.ts'
import { ACCOUNT_NAME, ACCOUNT_UID, ownerOfToken, type TokenOwner } from './token-secret.ts'

/** Makes a token that never expires for an account, to lie in a Secret. */
export type CreateToken = (account: {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly secretName: string
}) => Promise<string>

interface TokenControllerOptions {
  readonly createToken: CreateToken
  /** Certificates that the API server is verified with, in PEM; undefined: Secrets get none. */
  readonly rootCa: string | undefined
}

const BY_ACCOUNT = 'token-account'

/**
 * Fills Secrets that ask for a token of a service account, deletes those whose account is gone, and takes the reference
 * to a Secret that is gone out of its account.
 *
 * @see pkg/controller/serviceaccount/tokens_controller.go
 */
export function serviceAccountTokenController(options: TokenControllerOptions): Controller<Typed<Secret>> {
  /** Accounts that may still refer to a Secret that is gone: nothing else tells whose it was. */
  const leftBehind = new Map<string, TokenOwner>()
  return {
    name: 'serviceaccount-token-controller',
    for: SECRETS,
    isRelevant(secret, _old, cache) {
      const owner = ownerOfToken(secret)
      if (owner && !cache.get(SECRETS, keyOf(secret))) leftBehind.set(keyText(keyOf(secret)), owner)
      return owner !== undefined
    },
    watches: [
      {
        resource: SERVICE_ACCOUNTS,
        enqueue: (account, _old, cache) => cache.byIndex(SECRETS, BY_ACCOUNT, keyText(keyOf(account))).map(keyOf),
      },
    ],
    indexes: [
      {
        resource: SECRETS,
        name: BY_ACCOUNT,
        values: (secret) => {
          const owner = ownerOfToken(secret)
          return owner ? [keyText(owner.key)] : []
        },
      },
    ],
    async reconcile(key, { cache, client }) {
      const gone = leftBehind.get(keyText(key))
      if (gone) {
        await removeReference(client, gone, key.name)
        leftBehind.delete(keyText(key))
      }
      const secret = cache.get(SECRETS, key)
      const owner = secret && ownerOfToken(secret)
      if (!secret || !owner) return
      const account = await accountOf(owner, cache, client)
      if (!account) await deleteToken(client, key, secret)
      else await fill(client, secret, account, options)
    },
  }
}

/** The account, from the server where the cache has none or another of that name. */
async function accountOf(
  { key, uid }: TokenOwner,
  cache: CacheReader,
  client: Client,
): Promise<Typed<ServiceAccount> | undefined> {
  const isIt = (account: Typed<ServiceAccount>): boolean => uid === '' || uid === account.metadata.uid
  const cached = cache.get(SERVICE_ACCOUNTS, key)
  if (cached && isIt(cached)) return cached
  const latest = await unlessGone(client.get(SERVICE_ACCOUNTS, key))
  return latest && isIt(latest) ? latest : undefined
}

async function deleteToken(client: Client, key: ObjectKey, { metadata }: Typed<Secret>): Promise<void> {
  await unlessGone(client.delete(SECRETS, key, { preconditions: { uid: metadata.uid! } }))
}

async function fill(
  client: Client,
  secret: Typed<Secret>,
  account: Typed<ServiceAccount>,
  { createToken, rootCa }: TokenControllerOptions,
): Promise<void> {
  const { namespace = '', name: secretName = '' } = secret.metadata
  const { name = '', uid = '' } = account.metadata
  const known = secret.data ?? {}
  const ca = rootCa === undefined ? known['ca.crt'] : base64(rootCa)
  if (known['ca.crt'] === ca && known['namespace'] && known['token']) return
  const data = {
    ...known,
    ...(ca === undefined ? {} : { 'ca.crt': ca }),
    namespace: known['namespace'] || base64(namespace),
    token: known['token'] || base64(await createToken({ namespace, name, uid, secretName })),
  }
  const annotations = { ...secret.metadata.annotations, [ACCOUNT_NAME]: name, [ACCOUNT_UID]: uid }
  // One that has changed meanwhile comes again.
  await unlessGone(client.update(SECRETS, { ...secret, metadata: { ...secret.metadata, annotations }, data }))
}

async function removeReference(client: Client, { key, uid }: TokenOwner, secretName: string): Promise<void> {
  const account = await unlessGone(client.get(SERVICE_ACCOUNTS, key))
  if (!account || (uid !== '' && uid !== account.metadata.uid)) return
  const secrets = account.secrets?.filter(({ name }) => name !== secretName)
  if (!secrets || secrets.length === account.secrets?.length) return
  await client.update(SERVICE_ACCOUNTS, { ...account, secrets })
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')

/** Undefined where the object has gone, or has become another, meanwhile: then there is nothing to do. */
async function unlessGone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (isNotFound(error) || isConflict(error)) return undefined
    throw error
  }
}
