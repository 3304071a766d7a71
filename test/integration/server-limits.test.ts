import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  ADMIN,
  CONFIG_MAPS,
  configMap,
  type HttpServer,
  head,
  RawConnection,
  startHttpServer,
} from '../suites/http-server.ts'

let http: HttpServer

beforeAll(async () => {
  http = await startHttpServer()
})

afterAll(() => http.stop())

const JSON_TYPE = 'application/json'

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${ADMIN}`, 'content-type': JSON_TYPE, ...init.headers }
  return await fetch(`http://127.0.0.1:${http.port}${path}`, { ...init, headers })
}

async function metric(line: string): Promise<string | undefined> {
  const text = await (await ask('/metrics')).text()
  return text.split('\n').find((l) => l.startsWith(line))
}

describe('heads', () => {
  test('more than a megabyte → 431 in text, connection closed', async () => {
    const connection = await RawConnection.open(http.port)
    connection.write(`GET /version HTTP/1.1\r\nhost: test\r\nx: ${'a'.repeat((1 << 20) + 1)}`)
    const answer = await connection.closed()
    expect(answer).toMatch(/^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/)
    expect(answer).toMatch(/\r\n\r\n431 Request Header Fields Too Large$/)
  })

  test('a long head within the limit is read', async () => {
    const answer = await ask('/version', { headers: { 'x-long': 'a'.repeat(500_000) } })
    expect(answer.status).toBe(200)
  })

  test('more headers than are looked at → 431', async () => {
    const connection = await RawConnection.open(http.port)
    const many = Object.fromEntries(Array.from({ length: 2100 }, (_, i) => [`x-${i}`, 'a']))
    connection.write(head('GET', '/version', many))
    expect(await connection.until(/"code":431/)).toMatch(/^HTTP\/1\.1 431 /)
    connection.socket.destroy()
  })

  test('no HTTP at all → 400 in text, connection closed', async () => {
    const connection = await RawConnection.open(http.port)
    connection.write('HELO example.com\r\n\r\n')
    expect(await connection.closed()).toBe(
      'HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request',
    )
  })
})

describe('bodies', () => {
  test('more than 3 MiB → 413, nothing stored', async () => {
    const body = configMap('large', { x: 'a'.repeat(3 * 1024 * 1024) })
    const connection = await RawConnection.open(http.port)
    connection.write(head('POST', CONFIG_MAPS, { 'content-type': JSON_TYPE, 'content-length': body.length }))
    const answer = await connection.until(/"code":413/)
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect(answer).toContain('"message":"Request entity too large: limit is 3145728","reason":"RequestEntityTooLarge"')
    connection.socket.destroy()
    expect((await ask(`${CONFIG_MAPS}/large`)).status).toBe(404)
  })

  test('more than 3 MiB in chunks → 413', async () => {
    const connection = await RawConnection.open(http.port)
    connection.write(head('POST', CONFIG_MAPS, { 'content-type': JSON_TYPE, 'transfer-encoding': 'chunked' }))
    for (let i = 0; i < 4; i++) connection.write(`100000\r\n${'a'.repeat(0x100000)}\r\n`)
    expect(await connection.until(/"code":413/)).toMatch(/^HTTP\/1\.1 413 /)
    connection.socket.destroy()
  })

  test('a connection that dies within a body leaves no object and no seat taken', async () => {
    const body = configMap('half')
    const connection = await RawConnection.open(http.port)
    connection.write(
      head('POST', CONFIG_MAPS, {
        authorization: 'Bearer jane-token',
        'content-type': JSON_TYPE,
        'content-length': body.length,
      }) + body.slice(0, 20),
    )
    const seats = 'apiserver_flowcontrol_current_executing_requests{priority_level="global-default"'
    await expect.poll(() => metric(seats)).toMatch(/ 1$/)
    connection.socket.destroy()
    await expect.poll(() => metric(seats)).toMatch(/ 0$/)
    expect((await ask(`${CONFIG_MAPS}/half`)).status).toBe(404)
    expect(http.errors).toEqual([])
  })
})

