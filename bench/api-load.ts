/**
 * The load of `npm run bench -- api`, in a process of its own: reads a task from its argument, prints its result as JSON.
 */
import { readFileSync } from 'node:fs'
import { configMap, mergePatch, pod } from './api-objects.ts'
import { Connection, type Target } from './http-client.ts'

export interface LoadTask {
  readonly host: string
  readonly port: number
  readonly caFile?: string
  readonly token: string
  readonly kind: LoadKind
  readonly connections: number
  readonly seconds: number
  /** Makes names of different runs differ. */
  readonly run: string
}

export type LoadKind =
  | 'create-configmap'
  | 'create-pod'
  | 'update-configmap'
  | 'patch-pod'
  | 'get-pod'
  | 'list-pods'
  | 'list-pods-paged'
  | 'list-pods-table'
  | 'fill-pods'
  | 'fan-out'

export interface LoadResult {
  readonly requests: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly bytes: number
  readonly failures: number
}

const NAMESPACE = 'bench'
const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`
const CONFIG_MAPS = `/api/v1/namespaces/${NAMESPACE}/configmaps`

/** As sent: defaults, status and managedFields make about 7 KB of it. */
const FULL_POD_BYTES = 2450

const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'

type Work = (connection: Connection, worker: number, i: number) => Promise<{ status: number; bytes: number }>

function workOf(task: LoadTask): Work {
  const name = (worker: number, i: number): string => `${task.run}-${worker}-${i}`
  switch (task.kind) {
    case 'create-configmap':
      return (c, w, i) => c.send('POST', CONFIG_MAPS, configMap(name(w, i)))
    case 'update-configmap':
      return (c, w, i) =>
        c.send(
          i === 0 ? 'POST' : 'PUT',
          i === 0 ? CONFIG_MAPS : `${CONFIG_MAPS}/${name(w, 0)}`,
          configMap(name(w, 0), i),
        )
    case 'create-pod':
      return (c, w, i) => c.send('POST', PODS, pod(name(w, i)))
    case 'patch-pod':
      return (c, w, i) =>
        i === 0
          ? c.send('POST', PODS, pod(name(w, 0)))
          : c.send('PATCH', `${PODS}/${name(w, 0)}`, mergePatch(i), 'application/merge-patch+json')
    case 'get-pod':
      return (c, w, i) => (i === 0 ? c.send('POST', PODS, pod(name(w, 0))) : c.send('GET', `${PODS}/${name(w, 0)}`))
    case 'list-pods':
      return (c) => c.send('GET', '/api/v1/namespaces/full/pods')
    case 'list-pods-table':
      return (c) => c.send('GET', '/api/v1/namespaces/full/pods')
    case 'list-pods-paged':
      return pagedList
    case 'fill-pods':
      return (c, w, i) => c.send('POST', '/api/v1/namespaces/full/pods', pod(name(w, i), FULL_POD_BYTES))
    case 'fan-out':
      throw new Error('fan-out has a driver of its own')
  }
}

async function pagedList(connection: Connection): Promise<{ status: number; bytes: number }> {
  let next = ''
  let bytes = 0
  do {
    const reply = await connection.send(
      'GET',
      `/api/v1/namespaces/full/pods?limit=500${next}`,
      undefined,
      undefined,
      true,
    )
    bytes += reply.bytes
    const token = /"continue":"([^"]+)"/.exec(reply.body!.toString('latin1', 0, 400))
    next = token ? `&continue=${token[1]}` : ''
  } while (next !== '')
  return { status: 200, bytes }
}

async function drive(task: LoadTask, plain: Target): Promise<LoadResult> {
  const work = workOf(task)
  const target = task.kind === 'list-pods-table' ? { ...plain, accept: TABLE } : plain
  const connections = await Promise.all(Array.from({ length: task.connections }, () => Connection.open(target)))
  const limit = task.kind === 'fill-pods' ? Math.ceil(10_000 / task.connections) : Number.POSITIVE_INFINITY
  const latencies: number[] = []
  let failures = 0
  let bytes = 0
  const began = performance.now()
  const until = task.kind === 'fill-pods' ? Number.POSITIVE_INFINITY : began + task.seconds * 1000
  await Promise.all(
    connections.map(async (connection, worker) => {
      for (let i = 0; i < limit && performance.now() < until; i++) {
        const start = performance.now()
        const reply = await work(connection, worker, i)
        latencies.push(performance.now() - start)
        bytes += reply.bytes
        if (reply.status >= 300) failures++
      }
    }),
  )
  const seconds = (performance.now() - began) / 1000
  for (const connection of connections) connection.close()
  latencies.sort((a, b) => a - b)
  const at = (q: number): number => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * q))] ?? 0
  return { requests: latencies.length, seconds, p50Ms: at(0.5), p99Ms: at(0.99), bytes, failures }
}

/** As many as it takes to keep a server that has watchers to serve busy. */
const FAN_OUT_WRITERS = 16

/** Watchers on one namespace while writers update in it as fast as they can. */
async function fanOut(task: LoadTask, target: Target): Promise<LoadResult> {
  const writers = await Promise.all(Array.from({ length: FAN_OUT_WRITERS }, () => Connection.open(target)))
  const replies = await Promise.all(
    writers.map((writer, w) => writer.send('POST', CONFIG_MAPS, configMap(`${task.run}-${w}`), undefined, true)),
  )
  const revisions = replies.map(({ body }) => Number(/"resourceVersion":"(\d+)"/.exec(body!.toString('latin1'))![1]))
  // From here on: what the namespace holds already is not what is measured.
  const revision = Math.max(...revisions)
  const watchers = await Promise.all(Array.from({ length: task.connections }, () => Connection.open(target)))
  let bytes = 0
  let events = 0
  for (const watcher of watchers) {
    watcher.stream(`${CONFIG_MAPS}?watch=1&resourceVersion=${revision}`, (chunk) => {
      bytes += chunk.length
      for (let at = chunk.indexOf(NEW_EVENT); at >= 0; at = chunk.indexOf(NEW_EVENT, at + 1)) events++
    })
  }
  await new Promise((resolve) => setTimeout(resolve, 2000))
  events = 0
  const began = performance.now()
  await Promise.all(
    writers.map(async (writer, w) => {
      const name = `${task.run}-${w}`
      for (let i = 1; performance.now() < began + task.seconds * 1000; i++) {
        await writer.send('PUT', `${CONFIG_MAPS}/${name}`, configMap(name, i))
      }
    }),
  )
  const seconds = (performance.now() - began) / 1000
  const result = { requests: events, seconds, p50Ms: 0, p99Ms: 0, bytes, failures: 0 }
  for (const watcher of watchers) watcher.close()
  for (const writer of writers) writer.close()
  return result
}

const NEW_EVENT = Buffer.from('{"type":"MODIFIED"')

const task = JSON.parse(process.argv[2]!) as LoadTask
const target: Target = {
  host: task.host,
  port: task.port,
  token: task.token,
  ...(task.caFile ? { ca: readFileSync(task.caFile) } : {}),
}
const setup = await Connection.open(target)
for (const name of [NAMESPACE, 'full']) {
  await setup.send('POST', '/api/v1/namespaces', JSON.stringify({ metadata: { name } }))
  await setup.send(
    'POST',
    `/api/v1/namespaces/${name}/serviceaccounts`,
    JSON.stringify({ metadata: { name: 'default' } }),
  )
}
setup.close()
console.log(JSON.stringify(task.kind === 'fan-out' ? await fanOut(task, target) : await drive(task, target)))
