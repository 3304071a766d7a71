/** `npm run bench -- http2`: what HTTP/2 and HTTP/1.1 cost the server under the load that Kubernetes' clients make. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type ClientHttp2Session, connect } from 'node:http2'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pod } from './api-objects.ts'
import { type Report, round } from './report.ts'

const root = join(import.meta.dirname, '..')
const PODS = '/api/v1/namespaces/default/pods'
const AUTHORIZATION = 'Bearer bench-token'
const WATCHES = 500
/** Clock ticks of /proc/<pid>/stat per second. */
const TICKS = 100

/** One way to ask: bodies are read and dropped. */
interface Client {
  readonly name: string
  ask(path: string, method?: string, body?: string): Promise<void>
  /** Opens a watch; resolves once it has begun. `onData` sees its bytes. */
  watch(path: string, onData: (chunk: Buffer) => void): Promise<void>
  close(): void
}

function http1(port: number): Client {
  const options = { port, host: '127.0.0.1', rejectUnauthorized: false }
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  const watchAgent = new Agent({ keepAlive: true })
  return {
    name: 'HTTP/1.1',
    ask: (path, method = 'GET', body) =>
      new Promise((resolve, reject) => {
        const headers = { authorization: AUTHORIZATION, 'content-type': 'application/json' }
        const asked = request({ ...options, agent, path, method, headers }, (response) => {
          response.resume()
          response.once('end', () => settle(response.statusCode, resolve, reject))
        })
        asked.once('error', reject)
        asked.end(body)
      }),
    watch: (path, onData) =>
      new Promise((resolve, reject) => {
        const headers = { authorization: AUTHORIZATION }
        const asked = request({ ...options, agent: watchAgent, path, headers }, (response) => {
          response.on('data', onData)
          response.on('error', () => {})
          resolve()
        })
        asked.on('error', reject)
        asked.end()
      }),
    close: () => {
      agent.destroy()
      watchAgent.destroy()
    },
  }
}

function http2(port: number): Client {
  const sessions: ClientHttp2Session[] = []
  let streams = 0
  // As client-go: one connection, and another where a hundred streams are open on it; the windows are Go's.
  const session = (): ClientHttp2Session => {
    if (streams >= 95 * sessions.length) {
      const settings = { initialWindowSize: 4 << 20 }
      const opened = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false, settings })
      opened.once('connect', () => opened.setLocalWindowSize(1 << 30))
      sessions.push(opened)
    }
    return sessions.at(-1)!
  }
  return {
    name: 'HTTP/2',
    ask: (path, method = 'GET', body) =>
      new Promise((resolve, reject) => {
        const headers = { ':path': path, ':method': method, authorization: AUTHORIZATION }
        const stream = session().request({ ...headers, 'content-type': 'application/json' })
        let status: number | undefined
        stream.once('response', (head) => {
          status = head[':status']
        })
        stream.resume()
        stream.once('end', () => settle(status, resolve, reject))
        stream.once('error', reject)
        stream.end(body)
      }),
    watch: (path, onData) =>
      new Promise((resolve, reject) => {
        const stream = session().request({ ':path': path, authorization: AUTHORIZATION })
        streams++
        stream.on('data', onData)
        stream.once('response', () => resolve())
        stream.once('error', reject)
      }),
    close: () => {
      for (const each of sessions) each.destroy()
    },
  }
}

function settle(status: number | undefined, resolve: () => void, reject: (error: Error) => void): void {
  if (status === 200 || status === 201) resolve()
  else reject(new Error(`answered ${status}`))
}