describe('deadlines', () => {
  test('a body that does not come within `timeout` → 504 in upstream’s form, connection closed, nothing stored', async () => {
    const body = configMap('slow')
    const connection = await RawConnection.open(http.port)
    connection.write(
      head('POST', `${CONFIG_MAPS}?timeout=100ms`, { 'content-type': JSON_TYPE, 'content-length': body.length }) +
        body.slice(0, 20),
    )
    const answer = await connection.closed()
    expect(answer).toMatch(/^HTTP\/1\.1 504 Gateway Timeout\r\n/)
    expect(answer).toMatch(/\r\ncontent-type: text\/plain; charset=utf-8\r\n/)
    const [, status = ''] = answer.split('\r\n\r\n')
    expect(JSON.parse(status)).toEqual({
      metadata: {},
      status: 'Failure',
      message: 'Timeout: request did not complete within the allotted timeout',
      reason: 'Timeout',
      details: {},
      code: 504,
    })
    expect((await ask(`${CONFIG_MAPS}/slow`)).status).toBe(404)
    expect(await metric('apiserver_request_terminations_total{verb="POST"')).toMatch(/code="504"} 1$/)
  })

  test('a watch has no deadline of this kind: its `timeout` is not even read', async () => {
    const connection = await RawConnection.open(http.port)
    connection.write(head('GET', `${CONFIG_MAPS}?watch=1&resourceVersion=0&timeout=bad`))
    await connection.until(/^HTTP\/1\.1 200 OK/)
    connection.socket.destroy()
  })

  test('a `timeout` that is none → 400 before anything else', async () => {
    const answer = await ask(`${CONFIG_MAPS}?timeout=abc`, { headers: { authorization: 'Bearer wrong' } })
    expect(answer.status).toBe(400)
    const { message } = (await answer.json()) as { message: string }
    expect(message).toBe('invalid timeout specified in the request URL - time: invalid duration "abc"')
  })
})

test('the server’s own limit: --request-timeout', async () => {
  const strict = await startHttpServer('--request-timeout=300ms')
  try {
    const connection = await RawConnection.open(strict.port)
    connection.write(head('POST', CONFIG_MAPS, { 'content-type': JSON_TYPE, 'content-length': 1000 }))
    expect(await connection.closed()).toMatch(/^HTTP\/1\.1 504 /)
  } finally {
    await strict.stop()
  }
})

test('an answer that was there in time may take longer to arrive', async () => {
  const own = await startHttpServer()
  try {
    const headers = { authorization: `Bearer ${ADMIN}`, 'content-type': JSON_TYPE }
    const url = `http://127.0.0.1:${own.port}${CONFIG_MAPS}`
    for (let i = 0; i < 16; i++) {
      const body = configMap(`fat-${i}`, { value: 'a'.repeat(900_000) })
      expect((await fetch(url, { method: 'POST', headers, body })).status).toBe(201)
    }
    const [response] = (await once(get(`${url}?timeout=500ms`, { headers }), 'response')) as [IncomingMessage]
    // The deadline passes while the answer waits in buffers.
    await new Promise((resolve) => setTimeout(resolve, 800))
    const chunks: Buffer[] = []
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk)
    expect(Buffer.concat(chunks).length).toBe(Number(response.headers['content-length']))
  } finally {
    await own.stop()
  }
})

test('a watcher that never reads is cut off, and nothing is buffered for it', { timeout: 180_000 }, async () => {
  const value = 'a'.repeat(900_000)
  await ask(CONFIG_MAPS, { method: 'POST', body: configMap('fat', { value }) })
  const sockets: Socket[] = []
  http.server.plane.app.server.on('connection', (socket) => sockets.push(socket))
  const connection = await RawConnection.open(http.port)
  connection.write(head('GET', `${CONFIG_MAPS}?watch=1&resourceVersion=0`))
  await connection.until(/"type":"ADDED"/)
  connection.socket.pause()
  const watches = 'apiserver_longrunning_requests{verb="WATCH"'
  expect(await metric(watches)).toMatch(/ 1$/)
  let mostBuffered = 0
  for (let i = 0; i < 170; i++) {
    const body = configMap('fat', { value, round: String(i) })
    expect((await ask(`${CONFIG_MAPS}/fat`, { method: 'PUT', body })).status).toBe(200)
    mostBuffered = Math.max(mostBuffered, ...sockets.map((socket) => socket.writableLength))
  }
  // 150 MB of events: they wait in the window that all watchers share, not in buffers of this one.
  expect(mostBuffered).toBeLessThan(10e6)
  // The window holds 128 MiB of them: what is beyond it has been lost to this watcher.
  await expect.poll(() => metric(watches), { timeout: 20_000, interval: 200 }).toBeUndefined()
})
