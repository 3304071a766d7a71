import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { CONFIG_MAPS, configMap, type HttpServer, head, RawConnection, startHttpServer } from '../suites/http-server.ts'

const BODY = configMap('last')
const POST = head('POST', CONFIG_MAPS, { 'content-type': 'application/json', 'content-length': BODY.length })

describe('close', () => {
  let http: HttpServer
  let folder: string | undefined

  afterEach(async () => {
    await http.stop()
    if (folder) await rm(folder, { recursive: true, force: true })
    folder = undefined
  })

  async function get(path: string): Promise<string> {
    const connection = await RawConnection.open(http.port)
    connection.write(head('GET', path, { connection: 'close' }))
    return await connection.closed()
  }

  test('readyz fails first, on its check `shutdown`, while requests are served on', async () => {
    http = await startHttpServer('--shutdown-delay-duration=500ms')
    expect(await get('/readyz/shutdown')).toMatch(/^HTTP\/1\.1 200 OK/)
    const closed = http.server.close()
    expect(await get('/readyz')).toMatch(
      /^HTTP\/1\.1 500 [\s\S]*\[-\]shutdown failed: reason withheld\nreadyz check failed\n$/,
    )
    expect(await get('/readyz/shutdown')).toMatch(/internal server error: process is shutting down\n$/)
    expect(await get('/livez')).toMatch(/^HTTP\/1\.1 200 OK/)
    expect(await get('/version')).toMatch(/^HTTP\/1\.1 200 OK/)
    await closed
  })

  test('a request that is under way is finished, then its connection closed', async () => {
    http = await startHttpServer()
    const connection = await RawConnection.open(http.port)
    connection.write(POST + BODY.slice(0, 10))
    await seated()
    const closed = http.server.close()
    await refusesConnections()
    connection.write(BODY.slice(10))
    expect(await connection.closed()).toMatch(/^HTTP\/1\.1 201 Created/)
    await closed
  })

  test('a watch ends with its last chunk', async () => {
    http = await startHttpServer()
    const connection = await RawConnection.open(http.port)
    connection.write(head('GET', `${CONFIG_MAPS}?watch=1`))
    await connection.until(/^HTTP\/1\.1 200 OK/)
    await http.server.close()
    expect(await connection.closed()).toMatch(/\r\n\r\n0\r\n\r\n$/)
  })

  test('an idle connection is closed', async () => {
    http = await startHttpServer()
    const connection = await RawConnection.open(http.port)
    connection.write(head('GET', '/version'))
    await connection.until(/gitVersion[\s\S]*}\n$/)
    await http.server.close()
    await connection.closed()
  })

  test('what does not end within the time that requests have is broken off', async () => {
    http = await startHttpServer('--request-timeout=300ms')
    const connection = await RawConnection.open(http.port)
    connection.write(POST + BODY.slice(0, 10))
    await seated()
    await http.server.close()
    await connection.closed()
  })

  test('the store is closed last: what was answered is on disk', async () => {
    folder = await mkdtemp(join(tmpdir(), 'kubemu-shutdown-'))
    http = await startHttpServer(`--data-dir=${folder}`)
    const connection = await RawConnection.open(http.port)
    connection.write(POST + BODY.slice(0, 10))
    await seated()
    const closed = http.server.close()
    connection.write(BODY.slice(10))
    expect(await connection.closed()).toMatch(/^HTTP\/1\.1 201 Created/)
    await closed
    http = await startHttpServer(`--data-dir=${folder}`)
    expect(await get(`${CONFIG_MAPS}/last`)).toMatch(/^HTTP\/1\.1 200 OK/)
  })

  /** Resolves once the server has the head of one request that changes something. */
  async function seated(): Promise<void> {
    const line = /apiserver_current_inflight_requests\{request_kind="mutating"\} 1\n/
    await expect.poll(() => get('/metrics')).toMatch(line)
  }

  async function refusesConnections(): Promise<void> {
    await expect
      .poll(() =>
        RawConnection.open(http.port).then(
          () => 'open',
          () => 'refused',
        ),
      )
      .toBe('refused')
  }
})

describe('signals', () => {
  let child: ChildProcess

  afterEach(() => child.kill('SIGKILL'))

  /** A server in a process of its own; resolves with its port. */
  async function start(): Promise<number> {
    const main = join(import.meta.dirname, '../../src/cli/main.ts')
    child = spawn(process.execPath, ['--import', 'tsx', main, 'apiserver', '--memory', '--insecure-port=0'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    return await new Promise((resolve) => {
      child.stdout!.on('data', (chunk: Buffer) => {
        text += chunk.toString()
        const found = /"url":"http:\/\/127\.0\.0\.1:(\d+)"/.exec(text)
        if (found) resolve(Number(found[1]))
      })
    })
  }

  const ended = (): Promise<readonly [number | null, NodeJS.Signals | null]> =>
    new Promise((resolve) => child.once('exit', (code, signal) => resolve([code, signal])))

  test('SIGTERM once: finishes and exits with 0; twice: ends at once', { timeout: 120_000 }, async () => {
    let port = await start()
    let end = ended()
    child.kill('SIGTERM')
    expect(await end).toEqual([0, null])

    port = await start()
    const connection = await RawConnection.open(port)
    // This server knows no tokens: with one the request would be refused at once.
    connection.write(POST.replace(/authorization: .*\r\n/, '') + BODY.slice(0, 10))
    // What came first has been read once what comes after it is answered.
    for (let i = 0; i < 3; i++) await fetch(`http://127.0.0.1:${port}/healthz`)
    end = ended()
    child.kill('SIGTERM')
    await expect.poll(() => connected(port), { timeout: 10_000 }).toBe(false)
    expect(child.exitCode).toBeNull()
    child.kill('SIGTERM')
    expect(await end).toEqual([143, null])
  })

  const connected = (port: number): Promise<boolean> =>
    RawConnection.open(port).then(
      (connection) => {
        connection.socket.destroy()
        return true
      },
      () => false,
    )
})
