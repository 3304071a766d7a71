import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { gunzipSync, gzipSync } from 'node:zlib'
import supertest from 'supertest'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import WebSocket, { WebSocketServer } from 'ws'
import { ADMIN_TOKEN, startTestServer, type TestServer } from '../suites/server.ts'

/** Nothing is proxied to loopback addresses: the backend has to be at one that others can reach. */
const ADDRESS = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address

const PODS = '/api/v1/namespaces/default/pods'
const SERVICES = '/api/v1/namespaces/default/services'

interface Received {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** What the API server hands on to servers of pods that run on real nodes. */
describe.skipIf(ADDRESS === undefined)('proxies to real servers', () => {
  let server: TestServer
  let backend: Server
  let port: number
  const received: Received[] = []
  const sockets = new Set<Socket>()
  /** Ends of requests that the backend saw break. */
  let broken = 0
  let isStopped = false

  beforeAll(async () => {
    server = await startTestServer()
    backend = createServer((request, response) => void answer(request, response))
    backend.on('connection', (socket) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    })
    const echo = new WebSocketServer({ noServer: true, handleProtocols: (protocols) => [...protocols][0] ?? false })
    backend.on('upgrade', (request, socket, head) => {
      if (request.url === '/no-upgrade') {
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno')
        return
      }
      if (request.url === '/refuses-upgrade') {
        socket.end('HTTP/1.1 418 Short And Stout\r\nContent-Length: 6\r\nX-Pot: tea\r\n\r\nteapot')
        return
      }
      received.push({ method: 'UPGRADE', url: request.url!, headers: request.headers, body: '' })
      echo.handleUpgrade(request, socket, head, (client) => {
        client.on('message', (data, isBinary) => client.send(data, { binary: isBinary }))
        client.on('close', () => broken++)
      })
    })
    await new Promise<void>((resolve) => backend.listen(0, ADDRESS, resolve))
    port = (backend.address() as AddressInfo).port
    await created(`${PODS.replace('/pods', '')}/serviceaccounts`, { metadata: { name: 'default' } })
    await created('/api/v1/nodes', { metadata: { name: 'real' } })
    await makePod('web', ADDRESS!)
    await makePod('lost', ADDRESS!)
    await makePod('inside', '127.0.0.1')
    const ports = [
      { name: 'http', port: 80, targetPort: port },
      { name: 'other', port: 81 },
    ]
    await created(SERVICES, { metadata: { name: 'web' }, spec: { ports } })
    await created(SERVICES, { metadata: { name: 'empty' }, spec: { ports: [{ port: 80 }] } })
    await created(SERVICES, { metadata: { name: 'none' }, spec: { ports: [{ port: 80 }] } })
    await created('/api/v1/namespaces/default/endpoints', { metadata: { name: 'empty' } })
    await created('/api/v1/namespaces/default/endpoints', {
      metadata: { name: 'web' },
      subsets: [
        {
          addresses: [
            { ip: '203.0.113.9' },
            { ip: '203.0.113.8', targetRef: { kind: 'Pod', namespace: 'default', name: 'gone' } },
            { ip: '203.0.113.7', targetRef: { kind: 'Pod', namespace: 'default', name: 'web' } },
            { ip: ADDRESS, targetRef: { kind: 'Pod', namespace: 'default', name: 'web' } },
          ],
          ports: [{ name: 'http', port }],
        },
      ],
    })
  })

  afterAll(async () => {
    for (const socket of sockets) socket.destroy()
    backend?.close()
    if (!isStopped) await server?.stop()
  })

  async function created(path: string, object: object): Promise<void> {
    const { status, body } = await supertest(server.url)
      .post(path)
      .set('authorization', `Bearer ${ADMIN_TOKEN}`)
      .send(object)
    expect([status, body.message]).toEqual([201, undefined])
  }

  async function makePod(name: string, podIP: string): Promise<void> {
    const ports = [{ name: 'web', containerPort: name === 'lost' ? 1 : port }]
    const spec = { nodeName: 'real', containers: [{ name: 'main', image: 'web', ports }] }
    await created(PODS, { metadata: { name }, spec })
    const { status } = await supertest(server.url)
      .patch(`${PODS}/${name}/status`)
      .set('authorization', `Bearer ${ADMIN_TOKEN}`)
      .set('content-type', 'application/merge-patch+json')
      .send({ status: { podIP, podIPs: [{ ip: podIP }] } })
    expect(status).toBe(200)
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request
    request.on('close', () => {
      if (!response.writableEnded) broken++
    })
    if (url.startsWith('/hang')) {
      received.push({ method, url, headers, body: '' })
      return
    }
    if (url.startsWith('/drop')) {
      response.socket?.destroy()
      return
    }
    if (url.startsWith('/half')) {
      response.writeHead(200, { 'content-length': 100 })
      response.write('half')
      setImmediate(() => response.socket?.destroy())
      return
    }
    const parts: Buffer[] = []
    try {
      for await (const part of request) parts.push(part as Buffer)
    } catch {
      return
    }
    received.push({ method, url, headers, body: Buffer.concat(parts).toString() })
    const page = `<a href="/x/y?q=1">a</a><a href='http://${ADDRESS}:${port}/z/'>b</a><a href="http://elsewhere/">c</a>`
    if (url.startsWith('/page')) {
      const isZipped = url.includes('gzip')
      response.writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        'content-length': isZipped ? gzipSync(page).length : page.length,
        ...(isZipped ? { 'content-encoding': 'gzip' } : {}),
        'access-control-allow-origin': '*',
        'set-cookie': ['a=1', 'b=2'],
      })
      response.end(isZipped ? gzipSync(page) : page)
      return
    }
    if (url.startsWith('/redirect')) {
      response.writeHead(302, { location: new URLSearchParams(url.split('?')[1]).get('to')! })
      response.end()
      return
    }
    if (url.startsWith('/large-head')) {
      response.writeHead(200, { 'x-large': 'x'.repeat(2 << 20) })
      response.end()
      return
    }
    if (url.startsWith('/trailer')) {
      response.writeHead(200, { trailer: 'x-sum' })
      response.write('text')
      response.addTrailers({ 'x-sum': '4' })
      response.end()
      return
    }
    response.writeHead(url.startsWith('/teapot') ? 418 : 200, { 'content-type': 'text/plain', 'x-own': 'yes' })
    response.end(`${method} ${url}`)
  }

  const ask = (method: 'get' | 'post' | 'put' | 'patch' | 'delete' | 'head' | 'options', path: string) =>
    supertest(server.url)[method](path).set('authorization', `Bearer ${ADMIN_TOKEN}`)

  test('a request goes through with its method, path, query and body', async () => {
    for (const method of ['post', 'put', 'patch', 'delete'] as const) {
      const { status, text, headers } = await ask(method, `${SERVICES}/web:http/proxy/a/b%20c/?x=1&path=y&dryrun=`)
        .set('content-type', 'application/x-anything')
        .send('some body')
      expect([status, text]).toEqual([200, `${method.toUpperCase()} /a/b%20c/?x=1&path=y&dryrun=`])
      expect(headers).toMatchObject({ 'x-own': 'yes', 'content-type': 'text/plain' })
      expect(received.at(-1)!.body).toBe('some body')
    }
    expect((await ask('get', `${PODS}/web/proxy/a`)).text).toBe('GET /a')
    expect((await ask('head', `${PODS}/web/proxy/a`)).headers['x-own']).toBe('yes')
    expect((await ask('options', `${PODS}/web/proxy/a`)).text).toBe('OPTIONS /a')
    expect((await ask('get', `${PODS}/web/proxy/teapot`)).status).toBe(418)
  })

  test('the backend hears of the client, and nothing of its credentials', async () => {
    await ask('get', `${SERVICES}/web:80/proxy/who`)
      .set('impersonate-user', 'admin')
      .set('impersonate-group', 'system:masters')
      .set('x-remote-user', 'forged')
      .set('x-forwarded-for', '198.51.100.1')
      .set('connection', 'x-private, close')
      .set('x-private', 'between us')
      .set('cookie', 'session=1')
    const { headers } = received.at(-1)!
    expect(headers).toMatchObject({
      'x-forwarded-uri': `${SERVICES}/web:80/proxy/who`,
      'x-forwarded-for': '198.51.100.1, 127.0.0.1',
      host: server.url.replace('http://', ''),
      cookie: 'session=1',
    })
    for (const name of ['authorization', 'impersonate-user', 'impersonate-group', 'x-remote-user', 'x-private']) {
      expect(headers).not.toHaveProperty(name)
    }
  })

  test('ports are found by number, by name, or as the first of the pod', async () => {
    for (const id of ['web', `web:${port}`, `http:web:${port}`, 'web:web']) {
      expect((await ask('get', `${PODS}/${id}/proxy/x`)).text).toBe('GET /x')
    }
    for (const id of ['web:http', 'web:80', 'http:web:80', ':web:80']) {
      expect([id, (await ask('get', `${SERVICES}/${id}/proxy/x`)).text]).toEqual([id, 'GET /x'])
    }
  })

  test('what can not be found is refused in upstream’s words', async () => {
    const cases = [
      [`${SERVICES}/web/proxy/`, 503, 'no endpoints available for service "web"'],
      [`${SERVICES}/web:other/proxy/`, 503, 'no endpoints available for service "web:other"'],
      [`${SERVICES}/web:9/proxy/`, 503, 'no service port 9 found for service "web"'],
      [`${SERVICES}/empty/proxy/`, 503, 'no endpoints available for service "empty"'],
      [`${SERVICES}/none/proxy/`, 404, 'services "none" not found'],
      [`${SERVICES}/nope:80/proxy/`, 404, 'services "nope" not found'],
      [`${SERVICES}/ftp:web:80/proxy/`, 400, 'invalid service request "ftp:web:80"'],
      [`${SERVICES}/a:b:c:d/proxy/`, 400, 'invalid service request "a:b:c:d"'],
      [`${PODS}/nope/proxy/`, 404, 'pods "nope" not found'],
      [`${PODS}/ftp:web:80/proxy/`, 400, 'invalid pod request "ftp:web:80"'],
      [`${PODS}/inside/proxy/`, 400, 'address not allowed'],
      [`${PODS}/lost/proxy/`, 503, `error trying to reach service: dial tcp ${ADDRESS}:1: connect: connection refused`],
      ['/api/v1/nodes/nope/proxy/', 404, 'nodes "nope" not found'],
      ['/api/v1/nodes/real/proxy/', 500, 'no preferred addresses found; known addresses: []'],
      ['/api/v1/nodes/https::/proxy/', 400, 'invalid node request "https::"'],
    ] as const
    for (const [path, code, message] of cases) {
      const { status, body } = await ask('get', path)
      expect([path, status, body.message]).toEqual([path, code, message])
    }
    expect((await ask('get', `${SERVICES}/empty/proxy/`)).body.reason).toBe('ServiceUnavailable')
  })

  test('no method but those of discovery, no dry run', async () => {
    const { status } = await ask('get', `${PODS}/web/proxy/x?dryRun=All`)
    expect(status).toBe(400)
    expect(await raw(`TRACE ${PODS}/web/proxy/x HTTP/1.1`)).toMatch(/^HTTP\/1\.1 405 /)
  })

  test('rules are about the subresource proxy, with the verb of the method', async () => {
    const { status, body } = await supertest(server.url)
      .delete(`${SERVICES}/web:http/proxy/x`)
      .set('authorization', 'Bearer jane-token-0002')
    expect([status, body.message]).toEqual([
      403,
      'services "web:http" is forbidden: User "jane" cannot delete resource "services/proxy" in API group "" in the namespace "default"',
    ])
  })

  test('without a path: redirected to the one with a slash', async () => {
    const { status, headers } = await ask('get', `${SERVICES}/web:80/proxy?x=1`).redirects(0)
    expect([status, headers['location']]).toEqual([301, `${SERVICES}/web:80/proxy/?x=1`])
    expect((await ask('post', `${SERVICES}/web:80/proxy`)).text).toBe('POST /')
    expect((await ask('get', `${SERVICES}/web:80/proxy/`)).text).toBe('GET /')
  })

  test('links of pages lead through the proxy, and so do redirects', async () => {
    const at = `${SERVICES}/web:80/proxy`
    const page = `<a href="${at}/x/y?q=1">a</a><a href="${at}/z/">b</a><a href="http://elsewhere/">c</a>`
    const { text, headers } = await ask('get', `${at}/page`)
    expect(text).toBe(page)
    expect(headers['content-length']).toBeUndefined()
    expect(headers['access-control-allow-origin']).toBeUndefined()
    expect(headers['set-cookie']).toEqual(['a=1', 'b=2'])
    expect((await ask('get', `${at}/page?gzip`)).text).toBe(page)
    const zipped = await raw(`GET ${at}/page?gzip HTTP/1.0\r\nAccept-Encoding: gzip`)
    expect(gunzipSync(Buffer.from(zipped.slice(zipped.indexOf('\r\n\r\n') + 4), 'latin1')).toString()).toBe(page)
    const redirected = async (to: string) =>
      (await ask('get', `${at}/redirect?to=${encodeURIComponent(to)}`).redirects(0)).headers['location']
    expect(await redirected('/next/')).toBe(`${at}/next/`)
    expect(await redirected(`http://${ADDRESS}:${port}/next?a=b`)).toBe(`${at}/next?a=b`)
    expect(await redirected('next')).toBe('next')
    expect(await redirected('https://elsewhere/next')).toBe('https://elsewhere/next')
    expect(await redirected(`${at}/already`)).toBe(`${at}/already`)
  })

  test('trailers come through', async () => {
    const answer = await raw(`GET ${PODS}/web/proxy/trailer HTTP/1.1`)
    expect(answer).toMatch(/text\r\n0\r\nx-sum: 4\r\n/i)
  })

  test('a path can not climb above the root of its backend', async () => {
    for (const path of [
      '/../../secrets',
      '/%2e%2e/%2e%2e/secrets',
      '/..%2f..%2fsecrets',
      '/a/..%2F..%2F..%2Fsecrets',
    ]) {
      expect(await raw(`GET ${SERVICES}/web:80/proxy${path} HTTP/1.0`)).toMatch(/GET \/secrets$/)
    }
    expect(await raw(`GET ${SERVICES}/web:80/proxy/a//b/./c HTTP/1.0`)).toMatch(/GET \/a\/b\/c$/)
    expect(await raw(`GET ${SERVICES}/web:80/proxy/%0d%0aX-Evil:%201 HTTP/1.0`)).toMatch(/GET \/%0D%0AX-Evil:%201$/)
  })

  test('large bodies are not kept: they pass as they come', async () => {
    const body = 'x'.repeat(5 * 1024 * 1024)
    const { status } = await ask('post', `${PODS}/web/proxy/upload`).set('content-type', 'text/plain').send(body)
    expect([status, received.at(-1)!.body.length]).toEqual([200, body.length])
  })

  test('a backend that drops the connection: 503; half an answer breaks off', async () => {
    const { status, body } = await ask('get', `${PODS}/web/proxy/drop`)
    expect([status, body.message]).toEqual([503, 'error trying to reach service: EOF'])
    await expect(ask('get', `${PODS}/web/proxy/half`)).rejects.toThrow(/aborted|socket hang up/)
    expect((await ask('get', `${PODS}/web/proxy/large-head`)).status).toBe(503)
  })

  test('a client that leaves ends the request of a backend that hangs', async () => {
    const before = broken
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    socket.write(head(`GET ${PODS}/web/proxy/hang?leave HTTP/1.1`))
    await vi.waitFor(() => expect(received.at(-1)!.url).toBe('/hang?leave'), { timeout: 10_000 })
    socket.destroy()
    await vi.waitFor(() => expect(broken).toBeGreaterThan(before), { timeout: 10_000 })
  })

  test('a body that is cut off reaches the backend as a broken one', async () => {
    const [before, seen] = [broken, received.length]
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    socket.write(head(`POST ${PODS}/web/proxy/cut HTTP/1.1\r\nContent-Length: 1000`))
    socket.write('only this')
    await vi.waitFor(() => expect(sockets.size).toBeGreaterThan(0), { timeout: 10_000 })
    socket.destroy()
    await vi.waitFor(() => expect(broken).toBeGreaterThan(before), { timeout: 10_000 })
    expect(received.length).toBe(seen)
  })

  test('headers that are too large are refused before they go anywhere', async () => {
    const answer = await raw(`GET ${PODS}/web/proxy/x HTTP/1.1\r\nX-Large: ${'x'.repeat(2 << 20)}`)
    expect(answer).toMatch(/^HTTP\/1\.1 431 /)
  })

  test('a WebSocket goes through in both directions', async () => {
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}${SERVICES}/web:80/proxy/echo`, ['chat'], {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    })
    const messages: string[] = []
    socket.on('message', (data: Buffer) => messages.push(data.toString()))
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    expect(socket.protocol).toBe('chat')
    socket.send('one')
    socket.send('two')
    await vi.waitFor(() => expect(messages).toEqual(['one', 'two']), { timeout: 10_000 })
    const { headers, url } = received.at(-1)!
    expect([url, headers['authorization'], headers['x-forwarded-for']]).toEqual(['/echo', undefined, '127.0.0.1'])
    const before = broken
    socket.terminate()
    await vi.waitFor(() => expect(broken).toBeGreaterThan(before), { timeout: 10_000 })
  })

  test('a backend that does not speak the protocol: its own error, or 500', async () => {
    const upgrade = (path: string): Promise<string> =>
      raw(
        `GET ${PODS}/web/proxy${path} HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==`,
      )
    expect(await upgrade('/no-upgrade')).toMatch(/^HTTP\/1\.1 500 [\s\S]*invalid upgrade response: status code 200/)
    expect(await upgrade('/refuses-upgrade')).toMatch(/^HTTP\/1\.1 418 [\s\S]*x-pot: tea[\s\S]*teapot/i)
  })

  test('over HTTP/2 as over HTTP/1.1: bodies of any length, pages, answers that break off', async () => {
    const session = connectHttp2(server.tlsUrl, { rejectUnauthorized: false })
    const ask2 = (method: string, path: string, body?: readonly string[]) =>
      new Promise<{ status: number; text: string; ended: boolean }>((resolve) => {
        const stream = session.request({
          ':method': method,
          ':path': path,
          authorization: `Bearer ${ADMIN_TOKEN}`,
        })
        let status = 0
        let text = ''
        let ended = false
        stream.setEncoding('utf8')
        stream.on('response', (headers) => {
          status = headers[':status'] ?? 0
        })
        stream.on('data', (part: string) => {
          text += part
        })
        stream.on('end', () => {
          ended = !stream.aborted
        })
        stream.on('error', () => {})
        stream.on('close', () => resolve({ status, text, ended: ended && stream.rstCode === 0 }))
        for (const part of body ?? []) stream.write(part)
        stream.end()
      })
    const posted = await ask2('POST', `${PODS}/web/proxy/form`, ['one ', 'two'])
    expect([posted.status, posted.text, received.at(-1)!.body]).toEqual([200, 'POST /form', 'one two'])
    expect(received.at(-1)!.headers).toMatchObject({ host: server.tlsUrl.replace('https://', '') })
    expect((await ask2('GET', `${PODS}/web/proxy/page`)).text).toContain(`<a href="${PODS}/web/proxy/x/y?q=1">`)
    expect(await ask2('GET', `${PODS}/web/proxy/drop`)).toMatchObject({ status: 503 })
    expect(await ask2('GET', `${PODS}/web/proxy/half`)).toMatchObject({ status: 200, ended: false })
    session.close()
  })

  test('the old paths are not there', async () => {
    expect((await ask('get', `/api/v1/proxy/namespaces/default/services/web:80/`)).status).toBe(404)
    expect((await ask('get', `/api/v1/proxy/nodes/real/`)).status).toBe(404)
  })

  test('a server that stops does not wait for a backend that hangs; nothing of all this was an error', async () => {
    const before = broken
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    socket.on('error', () => {})
    socket.write(head(`GET ${PODS}/web/proxy/hang?stop HTTP/1.1`))
    await vi.waitFor(() => expect(received.at(-1)!.url).toBe('/hang?stop'), { timeout: 10_000 })
    await server.stop()
    isStopped = true
    await vi.waitFor(() => expect(broken).toBeGreaterThan(before), { timeout: 10_000 })
    expect(server.errors).toEqual([])
  })

  const head = (request: string): string => `${request}\r\nHost: test\r\nAuthorization: Bearer ${ADMIN_TOKEN}\r\n\r\n`

  /** The answer to a request that is sent as it is. */
  function raw(request: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
      let text = ''
      socket.setEncoding('latin1')
      socket.on('data', (part: string) => {
        text += part
        // Connections stay open for more; what is wanted is there by then.
        if (/\r\n0\r\n(.+\r\n)*\r\n$/.test(text) || /}\n$|teapot$/.test(text)) socket.destroy()
      })
      socket.on('close', () => resolve(text))
      socket.on('error', reject)
      socket.write(head(request))
    })
  }
})
