import type { PathHandler } from './api-server.ts'
import type { ResourceCatalog } from './resource-catalog.ts'

/** Paths that are served besides those of the API groups. */
const OTHER_PATHS = [
  '/.well-known/openid-configuration',
  '/healthz',
  '/healthz/etcd',
  '/healthz/log',
  '/healthz/ping',
  '/livez',
  '/livez/etcd',
  '/livez/log',
  '/livez/ping',
  '/metrics',
  '/openapi/v2',
  '/openapi/v3',
  '/openapi/v3/',
  '/openid/v1/jwks',
  '/readyz',
  '/readyz/log',
  '/readyz/ping',
  '/readyz/shutdown',
  '/version',
]

/** `/`: everything there is to ask for. */
export function rootPaths(catalog: ResourceCatalog): PathHandler {
  return {
    matches: (path) => path === '/',
    handle(call) {
      const groups = catalog.groups
        .filter((g) => g.name !== '')
        .flatMap((g) => [`/apis/${g.name}`, ...g.versions.map((v) => `/apis/${g.name}/${v}`)])
      const paths = ['/api', '/api/v1', '/apis', '/apis/', ...groups, ...OTHER_PATHS].sort()
      const body = JSON.stringify({ paths }, undefined, 2)
      call.reply.header('content-type', 'application/json').send(Buffer.from(body))
    },
  }
}
