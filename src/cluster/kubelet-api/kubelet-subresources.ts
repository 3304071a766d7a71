/** Paths that have a subresource of their own, which is asked for before `proxy`. */
const FINE_GRAINED: readonly (readonly [path: string, subresource: string])[] = [
  ['/pods', 'pods'],
  ['/healthz', 'healthz'],
  ['/configz', 'configz'],
  ['/statusz', 'statusz'],
  ['/runningpods', 'pods'],
]

/** Paths that `proxy` says nothing about. */
const APART: readonly (readonly [path: string, subresource: string])[] = [
  ['/stats', 'stats'],
  ['/metrics', 'metrics'],
  ['/logs', 'log'],
  ['/checkpoint', 'checkpoint'],
]

/**
 * The subresources of nodes of which one is enough to be allowed a path of a kubelet.
 *
 * @see kubernetes pkg/kubelet/server/auth.go; KEP-2862
 */
export function kubeletSubresources(path: string): readonly string[] {
  const of = (known: typeof APART): string | undefined =>
    known.find(([at]) => path === at || path.startsWith(`${at}/`))?.[1]
  const fine = of(FINE_GRAINED)
  return [...(fine === undefined ? [] : [fine]), of(APART) ?? 'proxy']
}