export async function measure({ quick }: { readonly quick: boolean }): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'kubemu-bench-'))
  const rows: string[][] = []
  try {
    for (const protocol of [http1, http2]) rows.push(...(await rowsOf(folder, protocol, quick ? 1 : 5)))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  const table = {
    title: 'HTTP/1.1 and HTTP/2',
    columns: ['what', 'protocol', 'per second', 'server CPU µs each'],
    rows: rows.sort((a, b) => (a[0]! < b[0]! ? -1 : 1)),
  }
  const perSecond = (what: string): string =>
    rows
      .filter((row) => row[0] === what)
      .map(([, protocol, rate]) => `${protocol}: ${rate}/s`)
      .join(', ')
  return {
    tables: [table],
    conditions: 'Server in memory, TLS.',
    headlines: [
      ['GET of a Pod, 64 at once', perSecond('GET of a Pod, 64 at once')],
      [`events to ${WATCHES} watches`, perSecond(`events to ${WATCHES} watches`)],
    ],
  }
}

async function rowsOf(folder: string, protocol: (port: number) => Client, seconds: number): Promise<string[][]> {
  const { process: server, port } = await start(folder)
  const client = protocol(port)
  const row = async (what: string, work: () => Promise<number>): Promise<string[]> => {
    const [cpu, began] = [cpuSeconds(server.pid!), performance.now()]
    const done = await work()
    const elapsed = (performance.now() - began) / 1000
    return [what, client.name, round(done / elapsed), round(((cpuSeconds(server.pid!) - cpu) * 1e6) / done)]
  }
  try {
    for (let i = 0; i < 500; i++) await client.ask(PODS, 'POST', pod(`p${i}`))
    await repeat(64, 1, () => client.ask(`${PODS}/p1`))
    return [
      await row('GET of a Pod, 1 at once', () => repeat(1, seconds, () => client.ask(`${PODS}/p1`))),
      await row('GET of a Pod, 64 at once', () => repeat(64, seconds, () => client.ask(`${PODS}/p1`))),
      await row('LIST of 500 Pods, 4 at once', () => repeat(4, seconds, () => client.ask(PODS))),
      await row(`events to ${WATCHES} watches`, () => fanOut(client, seconds)),
    ]
  } finally {
    client.close()
    server.kill('SIGTERM')
    await new Promise((resolve) => server.once('exit', resolve))
  }
}

/** Does it again and again, so many at once; resolves with how often. */
async function repeat(atOnce: number, seconds: number, work: () => Promise<void>): Promise<number> {
  const end = performance.now() + seconds * 1000
  let done = 0
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (; performance.now() < end; done++) await work()
    }),
  )
  return done
}

/** Updates one object for as long; resolves with the events that all watches together have got. */
async function fanOut(client: Client, seconds: number): Promise<number> {
  let events = 0
  const count = (chunk: Buffer): void => {
    for (const byte of chunk) if (byte === 10) events++
  }
  await Promise.all(
    Array.from({ length: WATCHES }, () => client.watch(`${PODS}?watch=1&fieldSelector=metadata.name%3Dp1`, count)),
  )
  events = 0
  let i = 0
  await repeat(4, seconds, async () => {
    i++
    await client.ask(`${PODS}/p1`, 'PUT', pod('p1').replace('"app":"bench"', `"app":"bench${i}"`))
  })
  return events
}

async function start(folder: string): Promise<{ readonly process: ChildProcess; readonly port: number }> {
  const tokens = join(folder, 'tokens.csv')
  writeFileSync(tokens, 'bench-token,bench,bench,"system:masters"\n')
  // Nobody makes service accounts here.
  const admission = '--disable-admission-plugins=ServiceAccount'
  const args = ['apiserver', '--memory', '--secure-port', '0', '--token-auth-file', tokens, admission]
  const child = spawn(process.execPath, [join(root, 'dist/kubemu.mjs'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const port = await new Promise<number>((resolve, reject) => {
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      const found = /"url":"https:\/\/[^"]+:(\d+)"/.exec(text)
      if (found) resolve(Number(found[1]))
    })
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)))
  })
  return { process: child, port }
}

/** User and system time that a process has used. */
function cpuSeconds(pid: number): number {
  if (process.platform !== 'linux') return Number(execFileSync('ps', ['-o', 'cputimes=', '-p', String(pid)]))
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS
}
