import { type ClientHttp2Session, connect, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2'
import { get } from 'node:https'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { gunzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ADMIN, CONFIG_MAPS, configMap, type HttpServer, startHttpServer } from '../suites/http-server.ts'

let http: HttpServer
let session: ClientHttp2Session

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

function ask(path: string, headers: OutgoingHttpHeaders = {}, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': path, authorization: `Bearer ${ADMIN}`, ...headers })
    const chunks: Buffer[] = []
    let head: IncomingHttpHeaders & { readonly ':status'?: number } = {}
    stream.on('response', (h) => {
      head = h
    })
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => resolve({ status: head[':status'] ?? 0, headers: head, body: Buffer.concat(chunks) }))
    stream.on('error', reject)
    stream.end(body)
  })
}

const create = (body: string, path = CONFIG_MAPS): Promise<Answer> =>
  ask(path, { ':method': 'POST', 'content-type': 'application/json' }, body)

/** The protocol that the server chooses of those that a client offers. */
async function negotiate(offered: string[]): Promise<string | false | null> {
  const socket: TLSSocket = connectTls({
    port: http.port,
    host: '127.0.0.1',
    ALPNProtocols: offered,
    rejectUnauthorized: false,
  })
  await new Promise((resolve) => socket.once('secureConnect', resolve))
  socket.destroy()
  return socket.alpnProtocol
}

describe('over TLS', () => {
  beforeAll(async () => {
    http = await startHttpServer('--secure-port=0')
  })

  beforeEach(() => {
    session = connect(`https://127.0.0.1:${http.port}`, { rejectUnauthorized: false })
  })

  afterEach(() => session.destroy())

  afterAll(() => http.stop())

  test('a client that offers both gets HTTP/2, one that offers HTTP/1.1 or nothing gets that', async () => {
    expect(await negotiate(['h2', 'http/1.1'])).toBe('h2')
    expect(await negotiate(['http/1.1'])).toBe('http/1.1')
    const version = await new Promise((resolve) => {
      get(`https://127.0.0.1:${http.port}/version`, { rejectUnauthorized: false }, (response) => {
        response.resume()
        resolve(response.httpVersion)
      })
    })
    expect(version).toBe('1.1')
  })

  test('create, read, refuse: the same answers as over HTTP/1.1', async () => {
    const made = await create(configMap('a', { x: 'y' }))
    expect(made.status).toBe(201)
    const read = await ask(`${CONFIG_MAPS}/a`)
    expect(JSON.parse(read.body.toString()).data).toEqual({ x: 'y' })
    expect((await create(configMap('a'))).status).toBe(409)
    const unknown = JSON.stringify({ ...JSON.parse(configMap('b')), more: 1 })
    expect((await create(unknown)).headers.warning).toBe('299 - "unknown field \\"more\\""')
    expect((await ask('/nothing')).body.toString()).toBe('404 page not found\n')
    expect((await ask(CONFIG_MAPS, { authorization: 'Bearer wrong' })).status).toBe(401)
  })

  test('HEAD has the head of GET and no body', async () => {
    const answer = await ask('/openapi/v3', { ':method': 'HEAD' })
    expect(answer.status).toBe(200)
    expect(answer.body).toHaveLength(0)
    expect(Number(answer.headers['content-length'])).toBeGreaterThan(100)
  })

  test('long lists stream, and are compressed for who takes it', async () => {
    const x = 'y'.repeat(1000)
    await Promise.all(Array.from({ length: 300 }, (_, i) => create(configMap(`long-${i}`, { x }))))
    const plain = await ask(CONFIG_MAPS)
    const names = JSON.parse(plain.body.toString()).items.length
    expect(names).toBeGreaterThanOrEqual(300)
    const zipped = await ask(CONFIG_MAPS, { 'accept-encoding': 'gzip' })
    expect(zipped.headers['content-encoding']).toBe('gzip')
    expect(gunzipSync(zipped.body)).toEqual(plain.body)
  })

  test('a watch streams events, beside other requests on the same connection', async () => {
    const watch = session.request({ ':path': `${CONFIG_MAPS}?watch=1`, authorization: `Bearer ${ADMIN}` })
    watch.setEncoding('utf8')
    let text = ''
    watch.on('data', (chunk: string) => {
      text += chunk
    })
    await new Promise((resolve) => watch.once('response', resolve))
    await create(configMap('seen'))
    await expect.poll(() => text).toMatch(/"type":"ADDED","object":\{[^\n]*"name":"seen"/)
    watch.close()
  })

  test('a body beyond the limit → 413, and the connection goes on', async () => {
    expect((await create(configMap('large', { x: 'a'.repeat(3 * 1024 * 1024) }))).status).toBe(413)
    expect((await ask('/version')).status).toBe(200)
  })
})

test('a server that stops ends watches and connections', async () => {
  http = await startHttpServer('--secure-port=0')
  session = connect(`https://127.0.0.1:${http.port}`, { rejectUnauthorized: false })
  const watch = session.request({ ':path': `${CONFIG_MAPS}?watch=1`, authorization: `Bearer ${ADMIN}` })
  watch.resume()
  await new Promise((resolve) => watch.once('response', resolve))
  const over = Promise.all([
    new Promise((resolve) => watch.once('end', resolve)),
    new Promise((resolve) => session.once('close', resolve)),
  ])
  await http.stop()
  await over
})

test('--disable-http2-serving leaves HTTP/1.1', async () => {
  http = await startHttpServer('--secure-port=0', '--disable-http2-serving')
  expect(await negotiate(['h2', 'http/1.1'])).toBe('http/1.1')
  await http.stop()
})
