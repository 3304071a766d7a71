import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Headline, type Report, round, type Table } from './report.ts'
import { type BackendName, backendNames, fill, openBackend, podKey, value } from './storage-backends.ts'
import { measureFanOut, measureList, measureStart } from './storage-cache.ts'
import type { ProcessResult } from './storage-process.ts'

const WRITERS = [1, 16, 64] as const

/** Writes per second with so many writers that each wait for their own acknowledgement. */
async function writesPerSecond(name: BackendName, writers: number, seconds: number): Promise<number> {
  const { store, dispose } = await openBackend(name)
  let next = 0
  const writeUntil = async (until: number): Promise<void> => {
    while (performance.now() < until) {
      const i = next++
      await store.create(podKey(i), value(i))
    }
  }
  const measure = async (ms: number): Promise<number> => {
    const first = next
    const began = performance.now()
    await Promise.all(Array.from({ length: writers }, () => writeUntil(began + ms)))
    return ((next - first) * 1000) / (performance.now() - began)
  }
  await measure(500)
  const rate = await measure(seconds * 1000)
  await dispose()
  return rate
}

async function writeTable(names: readonly BackendName[], quick: boolean): Promise<Table> {
  const rates = new Map<string, number>()
  for (const name of names) {
    for (const writers of WRITERS) {
      rates.set(`${name} ${writers}`, await writesPerSecond(name, writers, quick ? 1 : 4))
    }
  }
  const cell = (name: BackendName, writers: number): string[] => {
    const rate = rates.get(`${name} ${writers}`) ?? 0
    const etcd = rates.get(`etcd ${writers}`)
    return [round(rate), etcd === undefined ? 'no etcd' : `${round(rate / etcd)}×`]
  }
  return {
    title: 'Writes per second, 2 KB each, every one acknowledged (and × etcd)',
    columns: ['backend', ...WRITERS.flatMap((w) => [`${w} writer${w > 1 ? 's' : ''}`, '× etcd'])],
    rows: names.map((name) => [name, ...WRITERS.flatMap((w) => cell(name, w))]),
  }
}

async function readTable(names: readonly BackendName[], sizes: readonly number[]): Promise<Table> {
  const rows: string[][] = []
  for (const name of names) {
    const { store, dispose } = await openBackend(name)
    const row: string[] = [name]
    let filled = 0
    for (const size of sizes) {
      await fill(store, filled, size)
      filled = size
      let best = Number.POSITIVE_INFINITY
      for (let i = 0; i < 3; i++) {
        const began = performance.now()
        const { kvs } = await store.range('/registry/pods/')
        if (kvs.length !== size) throw new Error(`${name} returned ${kvs.length} of ${size} keys`)
        best = Math.min(best, performance.now() - began)
      }
      row.push(round(best))
    }
    rows.push(row)
    await dispose()
  }
  return {
    title: 'Range of all keys with their values, milliseconds (best of 3)',
    columns: ['backend', ...sizes.map((size) => `${size.toLocaleString('en-US')} keys`)],
    rows,
  }
}

async function cacheTable(quick: boolean): Promise<Table[]> {
  const fanOuts: string[][] = []
  for (const watchers of [1_000, 10_000]) {
    const { store, dispose } = await openBackend('memory')
    const result = await measureFanOut(store, watchers, (quick ? 200_000 : 2_000_000) / watchers)
    await dispose()
    fanOuts.push([round(watchers), round(result.deliveriesPerSecond), round(result.cpuMicroseconds)])
  }
  const lists: string[][] = []
  const { store, dispose } = await openBackend('memory')
  const startMs = await measureStart(store)
  let filled = 0
  for (const size of quick ? [10_000] : [10_000, 100_000]) {
    await fill(store, filled, size)
    filled = size
    const { firstMs, laterMs } = await measureList(store)
    lists.push([`list of ${size.toLocaleString('en-US')} objects, nothing encoded yet`, round(firstMs)])
    lists.push([`the same once encoded`, round(laterMs)])
  }
  await dispose()
  return [
    {
      title: 'Fan-out of writes through the watch cache',
      columns: ['watchers', 'deliveries/s', 'CPU µs per delivery, the write included'],
      rows: fanOuts,
    },
    {
      title: 'Watch cache',
      columns: ['what', 'milliseconds'],
      rows: [['70 empty caches ready', round(startMs)], ...lists],
    },
  ]
}

async function inProcess<T>(...args: string[]): Promise<T> {
  const script = fileURLToPath(new URL('./storage-process.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [...process.execArgv, '--expose-gc', script, ...args])
  return JSON.parse(stdout || 'null') as T
}

async function processTable(objects: number): Promise<Table> {
  const rows: string[][] = []
  for (const scenario of ['memory', 'memory+cache']) {
    const { residentRatio } = await inProcess<ProcessResult>(scenario, String(objects))
    rows.push([scenario, `${round(residentRatio)}×`, ''])
  }
  const directory = await inProcess<string>('prepare', String(objects))
  for (const scenario of ['leveldb', 'leveldb+cache']) {
    const { residentRatio, openMs } = await inProcess<ProcessResult>(scenario, String(objects), directory)
    rows.push([scenario, `${round(residentRatio)}×`, round(openMs)])
  }
  await inProcess('remove', '0', directory)
  return {
    title: `${objects.toLocaleString('en-US')} objects of 2 KB, in a process of their own`,
    columns: ['what', 'resident memory ÷ data', 'open, ms'],
    rows,
  }
}

function headlinesOf([writes, ranges, fanOut]: readonly Table[]): Headline[] {
  const durable = writes!.rows.find(([backend]) => backend === 'leveldb sync')!
  const [, ...written] = durable
  const last = ranges!.columns.at(-1)
  const range = (name: string): string => ranges!.rows.find(([backend]) => backend === name)?.at(-1) ?? '–'
  return [
    ...WRITERS.map((writers, i): Headline => {
      const what = `durable writes of 2 KB, ${writers} writer${writers > 1 ? 's' : ''}`
      const [rate, ratio] = written.slice(i * 2)
      return [what, ratio === 'no etcd' ? `${rate}/s` : `${rate}/s (${ratio} etcd's)`]
    }),
    [`range of ${last}`, `${range('leveldb sync')} ms (etcd: ${range('etcd')} ms)`],
    [`deliveries to ${fanOut!.rows.at(-1)![0]} watchers`, `${fanOut!.rows.at(-1)![1]}/s`],
  ]
}

/** Measures the stores and the watch cache; `quick` runs in about a minute and does not touch the README. */
export async function measure({ quick }: { readonly quick: boolean }): Promise<Report> {
  const names = backendNames()
  const sizes = quick ? [10_000] : [10_000, 100_000]
  const tables: Table[] = []
  const add = (table: Table): void => {
    tables.push(table)
    console.error(`${table.title}: done`)
  }
  add(await writeTable(names, quick))
  add(await readTable(names, sizes))
  for (const table of await cacheTable(quick)) add(table)
  add(await processTable(quick ? 10_000 : 100_000))
  return { tables, headlines: headlinesOf(tables) }
}
