import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import supertest from 'supertest'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import WebSocket from 'ws'
import { decodeProtobuf } from '../../src/apimachinery/protobuf/decode.ts'
import { ADMIN_TOKEN, startTestServer, type TestServer } from '../suites/server.ts'

const POLL = { timeout: 20_000, interval: 20 }
const MAPS = '/api/v1/namespaces/default/configmaps'
const ORIGIN = 'https://dashboard.example.com'

interface Event {
  readonly type: string
  readonly object: {
    readonly kind: string
    readonly code?: number
    readonly reason?: string
    readonly metadata: {
      readonly name?: string
      readonly resourceVersion: string
      readonly annotations?: Readonly<Record<string, string>>
    }
    readonly data?: Readonly<Record<string, string>>
  }
}

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
})

afterAll(async () => {
  await server?.stop()
})

const api = (method: 'get' | 'post' | 'put' | 'delete', path: string) =>
  supertest(server.url)[method](path).set('authorization', `Bearer ${ADMIN_TOKEN}`)

async function makeMap(name: string, data: Readonly<Record<string, string>> = {}): Promise<string> {
  const { status, body } = await api('post', MAPS).send({ metadata: { name }, data })
  expect(status).toBe(201)
  return body.metadata.resourceVersion
}

interface Watch {
  readonly socket: WebSocket
  readonly messages: (string | Buffer)[]
  readonly events: () => Event[]
  readonly closed: Promise<number>
}

async function watch(
  path: string,
  {
    protocols = [],
    headers = {},
    token = ADMIN_TOKEN,
    origin = ORIGIN,
    of = server,
  }: {
    readonly protocols?: string[]
    readonly headers?: Readonly<Record<string, string>>
    readonly token?: string
    readonly origin?: string
    readonly of?: TestServer
  } = {},
): Promise<Watch> {
  const authorization: Record<string, string> = token === '' ? {} : { authorization: `Bearer ${token}` }
  const url = of.url.replace('http', 'ws') + path
  const socket = new WebSocket(url, protocols, { origin, headers: { ...authorization, ...headers } })
  const messages: (string | Buffer)[] = []
  socket.on('message', (data: Buffer, isBinary) => messages.push(isBinary ? data : data.toString()))
  const closed = new Promise<number>((resolve) => socket.on('close', resolve))
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
    socket.once('unexpected-response', (_request, response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      response.on('end', () => reject(new Refused(response, text)))
    })
  })
  return { socket, messages, closed, events: () => messages.map((message) => JSON.parse(String(message))) }
}

class Refused extends Error {
  readonly status: number | undefined
  readonly headers: IncomingMessage['headers']

  constructor({ statusCode, headers }: IncomingMessage, text: string) {
    super(text)
    this.status = statusCode
    this.headers = headers
  }
}

const shown = ({ type, object }: Event): string => `${type} ${object.kind} ${object.metadata.name ?? ''}`.trim()

async function openWatches(): Promise<number> {
  const { text } = await api('get', '/metrics')
  const lines = text.matchAll(/^apiserver_longrunning_requests\{[^}]*verb="WATCH"[^}]*\} (\d+)$/gm)
  return [...lines].reduce((sum, [, value]) => sum + Number(value), 0)
}

