import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { FirstPodResult, PodsResult, Took } from './controllers-process.ts'
import { type Headline, type Report, round, type Table } from './report.ts'

interface Counts {
  readonly nodes: number
  readonly deployments: number
  readonly placed: number
  readonly pods: number
}

const FULL: Counts = { nodes: 5_000, deployments: 1_000, placed: 1_000, pods: 10_000 }
const QUICK: Counts = { nodes: 500, deployments: 100, placed: 200, pods: 1_000 }

const seconds = (ms: number): string => `${round(ms / 1000)} s`

/** Runs a scenario in a process of its own: what one leaves behind must not slow the next. */
async function inProcess<T>(scenario: string, count: number): Promise<T> {
  const script = fileURLToPath(new URL('./controllers-process.ts', import.meta.url))
  const args = [...process.execArgv, '--expose-gc', script, scenario, String(count)]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  return JSON.parse(stdout) as T
}

/** Controllers, scheduler and simulated nodes in one process with the API server, in memory. */
export async function measure({ quick }: { readonly quick: boolean }): Promise<Report> {
  const counts = quick ? QUICK : FULL
  const rows: string[][] = []
  const add = (what: string, ...cells: readonly string[]): void => {
    rows.push([what, ...cells])
    console.log(`${what}: ${cells.join(' | ')}`)
  }
  const addRate = (what: string, { ms, cpuMs }: Took, count: number, unit: string): void =>
    add(what, seconds(ms), `${round((count / ms) * 1000)} ${unit}/s`, `${round((cpuMs / count) * 1000)} µs`)

  const first = await inProcess<FirstPodResult>('first-pod', 0)
  add(
    "start of a cluster to a Deployment's first Running pod, first in its process",
    `${round(first.coldMs)} ms`,
    '',
    '',
  )
  add('the same once code has been compiled', `${round(first.warmMs)} ms`, '', '')

  const nodes = await inProcess<Took>('nodes', counts.nodes)
  addRate(`start to ${round(counts.nodes)} nodes Ready`, nodes, counts.nodes, 'nodes')

  const placed = await inProcess<Took>('placement', counts.placed)
  addRate(`${round(counts.placed)} pods placed on ${round(counts.placed)} nodes`, placed, counts.placed, 'pods')

  const rollout = await inProcess<Took>('deployments', counts.deployments)
  addRate(`${round(counts.deployments)} Deployments of 3 replicas Running`, rollout, counts.deployments * 3, 'pods')

  const pods = await inProcess<PodsResult>('pods', counts.pods)
  addRate(`${round(counts.pods)} pods Running`, pods.running, counts.pods, 'pods')
  addRate(`${round(counts.pods)} pods deleted`, pods.deleted, counts.pods, 'pods')
  add(`idle with ${round(counts.pods)} Running pods`, '', '', `${round(pods.idleShare * 100)} % of a core`)
  add('memory of a Running pod', `${round(pods.residentPerPod / 1024)} KiB`, '', '')

  const table: Table = { title: 'Controllers', columns: ['what', 'time', 'rate', 'CPU each'], rows }
  const headline = (what: string): Headline => {
    const [, time, rate] = rows.find((row) => row[0] === what)!
    return [what, rate ? `${time} (${rate})` : time!]
  }
  const [pod, , ready, , rolledOut, running, deleted, , memory] = rows.map((row) => row[0]!)
  return { tables: [table], headlines: [pod!, ready!, rolledOut!, running!, deleted!, memory!].map(headline) }
}
