import { escapePath, joinPaths } from './go-path.ts'

/** Where a backend's pages are, and where a client sees them. */
export interface PageContext {
  /** `/api/v1/namespaces/dev/services/web/proxy`: what stands before the backend's own paths. */
  readonly pathPrefix: string
  /** The backend's host and port. */
  readonly backendHost: string
  /** The host that the client asked. */
  readonly requestHost: string
}

const URL_PARTS = /^(?:[a-z][a-z0-9+.-]*:)?(?:\/\/([^/?#]*))?([^?#]*)((?:\?[^#]*)?(?:#.*)?)$/is

/**
 * A link of a backend's page as it leads through the proxy: absolute paths of the backend get the proxy's in front,
 * everything else stays.
 *
 * @see apimachinery pkg/util/proxy/transport.go rewriteURL
 */
export function proxiedLink(link: string, { pathPrefix, backendHost, requestHost }: PageContext): string {
  const match = /\p{Cc}/u.test(link) ? null : URL_PARTS.exec(link)
  if (!match) return link
  const [, host = '', path = '', rest = ''] = match
  const isElsewhere = host !== '' && host !== backendHost && host !== requestHost
  if (isElsewhere || !path.startsWith('/')) return link
  const decoded = pathOf(path)
  if (decoded === undefined) return link
  const own = host !== '' && host === requestHost ? link.slice(0, link.indexOf(host) + host.length) : ''
  if (decoded.startsWith(pathPrefix)) return `${own}${path}${rest}`
  return `${own}${escapePath(joinPaths(pathPrefix, decoded))}${rest}`
}

function pathOf(path: string): string | undefined {
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined
  }
}