describe('watches over WebSocket', () => {
  test('an event is a text message, as it is a line over HTTP', async () => {
    const from = await makeMap('first')
    const { socket, messages, events, closed } = await watch(`${MAPS}?watch=true&resourceVersion=${from}`)
    expect(socket.protocol).toBe('')
    await makeMap('second', { key: 'größer' })
    await api('put', `${MAPS}/second`).send({ metadata: { name: 'second' }, data: { key: 'b' } })
    await api('delete', `${MAPS}/second`)
    await vi.waitFor(() => expect(messages.length).toBe(3), POLL)
    expect(events().map(shown)).toEqual([
      'ADDED ConfigMap second',
      'MODIFIED ConfigMap second',
      'DELETED ConfigMap second',
    ])
    expect(events()[0]!.object.data).toEqual({ key: 'größer' })
    expect(messages.every((message) => typeof message === 'string' && /^{"type".*}\n$/.test(message))).toBe(true)
    socket.close(1000)
    expect(await closed).toBe(1000)
  })

  test('the old paths, single objects, what is there already, bookmarks', async () => {
    await makeMap('old')
    const single = await watch(`/api/v1/watch/namespaces/default/configmaps/old?resourceVersion=0`)
    await vi.waitFor(() => expect(single.events().map(shown)).toEqual(['ADDED ConfigMap old']), POLL)
    single.socket.terminate()
    const initial = await watch(
      `${MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&fieldSelector=metadata.name%3Dold`,
    )
    await vi.waitFor(() => expect(initial.messages.length).toBe(2), POLL)
    expect(initial.events().map(shown)).toEqual(['ADDED ConfigMap old', 'BOOKMARK ConfigMap'])
    expect(initial.events()[1]!.object.metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' })
    initial.socket.terminate()
  })

  test('a browser names its token in a subprotocol, and one that is answered', async () => {
    const token = `base64url.bearer.authorization.k8s.io.${Buffer.from(ADMIN_TOKEN).toString('base64url')}`
    const { socket, events } = await watch(`${MAPS}?watch=true&resourceVersion=0`, {
      protocols: ['base64.binary.k8s.io', token],
      token: '',
    })
    expect(socket.protocol).toBe('base64.binary.k8s.io')
    await vi.waitFor(() => expect(events().map(shown)).toContain('ADDED ConfigMap old'), POLL)
    socket.terminate()
    await expect(watch(`${MAPS}?watch=true`, { protocols: [token], token: '' })).rejects.toMatchObject({ status: 401 })
  })

  test('protobuf comes in binary messages, without a length in front', async () => {
    const { socket, messages } = await watch(`${MAPS}?watch=true&resourceVersion=0&fieldSelector=metadata.name%3Dold`, {
      headers: { accept: 'application/vnd.kubernetes.protobuf;stream=watch' },
    })
    await vi.waitFor(() => expect(messages.length).toBe(1), POLL)
    const [message] = messages as Buffer[]
    expect(message).toBeInstanceOf(Buffer)
    const at = message!.indexOf('k8s\0')
    // The event names its type in front of the object, which is an envelope of its own.
    expect(message!.subarray(0, at).toString('latin1')).toContain('ADDED')
    expect(decodeProtobuf(message!.subarray(at))).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' })
    socket.terminate()
  })

  test('tables and metadata alone', async () => {
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io'
    const { socket, events } = await watch(`${MAPS}?watch=true&resourceVersion=0`, { headers: { accept } })
    await vi.waitFor(() => expect(events().length).toBeGreaterThan(0), POLL)
    expect(events()[0]).toMatchObject({ type: 'ADDED', object: { kind: 'Table' } })
    socket.terminate()
  })

  test('ends with its time, and with the status 1000', async () => {
    const { closed, messages } = await watch(
      `${MAPS}?watch=true&timeoutSeconds=1&resourceVersion=${await makeMap('late')}`,
    )
    expect(await closed).toBe(1000)
    expect(messages).toEqual([])
  })

  test('what the history does not reach back to is an ERROR event', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'kubemu-watch-'))
    const before = await startTestServer({ dataDir })
    await before.stop()
    const after = await startTestServer({ dataDir })
    try {
      await after.compact()
      const { events, closed } = await watch(`${MAPS}?watch=true&resourceVersion=1`, { of: after })
      expect(await closed).toBe(1000)
      expect(events()).toMatchObject([{ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } }])
    } finally {
      await after.stop()
      await rm(dataDir, { recursive: true, force: true })
    }
  })

  test('what is refused is refused in HTTP', async () => {
    const refusal = (path: string, options: Parameters<typeof watch>[1] = {}) =>
      watch(path, options).then(
        ({ socket }) => socket.terminate(),
        (error: Refused) => [
          error.status,
          error.message.startsWith('{') ? JSON.parse(error.message).message : error.message,
        ],
      )
    const list = `${MAPS}?watch=true`
    expect(await refusal(list, { token: 'jane-token-0002' })).toEqual([
      403,
      'configmaps is forbidden: User "jane" cannot watch resource "configmaps" in API group "" in the namespace "default"',
    ])
    expect(await refusal(list, { token: 'wrong' })).toEqual([401, 'Unauthorized'])
    expect(await refusal(`${list}&resourceVersion=x`)).toEqual([500, expect.stringContaining('x')])
    expect((await refusal(`${list}&labelSelector=%3D%3D`))?.[0]).toBe(400)
    expect((await refusal('/api/v1/namespaces/default/nothing?watch=true'))?.[0]).toBe(404)
    expect(await refusal(list, { protocols: ['one', 'two'] })).toEqual([400, 'missing or bad WebSocket-Protocol'])
    expect(await refusal(list, { origin: 'null' })).toEqual([403, 'null origin'])
    expect((await refusal(list, { headers: { accept: 'application/yaml' } }))?.[0]).toBe(406)
  })

  test('a handshake has to be one', async () => {
    const ask = (head: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
        let text = ''
        socket.setEncoding('utf8')
        socket.on('data', (part: string) => {
          text += part
        })
        socket.on('close', () => resolve(text))
        socket.on('error', reject)
        socket.write(
          `${head}\r\nHost: test\r\nAuthorization: Bearer ${ADMIN_TOKEN}\r\nOrigin: ${ORIGIN}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
        )
      })
    const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
    const get = `GET ${MAPS}?watch=true HTTP/1.1`
    expect(await ask(get)).toMatch(/^HTTP\/1\.1 400 [\s\S]*mismatch challenge\/response/)
    expect(await ask(`${get}\r\n${key}\r\nSec-WebSocket-Version: 8`)).toMatch(
      /^HTTP\/1\.1 400 [\s\S]*sec-websocket-version: 13[\s\S]*missing or bad WebSocket Version/i,
    )
  })

  test('clients that send rubbish, or leave, leave nothing behind', async () => {
    await vi.waitFor(async () => expect(await openWatches()).toBe(0), POLL)
    const chatty = await watch(`${MAPS}?watch=true&resourceVersion=0&fieldSelector=metadata.name%3Dold`)
    for (const message of ['text', '', '{"kind":"ConfigMap"}', Buffer.from([0, 255, 1])]) chatty.socket.send(message)
    chatty.socket.ping()
    await new Promise((resolve) => chatty.socket.once('pong', resolve))
    await api('put', `${MAPS}/old`).send({ metadata: { name: 'old' }, data: { still: 'there' } })
    await vi.waitFor(() => expect(chatty.events().map(shown)).toContain('MODIFIED ConfigMap old'), POLL)
    expect(await openWatches()).toBe(1)
    // A frame that is none: text with a reserved bit, not masked.
    const raw = (chatty.socket as unknown as { readonly _socket: { write(bytes: Buffer): void } })._socket
    raw.write(Buffer.from([0xf1, 0x01, 0x41]))
    await chatty.closed
    const huge = await watch(`${MAPS}?watch=true&resourceVersion=0`)
    huge.socket.send('x'.repeat(8 * 1024 * 1024))
    expect([1006, 1009]).toContain(await huge.closed)
    const gone = await watch(`${MAPS}?watch=true&resourceVersion=0`)
    gone.socket.terminate()
    await vi.waitFor(async () => expect(await openWatches()).toBe(0), POLL)
    expect(server.errors).toEqual([])
  })

  test('who does not read is waited for, and misses nothing', async () => {
    const from = await makeMap('bulk')
    const { socket, messages, events } = await watch(
      `${MAPS}?watch=true&resourceVersion=${from}&fieldSelector=metadata.name%3Dbulk`,
    )
    socket.pause()
    for (let i = 0; i < 16; i++) {
      const data = { i: String(i), fill: 'x'.repeat(512 * 1024) }
      expect((await api('put', `${MAPS}/bulk`).send({ metadata: { name: 'bulk' }, data })).status).toBe(200)
    }
    expect(messages).toEqual([])
    socket.resume()
    await vi.waitFor(() => expect(messages.length).toBe(16), POLL)
    expect(events().map(({ object }) => object.data!['i'])).toEqual(Array.from({ length: 16 }, (_, i) => String(i)))
    socket.terminate()
  })

  test('a list that asks for a WebSocket is a list', async () => {
    const answered = await watch(MAPS).catch((error: Refused) => [error.status, JSON.parse(error.message).kind])
    expect(answered).toEqual([200, 'ConfigMapList'])
  })

  test('a server that stops says goodbye', async () => {
    const own = await startTestServer()
    const socket = new WebSocket(`${own.url.replace('http', 'ws')}${MAPS}?watch=true`, {
      origin: ORIGIN,
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    })
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    const closed = new Promise((resolve) => socket.once('close', resolve))
    await own.stop()
    expect(await closed).toBe(1000)
  })
})
