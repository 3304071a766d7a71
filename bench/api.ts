/**
 * `npm run bench -- api`: drives a server over TLS from a second process; and a real kube-apiserver with its etcd after it,
 * the same way, where `KUBEBUILDER_ASSETS` names a folder that holds both, as envtest has it.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { LoadKind, LoadResult, LoadTask } from './api-load.ts'
import type { FloorTask } from './floor.ts'
import { startRealApiServer } from './real-apiserver.ts'
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
  readonly port: number
  readonly caFile: string | undefined
}

/** An API server with whatever it stores in. */
export interface ApiServer extends Server {
  readonly pids: readonly number[]
  readonly readyMs: number
  stop(): Promise<void>
}

/** What was measured of one server; in the order in which a reader sees it. */
interface Measured {
  readonly requests: readonly Figures[]
  /** Milliseconds, CPU milliseconds and megabytes of each way to list. */
  readonly lists: readonly (readonly number[])[]
  readonly readyMs: number
  readonly startMemory: number
  readonly fullMemory: number
  readonly eventsPerSecond: number
}

interface Figures {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly cpuMicroseconds: number
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
  const seconds = quick ? 1 : 5
  try {
    const server = await start(folder)
    const [ours, floors] = await stopped(server, async () => [
      await measured(server, seconds),
      server.caFile ? await measureFloors(server.caFile, seconds) : [],
    ])
    const assets = process.env['KUBEBUILDER_ASSETS']
    let real: Measured | undefined
    if (assets && server.caFile) {
      const other = await startRealApiServer({ folder, assets, pki: dirname(server.caFile), token: TOKEN })
      real = await stopped(other, () => measured(other, seconds))
    }
    const tables = tablesOf(ours, floors, real)
    const conditions = [
      `Server on LevelDB (\`sync\`), ${server.caFile ? 'TLS, ' : ''}HTTP/1.1, JSON.`,
      ...(real ? ['The real kube-apiserver with its etcd was measured right after it in the same way.'] : []),
    ].join(' ')
    return { tables, conditions, headlines: headlinesOf(tables) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function stopped<T>(server: ApiServer, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } finally {
    await server.stop()
  }
}

function headlinesOf([requests, lists, others]: readonly Table[]): Headline[] {
  const own = new Set(ROWS.map(({ what }) => what))
  const beside = (ratio: string | undefined): string => (ratio ? `, ${ratio} the real one` : '')
  return [
    ...requests!.rows
      .filter(([what, connections]) => own.has(what!) && connections === '64')
      .map(
        ([what, , perSecond, , , cpu, , , ratio]): Headline => [
          `${what}, 64 connections`,
          `${perSecond}/s (${cpu} µs CPU each)${beside(ratio)}`,
        ],
      ),
    [lists!.title, `${lists!.rows[0]![1]} ms${beside(lists!.rows[0]![6])}`],
    ...others!.rows.map(([what, figure, , ratio]): Headline => [what!, `${figure}${beside(ratio)}`]),
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
  return {
    pids: [child.pid!],
    port: Number(url.port),
    readyMs: performance.now() - began,
    caFile,
    stop: () => stop(child),
  }
}

async function stop(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM')
  await new Promise((resolve) => child.once('exit', resolve))
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
    const floor = { port: Number(url.port), caFile }
    await load(floor, { kind: 'get-pod', connections: 64, seconds: Math.min(seconds, WARM_UP_SECONDS) })
    for (const connections of [1, 16, 64]) {
      const figures = await measuredLoad({ ...floor, pids: [child.pid!] }, { kind: 'get-pod', connections, seconds })
      rows.push([what, String(connections), ...cellsOf(figures)])
    }
    await stop(child)
  }
  return rows
}

const LISTS = [
  ['whole', 'list-pods'],
  ['paged by 500', 'list-pods-paged'],
  ['as Table', 'list-pods-table'],
] as const

async function measured(server: ApiServer, seconds: number): Promise<Measured> {
  const startMemory = residentMebibytes(server.pids)
  for (const kind of new Set(ROWS.map((row) => row.kind))) {
    await load(server, { kind, connections: 64, seconds: Math.min(seconds, WARM_UP_SECONDS) })
  }
  const requests: Figures[] = []
  for (const { kind, connections } of ROWS) requests.push(await measuredLoad(server, { kind, connections, seconds }))
  await load(server, { kind: 'fill-pods', connections: 16, seconds: 0 })
  const fullMemory = residentMebibytes(server.pids)
  const lists: number[][] = []
  for (const [, kind] of LISTS) {
    const cpu = cpuSeconds(server.pids)
    const result = await load(server, { kind, connections: 1, seconds })
    const each = result.requests || 1
    lists.push([result.p50Ms, ((cpuSeconds(server.pids) - cpu) * 1000) / each, result.bytes / each / 1e6])
  }
  const fan = await load(server, { kind: 'fan-out', connections: 1000, seconds })
  const eventsPerSecond = fan.requests / fan.seconds
  return { requests, lists, readyMs: server.readyMs, startMemory, fullMemory, eventsPerSecond }
}

async function measuredLoad(
  server: Server & { readonly pids: readonly number[] },
  task: Pick<LoadTask, 'kind' | 'connections' | 'seconds'>,
): Promise<Figures> {
  const cpu = cpuSeconds(server.pids)
  const { requests, failures, seconds, p50Ms, p99Ms } = await load(server, task)
  if (failures > 0) throw new Error(`${failures} of ${requests} requests failed`)
  const cpuMicroseconds = ((cpuSeconds(server.pids) - cpu) * 1e6) / requests
  return { perSecond: requests / seconds, p50Ms, p99Ms, cpuMicroseconds }
}

function tablesOf(ours: Measured, floors: readonly (readonly string[])[], real: Measured | undefined): Table[] {
  const requestRows = ROWS.map(({ what, connections }, i) => {
    const figures = ours.requests[i]!
    const other = real?.requests[i]
    return [
      what,
      String(connections),
      ...cellsOf(figures),
      ...(other
        ? [
            round(other.perSecond),
            round(other.cpuMicroseconds),
            times(figures.perSecond / other.perSecond),
            times(other.cpuMicroseconds / figures.cpuMicroseconds),
          ]
        : []),
    ]
  })
  const listRows = LISTS.map(([what], i) => {
    const [ms, cpu, megabytes] = ours.lists[i]!
    const other = real?.lists[i]
    return [
      what,
      round(ms!),
      round(cpu!),
      round(megabytes!),
      ...(other ? [round(other[0]!), round(other[1]!), times(other[0]! / ms!)] : []),
    ]
  })
  const figureRow = (what: string, of: (measured: Measured) => number, more: boolean): string[] => {
    const own = of(ours)
    const other = real && of(real)
    return [what, round(own), ...(other === undefined ? [] : [round(other), times(more ? own / other : other / own)])]
  }
  const beside = (...columns: string[]): string[] => (real ? columns : [])
  return [
    {
      title: 'Requests',
      columns: [
        'what',
        'connections',
        'per second',
        'p50 ms',
        'p99 ms',
        'server CPU µs per request',
        ...beside('real per second', 'real CPU µs', 'times as many', 'times less CPU'),
      ],
      rows: [...requestRows, ...floors.map((row) => [...row, ...beside('', '', '', '')])],
    },
    {
      title: 'LIST of 10,000 pods of 7 KB',
      columns: ['how', 'ms', 'server CPU ms', 'MB', ...beside('real ms', 'real CPU ms', 'times sooner')],
      rows: listRows,
    },
    {
      title: 'Start, memory, fan-out',
      columns: ['what', 'figure', ...beside('real', 'times better')],
      rows: [
        figureRow('process start to serving, ms', ({ readyMs }) => readyMs, false),
        figureRow('resident at start, MiB', ({ startMemory }) => startMemory, false),
        figureRow('resident with 10,000 pods more, MiB', ({ fullMemory }) => fullMemory, false),
        figureRow('events/s to 1,000 watchers of one namespace', ({ eventsPerSecond }) => eventsPerSecond, true),
      ],
    },
  ]
}

function times(ratio: number): string {
  return `${ratio.toFixed(1)}×`
}

function cellsOf({ perSecond, p50Ms, p99Ms, cpuMicroseconds }: Figures): string[] {
  return [round(perSecond), round(p50Ms), round(p99Ms), round(cpuMicroseconds)]
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

/** User and system time of processes, in seconds. */
function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    return sum + (Number(fields[11]) + Number(fields[12])) / TICKS
  }, 0)
}

function residentMebibytes(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1])
    return sum + (pages * PAGE_BYTES) / 2 ** 20
  }, 0)
}
