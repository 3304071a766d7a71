import { X509Certificate } from 'node:crypto'
import { cloneJson, equalJson } from '../../apimachinery/clone.ts'
import type { ConfigMap } from '../../apimachinery/types/core-v1.ts'
import { certificateBlocks } from '../../auth/authn/certificate-chain.ts'
import type { Registry } from '../../registry/generic/registry.ts'
import type { ProxyHeaders } from '../auth-options.ts'
import { ensureObject, systemContext } from './ensure.ts'

const NAMESPACE = 'kube-system'
const NAME = 'extension-apiserver-authentication'
/** A CA counts for so long after its end: clocks differ. */
const SLACK_MS = 5 * 60_000

/** Whom this server trusts to say who a client is. */
export interface ClientTrust {
  /** CAs of client certificates, as PEM bundles. */
  readonly userCas: readonly string[]
  /** Undefined where no front proxy is trusted. */
  readonly frontProxy: { readonly ca: string; readonly headers: ProxyHeaders } | undefined
}

/**
 * Publishes how clients are told apart, for API servers that stand behind this one. What other servers on the same store
 * have published stays, except for CAs that have expired.
 *
 * @see kubernetes pkg/controlplane/controller/clusterauthenticationtrust
 */
export async function publishClientTrust(registry: Registry, trust: ClientTrust, now: number): Promise<void> {
  const base = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: NAME, namespace: NAMESPACE } }
  const own = combined({}, trust, now)
  if (await ensureObject(registry, '', 'configmaps', { ...base, data: own })) return
  await registry.backing('', 'configmaps')!.store.update(systemContext(NAMESPACE), NAME, {
    updatedObject: (existing) => {
      const known = (existing as unknown as ConfigMap).data ?? {}
      const data = combined(known, trust, now)
      return equalJson(data, known) ? cloneJson(existing!) : { ...cloneJson(existing!), data }
    },
  })
}

function combined(known: Readonly<Record<string, string>>, trust: ClientTrust, now: number): Record<string, string> {
  const { userCas, frontProxy } = trust
  const cas = (key: string, more: readonly string[]): Record<string, string> => {
    const bundle = bundleOf([known[key] ?? '', ...more], now)
    return bundle === '' ? {} : { [key]: bundle }
  }
  const proxyCas = cas('requestheader-client-ca-file', frontProxy ? [frontProxy.ca] : [])
  if (Object.keys(proxyCas).length === 0) return cas('client-ca-file', userCas)
  const list = (key: string, more: readonly string[] = []): string[] => [
    ...new Set([...listOf(known[`requestheader-${key}`]), ...more]),
  ]
  const headers = frontProxy?.headers
  const uids = list('uid-headers', headers?.uidHeaders)
  return {
    ...cas('client-ca-file', userCas),
    'requestheader-allowed-names': JSON.stringify(list('allowed-names', headers?.allowedNames)),
    ...proxyCas,
    'requestheader-extra-headers-prefix': JSON.stringify(list('extra-headers-prefix', headers?.extraHeaderPrefixes)),
    'requestheader-group-headers': JSON.stringify(list('group-headers', headers?.groupHeaders)),
    ...(uids.length > 0 ? { 'requestheader-uid-headers': JSON.stringify(uids) } : {}),
    'requestheader-username-headers': JSON.stringify(list('username-headers', headers?.usernameHeaders)),
  }
}

/** Every certificate of the bundles that has not expired, once. */
function bundleOf(bundles: readonly string[], now: number): string {
  const found = new Map<string, string>()
  for (const pem of bundles.flatMap(certificateBlocks)) {
    const certificate = new X509Certificate(pem)
    if (Date.parse(certificate.validTo) > now - SLACK_MS) found.set(certificate.fingerprint256, certificate.toString())
  }
  return [...found.values()].join('')
}

function listOf(text: string | undefined): string[] {
  try {
    const value: unknown = JSON.parse(text || '[]')
    return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
  } catch {
    // Somebody's own text: it is replaced.
    return []
  }
}
