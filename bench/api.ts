/** `npm run bench -- api`: drives a server over TLS from a second process. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { LoadKind, LoadResult, LoadTask } from './api-load.ts'
import type { FloorTask } from './floor.ts'
import { type Headline, type Report, round, type Table } from './report.ts'

const root = join(import.meta.dirname, '..')
const TOKEN = 'bench-token'
/** Clock ticks of /proc/<pid>/stat per second. */
const TICKS = 100
/** Of each kind of request, before anything is measured: JavaScript is compiled while it runs. */
const WARM_UP_SECONDS = 3
const PAGE_BYTES = 4096
/** What GET of the Pod answers. */
const FLOOR_BYTES = 7590

interface Server {
  readonly process: ChildProcess
  readonly port: number
  readonly caFile: string | undefined
}

interface ApiServer extends Server {
  readonly readyMs: number
}

interface Row {
  readonly what: string
  readonly kind: LoadKind
  readonly connections: number
}

const ROWS: readonly Row[] = [
  ...[1, 16, 64].map((connections) => ({
    what: 'create ConfigMap of 1 KB',
    kind: 'create-configmap' as const,
    connections,
  })),
  ...[1, 16, 64].map((connections) => ({
    what: 'update ConfigMap of 1 KB',
    kind: 'update-configmap' as const,
    connections,
  })),
  ...[1, 16, 64].map((connections) => ({ what: 'create Pod of 3 KB', kind: 'create-pod' as const, connections })),
  ...[1, 16, 64].map((connections) => ({ what: 'merge patch of a Pod', kind: 'patch-pod' as const, connections })),
  ...[1, 16, 64].map((connections) => ({ what: 'GET one Pod', kind: 'get-pod' as const, connections })),
]

export async function measure({ quick }: { readonly quick: boolean }): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'kubemu-bench-'))
  const server = await start(folder)
  try {
    const tables = await tablesOf(server, quick ? 1 : 5)
    const conditions = `Server on LevelDB (\`sync\`), ${server.caFile ? 'TLS, ' : ''}HTTP/1.1, JSON.`
    return { tables, conditions, headlines: headlinesOf(tables) }
  } finally {
    server.process.kill('SIGTERM')
    await new Promise((resolve) => server.process.once('exit', resolve))
    rmSync(folder, { recursive: true, force: true })
  }
}

function headlinesOf([requests, lists, others]: readonly Table[]): Headline[] {
  const own = new Set(ROWS.map(({ what }) => what))
  return [
    ...requests!.rows
      .filter(([what, connections]) => own.has(what!) && connections === '64')
      .map(
        ([what, , perSecond, , , cpu]): Headline => [`${what}, 64 connections`, `${perSecond}/s (${cpu} µs CPU each)`],
      ),
    [lists!.title, `${lists!.rows[0]![1]} ms`],
    ...others!.rows.map(([what, figure]): Headline => [what!, figure!]),
  ]
}

/** What the same bytes cost from servers that do nothing but send them. */
const FLOORS: readonly { readonly what: string; readonly server: FloorTask['server'] }[] = [
  { what: 'GET of as many bytes from a bare `node:https`', server: 'https' },
  { what: 'GET of as many bytes from a bare Fastify', server: 'fastify' },
]

async function start(folder: string): Promise<ApiServer> {
  const tokens = join(folder, 'tokens.csv')
  writeFileSync(tokens, `${TOKEN},bench,bench,"system:masters"\n`)
  const args = ['apiserver', '--secure-port', '0', '--data-dir', join(folder, 'data'), '--token-auth-file', tokens]
  const began = performance.now()
  const { child, url } = await spawnServer([join(root, 'dist/kubemu.mjs'), ...args])
  const caFile = url.protocol === 'https:' ? join(folder, 'data/pki/ca.crt') : undefined
  return { process: child, port: Number(url.port), readyMs: performance.now() - began, caFile }
}

/** Resolves when the process has printed where it listens. */
async function spawnServer(args: readonly string[]): Promise<{ readonly child: ChildProcess; readonly url: URL }> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], cwd: root })
  const url = await new Promise<URL>((resolve, reject) => {
    let text = ''
    child.stdout!.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      const found = /"url":"([^"]+)"/.exec(text)
      if (found) resolve(new URL(found[1]!))
    })
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)))
  })
  return { child, url }
}

