import type { FastifyInstance } from 'fastify'
import type { PathHandler } from '../api-server.ts'
import type { ResourceCatalog } from '../resource-catalog.ts'
import { KUBERNETES_VERSION } from '../version.ts'

const ROOT = '/swagger-ui'

/**
 * Serves `/swagger-ui/`: the API to be browsed and tried out in a page, made of the documents under `/openapi`
 * (`--enable-swagger-ui`). It is behind authentication and authorization as they are; a person gets in through
 * `kubectl proxy`, which adds its credentials. Loaded with the first request.
 */
export function swaggerUiPath(catalog: ResourceCatalog): PathHandler {
  let page: Promise<FastifyInstance> | undefined
  return {
    matches: (path) => path === ROOT || path.startsWith(`${ROOT}/`),
    async handle({ info, request, reply }) {
      if (info.path === ROOT) {
        reply.redirect(`${ROOT}/`, 301)
        return
      }
      page ??= createPage(catalog)
      const { routing } = await page
      reply.hijack()
      for (const [name, value] of Object.entries(reply.getHeaders())) if (value) reply.raw.setHeader(name, value)
      routing(request.raw, reply.raw)
    },
  }
}

/** An application of its own, which never listens. */
async function createPage(catalog: ResourceCatalog): Promise<FastifyInstance> {
  const [{ default: fastify }, { default: swagger }, { default: swaggerUi }] = await Promise.all([
    import('fastify'),
    import('@fastify/swagger'),
    import('@fastify/swagger-ui'),
  ])
  const app = fastify()
  const info = { title: 'Kubernetes', version: KUBERNETES_VERSION.gitVersion }
  await app.register(swagger, { mode: 'static', specification: { document: { openapi: '3.0.0', info, paths: {} } } })
  await app.register(swaggerUi, {
    routePrefix: ROOT,
    uiConfig: { urls: documentUrls(catalog), docExpansion: 'list', deepLinking: true },
  })
  await app.ready()
  return app
}

/** One document a version, which a browser shows at once; the whole of v2 comes last. */
function documentUrls(catalog: ResourceCatalog): { readonly url: string; readonly name: string }[] {
  const versions = catalog.groups.flatMap((group) =>
    group.versions.map((version) => (group.name === '' ? `api/${version}` : `apis/${group.name}/${version}`)),
  )
  return [
    ...versions.map((path) => ({ url: `/openapi/v3/${path}`, name: path })),
    { url: '/openapi/v2', name: 'all (OpenAPI v2)' },
  ]
}
