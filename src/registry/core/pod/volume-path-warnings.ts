import { goQuote } from '../../../apimachinery/go-quote.ts'
import type { Volume, VolumeProjection } from '../../../apimachinery/types/core-v1.ts'

interface PathAndSource {
  readonly path: string
  /** '' where the volume has one source only. */
  readonly source: string
}

type Items = readonly { readonly path?: string }[] | undefined

/**
 * Warnings about files of a volume that would hide one another.
 *
 * @see kubernetes pkg/api/pod/warnings.go warningsForOverlappingVirtualPaths
 */
export function warningsForOverlappingPaths(volumes: readonly Volume[] | undefined): string[] {
  const warnings: string[] = []
  for (const volume of volumes ?? []) {
    const { name = '', configMap, secret, downwardAPI, projected } = volume
    const warn = (description: string, items: Items): void => {
      warnings.push(...overlaps(pathsOf(items, '')).map((body) => overlapText(name, description, body)))
    }
    if (configMap) warn(`ConfigMap ${goQuote(configMap.name ?? '')}`, configMap.items)
    if (secret) warn(`Secret ${goQuote(secret.secretName ?? '')}`, secret.items)
    if (downwardAPI) warn('DownwardAPI', downwardAPI.items)
    if (projected) warnings.push(...projectedWarnings(name, projected.sources ?? []))
  }
  return warnings
}

function projectedWarnings(name: string, sources: readonly VolumeProjection[]): string[] {
  const warnings: string[] = []
  const all: PathAndSource[] = []
  for (const source of sources) {
    if (Object.keys(source).length === 0) {
      warnings.push(`volume ${goQuote(name)} (Projected) has no sources provided`)
      continue
    }
    const found = overlaps(sourcePaths(source), all)
    warnings.push(...found.map((body) => overlapText(name, 'Projected', body)))
  }
  return warnings
}

function overlapText(volume: string, description: string, body: string): string {
  return `volume ${goQuote(volume)} (${description}): overlapping paths: ${body}`
}

function pathsOf(items: Items, source: string): PathAndSource[] {
  return (items ?? []).map(({ path = '' }) => ({ path, source }))
}

function sourcePaths(source: VolumeProjection): PathAndSource[] {
  const {
    configMap,
    secret,
    downwardAPI,
    serviceAccountToken: token,
    clusterTrustBundle: bundle,
    podCertificate,
  } = source
  if (configMap?.items) return pathsOf(configMap.items, `ConfigMap ${goQuote(configMap.name ?? '')}`)
  if (secret?.items) return pathsOf(secret.items, `Secret ${goQuote(secret.name ?? '')}`)
  if (downwardAPI?.items) return pathsOf(downwardAPI.items, 'DownwardAPI')
  if (token) return [{ path: token.path ?? '', source: 'ServiceAccountToken' }]
  if (bundle) {
    const name = bundle.name ?? bundle.signerName ?? ''
    return [{ path: bundle.path ?? '', source: `ClusterTrustBundle ${goQuote(name)}` }]
  }
  if (!podCertificate) return []
  const { certificateChainPath = '', keyPath = '', credentialBundlePath = '' } = podCertificate
  const paths = [
    { path: certificateChainPath, source: 'PodCertificate chain' },
    { path: keyPath, source: 'PodCertificate key' },
    { path: credentialBundlePath, source: 'PodCertificate credential bundle' },
  ]
  return paths.filter(({ path }) => path !== '')
}

/** Says which of `paths` lie on one of those before, in `all` first; adds them to `all`. */
function overlaps(paths: readonly PathAndSource[], all: PathAndSource[] = []): string[] {
  const found: string[] = []
  for (const { path, source } of paths) {
    const own = { path: trimEndSlashes(path), source }
    for (const other of all) if (overlap(own.path, other.path)) found.push(`${print(own)} with ${print(other)}`)
    all.push(own)
  }
  return found
}

function trimEndSlashes(path: string): string {
  let end = path.length
  while (end > 0 && path[end - 1] === '/') end--
  return path.slice(0, end)
}

function overlap(a: string, b: string): boolean {
  if (a === '' || b === '') return false
  return `${b}/`.startsWith(`${a}/`) || `${a}/`.startsWith(`${b}/`)
}

function print({ path, source }: PathAndSource): string {
  return source === '' ? goQuote(path) : `${goQuote(path)} (${source})`
}
