/**
 * The floor under `npm run bench -- api`, in a process of its own: servers that answer every request with the same ready
 * bytes over TLS, and do nothing else. Reads its task from its argument, prints its URL.
 */
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import fastify from 'fastify'

export interface FloorTask {
  readonly server: 'https' | 'fastify'
  readonly certFile: string
  readonly keyFile: string
  /** Length of each answer. */
  readonly bytes: number
}

const HOST = '127.0.0.1'
/** As long as the API server keeps idle connections. */
const KEEP_ALIVE_MS = 90_000

async function serve({ server: kind, certFile, keyFile, bytes }: FloorTask): Promise<Server> {
  const tls = { cert: readFileSync(certFile), key: readFileSync(keyFile) }
  const answer = Buffer.alloc(bytes, 'x')
  if (kind === 'https') {
    const server = createServer(tls, (request, response) => {
      request.resume()
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': bytes }).end(answer)
    })
    server.keepAliveTimeout = KEEP_ALIVE_MS
    await new Promise<void>((resolve) => server.listen(0, HOST, resolve))
    return server
  }
  const app = fastify({ https: tls, keepAliveTimeout: KEEP_ALIVE_MS })
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.all('/*', (_request, reply) => reply.header('content-type', 'application/json').send(answer))
  await app.listen({ host: HOST, port: 0 })
  return app.server as Server
}

const server = await serve(JSON.parse(process.argv[2]!) as FloorTask)
console.log(JSON.stringify({ url: `https://${HOST}:${(server.address() as AddressInfo).port}` }))