async function measureFloors(caFile: string, seconds: number): Promise<string[][]> {
  const pki = dirname(caFile)
  const rows: string[][] = []
  for (const { what, server } of FLOORS) {
    const task: FloorTask = {
      server,
      certFile: join(pki, 'apiserver.crt'),
      keyFile: join(pki, 'apiserver.key'),
      bytes: FLOOR_BYTES,
    }
    const args = ['--import', 'tsx', join(root, 'bench/floor.ts'), JSON.stringify(task)]
    const { child, url } = await spawnServer(args)
    const floor = { process: child, port: Number(url.port), caFile }
    await load(floor, { kind: 'get-pod', connections: 64, seconds: Math.min(seconds, WARM_UP_SECONDS) })
    for (const connections of [1, 16, 64]) {
      const cpu = cpuSeconds(child.pid!)
      const result = await load(floor, { kind: 'get-pod', connections, seconds })
      rows.push([what, String(connections), ...figures(result, cpuSeconds(child.pid!) - cpu)])
    }
    child.kill('SIGTERM')
    await new Promise((resolve) => child.once('exit', resolve))
  }
  return rows
}

async function tablesOf(server: ApiServer, seconds: number): Promise<Table[]> {
  const pid = server.process.pid!
  const startMemory = residentMebibytes(pid)
  const rows: string[][] = []
  for (const kind of new Set(ROWS.map((row) => row.kind))) {
    await load(server, { kind, connections: 64, seconds: Math.min(seconds, WARM_UP_SECONDS) })
  }
  for (const { what, kind, connections } of ROWS) {
    const cpu = cpuSeconds(pid)
    const result = await load(server, { kind, connections, seconds })
    rows.push([what, String(connections), ...figures(result, cpuSeconds(pid) - cpu)])
  }
  if (server.caFile) rows.push(...(await measureFloors(server.caFile, seconds)))
  await load(server, { kind: 'fill-pods', connections: 16, seconds: 0 })
  const fullMemory = residentMebibytes(pid)
  const lists: string[][] = []
  for (const [what, kind] of [
    ['whole', 'list-pods'],
    ['paged by 500', 'list-pods-paged'],
    ['as Table', 'list-pods-table'],
  ] as const) {
    const cpu = cpuSeconds(pid)
    const result = await load(server, { kind, connections: 1, seconds })
    const each = result.requests || 1
    lists.push([
      what,
      round(result.p50Ms),
      round(((cpuSeconds(pid) - cpu) * 1000) / each),
      round(result.bytes / each / 1e6),
    ])
  }
  const fan = await load(server, { kind: 'fan-out', connections: 1000, seconds })
  return [
    {
      title: 'Requests',
      columns: ['what', 'connections', 'per second', 'p50 ms', 'p99 ms', 'server CPU µs per request'],
      rows,
    },
    { title: 'LIST of 10,000 pods of 7 KB', columns: ['how', 'ms', 'server CPU ms', 'MB'], rows: lists },
    {
      title: 'Start, memory, fan-out',
      columns: ['what', 'figure'],
      rows: [
        ['process start to serving, ms', round(server.readyMs)],
        ['resident at start, MiB', round(startMemory)],
        ['resident with 10,000 pods more, MiB', round(fullMemory)],
        ['events/s to 1,000 watchers of one namespace', round(fan.requests / fan.seconds)],
      ],
    },
  ]
}

function figures(result: LoadResult, cpu: number): string[] {
  if (result.failures > 0) throw new Error(`${result.failures} of ${result.requests} requests failed`)
  const perSecond = result.requests / result.seconds
  return [round(perSecond), round(result.p50Ms), round(result.p99Ms), round((cpu * 1e6) / result.requests)]
}

let runs = 0

async function load(server: Server, task: Pick<LoadTask, 'kind' | 'connections' | 'seconds'>): Promise<LoadResult> {
  const { port, caFile } = server
  const full: LoadTask = {
    host: '127.0.0.1',
    port,
    token: TOKEN,
    run: `r${runs++}`,
    ...(caFile ? { caFile } : {}),
    ...task,
  }
  const args = ['--import', 'tsx', join(root, 'bench/api-load.ts'), JSON.stringify(full)]
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, maxBuffer: 1 << 20 })
  return JSON.parse(stdout) as LoadResult
}

/** User and system time of a process, in seconds. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS
}

function residentMebibytes(pid: number): number {
  return (Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES) / 2 ** 20
}
