import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { type Headline, type Report, round, type Table } from './report.ts'

const LIBRARY = join(import.meta.dirname, '../dist/index.mjs')
const RUNS = 9
const QUICK_RUNS = 3

/** One process: how long each step takes, in milliseconds, and the CPU time of being ready. */
const SCRIPT = `
const marks = {}
const timed = async (name, work) => {
  const [at, cpu] = [performance.now(), process.cpuUsage()]
  const result = await work()
  const { user, system } = process.cpuUsage(cpu)
  marks[name] = performance.now() - at
  marks[name + ', CPU'] = (user + system) / 1000
  return result
}
const nodes = Number(process.argv[1])
const { createCluster } = await timed('import', () => import(process.env.LIBRARY))
const cluster = await timed('ready', () => createCluster({ nodes }))
const web = {
  apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'nginx' }] } },
  },
}
if (nodes > 0) {
  await timed('first pod', async () => {
    await cluster.apply(web)
    await cluster.waitFor({ apiVersion: 'v1', kind: 'Pod' }, (pods) => pods.some((p) => p.status?.phase === 'Running'))
  })
  const maps = cluster.client.resource('v1', 'ConfigMap')
  const resets = []
  for (let i = 0; i < 60; i++) {
    for (let k = 0; k < 5; k++) await maps.create({ metadata: { name: 'map-' + k }, data: { key: 'value' } })
    await timed('reset', () => cluster.reset())
    if (i >= 20) resets.push(marks.reset)
    await cluster.settled()
  }
  marks.reset = resets.sort((a, b) => a - b)[resets.length >> 1]
  const snapshot = await timed('snapshot', () => cluster.snapshot())
  await timed('restore', () => cluster.restore(snapshot))
  const fork = await timed('fork', () => cluster.fork())
  await timed('second cluster', () => createCluster({ nodes }))
  await fork.stop()
}
process.stdout.write(JSON.stringify(marks))
process.exit()
`

type Marks = Readonly<Record<string, number>>

function marksOf(nodes: number): Marks {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', SCRIPT, String(nodes)], {
    encoding: 'utf8',
    env: { ...process.env, LIBRARY },
  })
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as Marks
}

function median(runs: readonly Marks[], name: string): string {
  const values = runs.map((run) => run[name] ?? Number.NaN).toSorted((a, b) => a - b)
  return `${round(values[values.length >> 1]!)} ms`
}

/** `npm run bench -- library`: what a test that starts a cluster waits for. Needs `npm run build`. */
export async function measure({ quick }: { readonly quick: boolean }): Promise<Report> {
  if (!existsSync(LIBRARY)) throw new Error('dist/index.mjs is missing: npm run build')
  const count = quick ? QUICK_RUNS : RUNS
  const empty = Array.from({ length: count }, () => marksOf(0))
  const two = Array.from({ length: count }, () => marksOf(2))
  const table: Table = {
    title: `Each in a fresh process, median of ${count}`,
    columns: ['step', 'time', 'of which CPU'],
    rows: [
      ['import', median(two, 'import'), median(two, 'import, CPU')],
      ['`createCluster()` ready, no nodes', median(empty, 'ready'), median(empty, 'ready, CPU')],
      ['`createCluster()` ready, 2 nodes', median(two, 'ready'), median(two, 'ready, CPU')],
      ['a second cluster in that process', median(two, 'second cluster'), median(two, 'second cluster, CPU')],
      ['apply of a Deployment to its first Running pod', median(two, 'first pod'), median(two, 'first pod, CPU')],
      ['`reset()` after five new objects (median of 40)', median(two, 'reset'), median(two, 'reset, CPU')],
      ['`snapshot()`', median(two, 'snapshot'), median(two, 'snapshot, CPU')],
      ['`restore()`', median(two, 'restore'), median(two, 'restore, CPU')],
      ['`fork()` ready', median(two, 'fork'), median(two, 'fork, CPU')],
    ],
  }
  const headlines = [2, 4, 5, 8].map((i): Headline => [table.rows[i]![0]!, table.rows[i]![1]!])
  return { tables: [table], conditions: `Load of the machine meanwhile: ${round(loadavg()[1]!)}.`, headlines }
}
