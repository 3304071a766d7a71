import { connect, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/apimachinery/clock.ts'
import { canRequestProgress } from '../../src/storage/etcd/etcd-progress.ts'
import { EtcdStore, type EtcdStoreOptions } from '../../src/storage/etcd/etcd-store.ts'
import { WatchCacheGroup } from '../../src/storage/watch-cache/watch-cache-group.ts'
import { certificateFiles } from '../suites/certificates.ts'
import { type EtcdServer, type EtcdServerOptions, etcdVersion, startEtcd } from '../suites/etcd-server.ts'
import { refusal } from '../suites/store-contract.ts'
import { WatchRecorder } from '../suites/watch-recorder.ts'
import { wordHooks } from './watch-cache-harness.ts'

const version = etcdVersion('how the etcd backend copes with faults')
const value = (text: string): Buffer => Buffer.from(text)

describe('progress requests', () => {
  it('are trusted from the versions on that order them behind events', () => {
    const trusted = ['3.4.31', '3.4.33', '3.5.13', '3.5.21', '3.6.0', '3.6.0-rc.1', '4.0.0']
    const not = ['3.3.27', '3.4.0', '3.4.23', '3.4.30', '3.5.0', '3.5.12']
    expect(trusted.filter((v) => !canRequestProgress(v))).toEqual([])
    expect(not.filter((v) => canRequestProgress(v))).toEqual([])
  })
})

describe.skipIf(version === undefined)('etcd with faults', () => {
  const cleanups: (() => Promise<void>)[] = []

  afterEach(async () => {
    const failures: unknown[] = []
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup().catch((error) => failures.push(error))
    expect(failures).toEqual([])
  })

  async function serve(options: EtcdServerOptions = {}): Promise<EtcdServer> {
    const server = await startEtcd(options)
    cleanups.push(async () => server.stop())
    return server
  }

  function open(endpoints: readonly string[], options: Partial<EtcdStoreOptions> = {}): EtcdStore {
    const store = new EtcdStore({ endpoints, ...options })
    cleanups.push(async () => store.close())
    return store
  }

  it('a killed server that comes back: watches go on without a gap or a duplicate, calls are tried again', async () => {
    const server = await serve()
    const store = open([server.endpoint])
    const sink = new WatchRecorder()
    const watch = store.watch({ prefix: '/a/' }, sink)
    await watch.ready
    const written = [(await store.create('/a/0', value('x'))).modRevision]
    await sink.atLeast(1)
    await server.kill('SIGKILL')
    const during = store.create('/a/1', value('x'))
    await server.start()
    written.push((await during).modRevision)
    for (let i = 2; i < 10; i++) written.push((await store.create(`/a/${i}`, value('x'))).modRevision)
    expect((await sink.atLeast(10)).map((e) => e.kv.modRevision)).toEqual(written)
    expect(sink.ends).toBe(0)
  })

  it('each of several servers is asked for itself', async () => {
    const server = await serve()
    const gate = await proxy(server.endpoint)
    cleanups.push(gate.close)
    const store = open([server.endpoint, gate.endpoint])
    expect(await store.checkServers()).toEqual([undefined, undefined])
    gate.cut()
    const [first, second] = await store.checkServers()
    expect(first).toBeUndefined()
    expect(second).toBeInstanceOf(Error)
  })

  it('history compacted while the connection was lost: the watch ends with Compacted', async () => {
    const server = await serve()
    const gate = await proxy(server.endpoint)
    cleanups.push(gate.close)
    const near = open([server.endpoint])
    const far = open([gate.endpoint])
    const sink = new WatchRecorder()
    await far.watch({ prefix: '/a/' }, sink).ready
    gate.cut()
    let last = await near.create('/a/x', value('0'))
    for (let i = 1; i < 5; i++) last = await near.update('/a/x', value(`${i}`), last.modRevision)
    await near.compact(last.modRevision)
    gate.mend()
    expect(await sink.ended()).toMatchObject({ code: 'Compacted', actualRevision: last.modRevision })
    expect(sink.received).toEqual([])
  })

  it('a cut connection in the middle of a busy watch: every event once, in order', async () => {
    const server = await serve()
    const gate = await proxy(server.endpoint)
    cleanups.push(gate.close)
    const near = open([server.endpoint])
    const far = open([gate.endpoint])
    const sink = new WatchRecorder()
    await far.watch({ prefix: '/a/' }, sink).ready
    const revisions: number[] = []
    for (let i = 0; i < 200; i++) {
      revisions.push((await near.create(`/a/${i}`, value('x'.repeat(2000)))).modRevision)
      if (i % 50 === 25) {
        gate.cut()
        gate.mend()
      }
    }
    expect((await sink.atLeast(200)).map((e) => e.kv.modRevision)).toEqual(revisions)
  })

  it('nobody there: Unavailable within the time allowed, for reads, writes and watches', async () => {
    const server = await serve()
    const store = open([server.endpoint], { retryMs: 300, requestTimeoutMs: 500 })
    await store.currentRevision()
    await server.kill('SIGKILL')
    const calls: Promise<unknown>[] = [store.get('/a'), store.create('/a', value('x')), store.currentRevision()]
    const refusals = await Promise.all(calls.map((call) => refusal(call)))
    expect(refusals.map(({ code }) => code)).toEqual(['Unavailable', 'Unavailable', 'Unavailable'])
    const sink = new WatchRecorder()
    const watch = store.watch({ prefix: '/a/' }, sink)
    expect((await refusal(watch.ready)).code).toBe('Unavailable')
    expect(await sink.ended()).toMatchObject({ code: 'Unavailable' })
  })

  it('a write whose answer is lost: never done twice, never called a success on a guess', async () => {
    const server = await serve()
    const gate = await proxy(server.endpoint)
    cleanups.push(gate.close)
    const near = open([server.endpoint])
    const far = open([gate.endpoint])
    await far.currentRevision()
    gate.swallowAnswers()
    const write = far.create('/a', value('mine')).then(
      () => 'done',
      (error: Error & { code?: string }) => error.code,
    )
    for (;;) {
      const { kv } = await near.get('/a')
      if (kv !== undefined) break
    }
    gate.cut()
    gate.mend()
    expect(await write).toBe('Unavailable')
    expect((await near.get('/a')).kv).toMatchObject({ version: 1 })
  })

  it('several endpoints: goes on with the next when one is gone', async () => {
    const [dead, live] = [await serve(), await serve()]
    await dead.kill('SIGKILL')
    const store = open([dead.endpoint, live.endpoint])
    const sink = new WatchRecorder()
    const watch = store.watch({ prefix: '/a' }, sink)
    await watch.ready
    const kv = await store.create('/a', value('x'))
    expect((await sink.atLeast(1))[0]?.kv.modRevision).toBe(kv.modRevision)
  })

  it('TLS with client certificates; without one the server is Unavailable', async () => {
    const certificates = await certificateFiles()
    cleanups.push(certificates.remove)
    const server = await serve({ tls: certificates })
    const { ca, cert, key } = certificates
    const store = open([server.endpoint], { tls: { ca, cert, key } })
    await store.create('/a', value('secret'))
    expect((await store.get('/a')).kv?.value.toString()).toBe('secret')
    const stranger = open([server.endpoint], { tls: { ca }, retryMs: 200, requestTimeoutMs: 1_000 })
    expect((await refusal(stranger.get('/a'))).code).toBe('Unavailable')
    expect(() => open([server.endpoint, 'http://127.0.0.1:1'])).toThrow(RangeError)
  })

  it('a full database is NoSpace, and can still be read; too large a value is InvalidArgument', async () => {
    const server = await serve({ args: [`--quota-backend-bytes=${4 * 1024 * 1024}`] })
    const store = open([server.endpoint])
    await store.create('/small', value('x'))
    expect((await refusal(store.create('/big', Buffer.alloc(3 * 1024 * 1024)))).code).toBe('InvalidArgument')
    let code: string | undefined
    for (let i = 0; i < 20 && code === undefined; i++) {
      code = await store.create(`/fill/${i}`, Buffer.alloc(1024 * 1024)).then(
        () => undefined,
        (error: { code: string }) => error.code,
      )
    }
    expect(code).toBe('NoSpace')
    expect((await store.get('/small')).kv?.value.toString()).toBe('x')
  })

  it('keys with one TTL share a lease within its window', async () => {
    const server = await serve()
    const store = open([server.endpoint])
    for (let i = 0; i < 50; i++) await store.create(`/events/${i}`, value('x'), { ttlSeconds: 3600 })
    const leases = await leasesOf(server.endpoint)
    expect(leases).toBe(1)
  })

  it('events larger than a gRPC message come in fragments, whole', async () => {
    const server = await serve()
    const near = open([server.endpoint])
    const first = await near.create('/a/0', Buffer.alloc(1024 * 1024, 'a'))
    let last = first
    for (let i = 1; i < 8; i++) last = await near.update('/a/0', Buffer.alloc(1024 * 1024, `${i}`), last.modRevision)
    const sink = new WatchRecorder()
    await near.watch({ prefix: '/a/', fromRevision: first.modRevision }, sink).ready
    const events = await sink.atLeast(8)
    expect(events.map((e) => e.kv.version)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect(events.every((e) => e.kv.value.length === 1024 * 1024)).toBe(true)
    expect(events[7]?.previous?.value[0]).toBe('6'.charCodeAt(0))
  })

  it('progress requests, where trusted, are answered on a watch of the prefix alone', async () => {
    const server = await serve()
    const store = open([server.endpoint], { progressRequests: true })
    const sink = new WatchRecorder()
    const watch = store.watch({ prefix: '/a/' }, sink)
    await watch.ready
    const { modRevision } = await store.create('/b/x', value('x'))
    watch.requestProgress()
    await sink.until(() => (sink.progressed.at(-1) ?? 0) >= modRevision)
    expect(sink.received).toEqual([])
  })

  it('compacts what is older than an interval, and two stores agree on who does', async () => {
    const server = await serve()
    const timers: (() => void)[] = []
    const clock = {
      now: () => systemClock.now(),
      setTimer: (fn: () => void, ms: number) => {
        if (ms !== 300_000) return systemClock.setTimer(fn, ms)
        timers.push(fn)
        return { cancel: () => {} }
      },
    }
    const stores = [1, 2].map(() => open([server.endpoint], { compactionIntervalMs: 300_000, clock }))
    const [store] = stores as [EtcdStore]
    const interval = async (): Promise<void> => {
      for (const fire of timers.splice(0)) fire()
      for (let waited = 0; timers.length < 2 && waited < 1000; waited++) await store.currentRevision()
    }
    const kv = await store.create('/a', value('1'))
    await interval()
    await store.update('/a', value('2'), kv.modRevision)
    expect((await store.get('/a', { revision: kv.modRevision })).kv?.version).toBe(1)
    await interval()
    await interval()
    expect((await refusal(store.get('/a', { revision: kv.modRevision }))).code).toBe('Compacted')
    expect((await store.get('/a')).kv?.version).toBe(2)
  })

  it('a watch cache over etcd: a read sees another process’s write; a restart of the server goes unnoticed', async () => {
    const server = await serve()
    const [mine, other] = [open([server.endpoint]), open([server.endpoint])]
    const group = new WatchCacheGroup({ store: mine, prefix: '/registry/', synchronous: false })
    cleanups.push(async () => group.stop())
    const cache = group.cache('/registry/pods/', wordHooks())
    for (let i = 0; i < 20; i++) {
      const kv = await other.create(`/registry/pods/a/${i}`, value('k=v'))
      await other.create(`/elsewhere/${i}`, value('x'))
      const { entry, revision } = await cache.get(kv.key)
      expect(entry?.modRevision).toBe(kv.modRevision)
      expect(revision).toBeGreaterThan(kv.modRevision)
      if (i !== 10) continue
      await server.kill('SIGKILL')
      await server.start()
    }
    expect((await cache.list()).entries).toHaveLength(20)
  })
})

async function leasesOf(endpoint: string): Promise<number> {
  const response = await fetch(`${endpoint}/v3/lease/leases`, { method: 'POST', body: '{}' })
  const { leases } = (await response.json()) as { leases?: unknown[] }
  return leases?.length ?? 0
}

interface Gate {
  readonly endpoint: string
  /** Breaks every connection and refuses new ones. */
  cut(): void
  mend(): void
  /** What the server says from now on does not arrive on the connections there are. */
  swallowAnswers(): void
  close(): Promise<void>
}

/** A TCP proxy that a test can break. */
async function proxy(endpoint: string): Promise<Gate> {
  const target = Number(new URL(endpoint).port)
  const sockets = new Set<Socket>()
  const swallowing = new WeakSet<Socket>()
  let isCut = false
  const server = createServer((client) => {
    if (isCut) {
      client.destroy()
      return
    }
    const upstream = connect(target, '127.0.0.1')
    for (const [socket, peer] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket)
      socket.on('data', (chunk) => {
        if (!swallowing.has(socket)) peer.write(chunk)
      })
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        peer.destroy()
      })
    }
    upstreams.add(upstream)
  })
  const upstreams = new Set<Socket>()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const breakAll = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    endpoint: `http://127.0.0.1:${port}`,
    cut: () => {
      isCut = true
      breakAll()
    },
    mend: () => {
      isCut = false
    },
    swallowAnswers: () => {
      for (const socket of upstreams) swallowing.add(socket)
    },
    close: () => {
      breakAll()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
