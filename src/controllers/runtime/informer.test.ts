import { afterEach, beforeEach, expect, test } from 'vitest'
import { resourceExpired } from '../../apimachinery/api-error.ts'
import { ManualClock } from '../../apimachinery/manual-clock.ts'
import type { ConfigMap } from '../../apimachinery/types/core-v1.ts'
import type { Client, Typed, WatchReceiver } from './client.ts'
import { Informer } from './informer.ts'
import { silentLogger } from './logger.ts'
import { CONFIG_MAPS } from './resources.ts'
import { noMetrics } from './runtime-metrics.ts'

type Object = Typed<ConfigMap>

/** An API whose lists and watches the test answers itself. */
class ScriptedApi {
  state: Object[] = []
  revision = 10
  readonly lists: (string | undefined)[] = []
  readonly watches: { resourceVersion: string; receiver: WatchReceiver<Object> }[] = []
  failure: Error | undefined

  readonly client = {
    list: async (_resource: unknown, query: { resourceVersion?: string }) => {
      this.lists.push(query.resourceVersion)
      if (this.failure) throw this.failure
      return { items: this.state, resourceVersion: String(this.revision) }
    },
    watch: (_resource: unknown, query: { resourceVersion: string }, receiver: WatchReceiver<Object>) => {
      this.watches.push({ resourceVersion: query.resourceVersion, receiver })
      return () => {}
    },
  } as unknown as Client
}

function object(name: string, revision: number): Object {
  const metadata = { name, namespace: 'default', uid: name, resourceVersion: String(revision) }
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata }
}

let api: ScriptedApi
let clock: ManualClock
let informer: Informer<Object>
let heard: string[]
beforeEach(() => {
  api = new ScriptedApi()
  clock = new ManualClock()
  heard = []
  informer = new Informer({
    client: api.client,
    resource: CONFIG_MAPS,
    clock,
    logger: silentLogger,
    metrics: noMetrics,
  })
  informer.addHandler({
    set: (o, old) => heard.push(`${old ? 'changed' : 'new'} ${o.metadata.name}@${o.metadata.resourceVersion}`),
    remove: (o) => heard.push(`gone ${o.metadata.name}`),
  })
})
afterEach(() => informer.stop())

/** Lets promises settle. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

test('lists, then watches from the revision of the list', async () => {
  api.state = [object('a', 3)]
  informer.start()
  await informer.synced
  expect(api.lists).toEqual(['0'])
  expect(api.watches.map((w) => w.resourceVersion)).toEqual(['10'])
  const { receiver } = api.watches[0]!
  receiver.event({ type: 'ADDED', object: object('b', 11) })
  receiver.event({ type: 'MODIFIED', object: object('a', 12) })
  receiver.event({ type: 'DELETED', object: object('b', 13) })
  expect(heard).toEqual(['new a@3', 'new b@11', 'changed a@12', 'gone b'])
  expect(informer.list('default').map((o) => o.metadata.name)).toEqual(['a'])
})

test('a watch that ends goes on from the last event or bookmark', async () => {
  informer.start()
  await informer.synced
  api.watches[0]!.receiver.event({ type: 'ADDED', object: object('a', 15) })
  api.watches[0]!.receiver.event({ type: 'BOOKMARK', resourceVersion: '20', initialEventsEnd: false })
  clock.advance(60_000)
  api.watches[0]!.receiver.end()
  expect(api.watches.map((w) => w.resourceVersion)).toEqual(['10', '20'])
  expect(api.lists).toHaveLength(1)
})

test('a watch that is cut off goes on at once where it brought something, after a while where it did not', async () => {
  informer.start()
  await informer.synced
  api.watches[0]!.receiver.event({ type: 'ADDED', object: object('a', 15) })
  api.watches[0]!.receiver.end()
  expect(api.watches.map((w) => w.resourceVersion)).toEqual(['10', '15'])
  api.watches[1]!.receiver.end()
  expect(api.watches).toHaveLength(2)
  clock.advance(1600)
  expect(api.watches.map((w) => w.resourceVersion)).toEqual(['10', '15', '15'])
})

test('a watch whose history is gone lists anew: what has changed meanwhile is told, what has not is not', async () => {
  api.state = [object('kept', 1), object('changed', 2), object('lost', 3)]
  informer.start()
  await informer.synced
  heard.length = 0
  api.state = [object('kept', 1), object('changed', 30), object('fresh', 31)]
  api.revision = 40
  api.watches[0]!.receiver.end(resourceExpired('too old'))
  await settle()
  expect(api.lists).toEqual(['0', ''])
  expect(heard).toEqual(['changed changed@30', 'new fresh@31', 'gone lost'])
  expect(api.watches.at(-1)!.resourceVersion).toBe('40')
})

test('a list that fails is tried again with back-off', async () => {
  api.failure = new Error('connection refused')
  informer.start()
  await settle()
  expect(informer.hasSynced).toBe(false)
  api.failure = undefined
  clock.advance(1600)
  await informer.synced
  expect(api.lists).toHaveLength(2)
})

test('whenAt calls back once everything up to the revision has been seen', async () => {
  informer.start()
  await informer.synced
  const reached: number[] = []
  for (const revision of [30, 12, 5]) informer.whenAt(revision, () => reached.push(revision))
  expect(reached).toEqual([5])
  api.watches[0]!.receiver.event({ type: 'ADDED', object: object('a', 12) })
  expect(reached).toEqual([5, 12])
  api.watches[0]!.receiver.event({ type: 'BOOKMARK', resourceVersion: '31', initialEventsEnd: false })
  expect(reached).toEqual([5, 12, 30])
})

test('a handler that throws breaks neither the others nor the cache', async () => {
  informer.addHandler({
    set: () => {
      throw new Error('broken handler')
    },
    remove: () => {},
  })
  const later: string[] = []
  informer.addHandler({ set: (o) => later.push(o.metadata.name!), remove: () => {} })
  informer.start()
  await informer.synced
  api.watches[0]!.receiver.event({ type: 'ADDED', object: object('a', 12) })
  expect([later, informer.size]).toEqual([['a'], 1])
})

test('each handler hears of everything again after its own period, and those without one never', async () => {
  api.state = [object('a', 1), object('b', 2)]
  const resynced: string[] = []
  const again = (who: string) => ({
    set: () => {},
    remove: () => {},
    resync: (o: Object) => resynced.push(`${who} ${o.metadata.name}`),
  })
  const remove = informer.addHandler(again('often'), 10_000)
  informer.addHandler(again('seldom'), 25_000)
  informer.addHandler(again('never'))
  informer.start()
  await informer.synced
  heard.length = 0
  clock.advance(10_000)
  expect(resynced.splice(0)).toEqual(['often a', 'often b'])
  clock.advance(10_000)
  api.watches[0]!.receiver.event({ type: 'DELETED', object: object('a', 13) })
  clock.advance(5_000)
  expect(resynced.splice(0)).toEqual(['often a', 'often b', 'seldom b'])
  remove()
  clock.advance(25_000)
  expect(resynced.splice(0)).toEqual(['seldom b'])
  expect(heard).toEqual(['gone a'])
  informer.stop()
  expect(clock.pending).toBe(0)
})

test('nobody hears of everything more than once a second', async () => {
  api.state = [object('a', 1)]
  let count = 0
  informer.addHandler({ set: () => {}, remove: () => {}, resync: () => count++ }, 1)
  informer.start()
  await informer.synced
  clock.advance(3000)
  expect(count).toBe(3)
})
