import { describe, expect, it } from 'vitest'
import { openMemoryStore } from '../../src/storage/memory-store.ts'
import type { KeyValue, Store, StoreEvent } from '../../src/storage/store.ts'
import { fc } from '../suites/property.ts'
import { WatchRecorder } from '../suites/watch-recorder.ts'
import { ModelStore, type ModelWrite } from './model-store.ts'

/** Short strings over few letters, so that prefixes, equal keys and order's odd corners turn up all the time. */
const key = fc
  .string({ unit: fc.constantFrom('a', 'b', '/', '\0', '～', '\u{1F600}'), minLength: 0, maxLength: 4 })
  .map((rest) => `/${rest}`)
const prefix = fc.oneof(key, fc.constant(''), fc.constant('/'))
const operation = fc.record({ key, verb: fc.constantFrom('put', 'put', 'put', 'delete') })
const history = fc.array(operation, { minLength: 1, maxLength: 40 })

const plain = (kv: KeyValue): string => `${kv.key}=${kv.value} m${kv.modRevision} v${kv.version}`
const modelPlain = (w: ModelWrite): string => `${w.key}=${w.value} m${w.revision} v${w.version}`
const eventPlain = (e: StoreEvent): string => `${e.type} ${plain(e.kv)}`

/** Writes the history to a new store and to the model alike. */
async function play(
  operations: readonly { key: string; verb: string }[],
): Promise<{ store: Store; model: ModelStore }> {
  const store = openMemoryStore({ compaction: { maxAgeMs: false } })
  const model = new ModelStore()
  for (const [i, { key, verb }] of operations.entries()) {
    const present = model.state().get(key)
    if (present === undefined) {
      model.create(key, `${i}`)
      await store.create(key, Buffer.from(`${i}`))
    } else if (verb === 'put') {
      model.update(key, `${i}`, present.revision)
      await store.update(key, Buffer.from(`${i}`), present.revision)
    } else {
      model.delete(key, present.revision)
      await store.delete(key, present.revision)
    }
  }
  return { store, model }
}

describe('properties', () => {
  it('range: prefix, start, limit and revision cut exactly what the model cuts', async () => {
    await fc.assert(
      fc.asyncProperty(
        history,
        prefix,
        fc.option(key, { nil: undefined }),
        fc.nat(6),
        fc.nat(),
        async (ops, p, start, limit, r) => {
          const { store, model } = await play(ops)
          const revision = 1 + (r % model.revision)
          const all = model.range(p, start, revision)
          const cut = limit === 0 ? all : all.slice(0, limit)
          const given = await store.range(p, { start, limit, revision })
          expect(given.kvs.map(plain)).toEqual(cut.map(modelPlain))
          expect(given.remaining).toBe(all.length - cut.length)
          expect(given.revision).toBe(revision)
          await store.close()
        },
      ),
    )
  })

  it('paging: pages of any size over one revision join to the whole, whatever is written between', async () => {
    await fc.assert(
      fc.asyncProperty(history, history, prefix, fc.integer({ min: 1, max: 5 }), async (ops, later, p, limit) => {
        const { store, model } = await play(ops)
        const { revision } = model
        const expected = model.range(p, undefined, revision).map(modelPlain)
        const seen: string[] = []
        let start: string | undefined
        let n = 0
        for (;;) {
          const page = await store.range(p, { start, limit, revision })
          seen.push(...page.kvs.map(plain))
          expect(page.remaining).toBe(expected.length - seen.length)
          const last = page.kvs.at(-1)
          if (page.remaining === 0 || last === undefined) break
          start = `${last.key}\0`
          const op = later[n++ % later.length]
          if (op === undefined) continue
          const { kv } = await store.get(op.key)
          if (kv === undefined) await store.create(op.key, Buffer.from('later'))
          else await store.delete(op.key, kv.modRevision)
        }
        expect(seen).toEqual(expected)
        await store.close()
      }),
    )
  })

  it('watch resume: left anywhere and taken up behind the last event, the parts join to the whole', async () => {
    await fc.assert(
      fc.asyncProperty(history, prefix, fc.nat(), fc.nat(), async (ops, p, from, cut) => {
        const { store, model } = await play(ops)
        const start = 1 + (from % model.revision)
        const expected = model.writes
          .filter((w) => w.revision >= start && w.key.startsWith(p))
          .map((w) => `${w.type} ${modelPlain(w)}`)
        const leaveAfter = cut % (expected.length + 1)
        const first = new WatchRecorder()
        const one = store.watch({ prefix: p, fromRevision: start }, first)
        await first.atLeast(leaveAfter)
        one.close()
        const head = first.received.slice(0, leaveAfter)
        const second = new WatchRecorder()
        const resumeAt = (head.at(-1)?.kv.modRevision ?? start - 1) + 1
        const two = store.watch({ prefix: p, fromRevision: resumeAt }, second)
        await second.atLeast(expected.length - leaveAfter)
        two.close()
        expect([...head, ...second.received].map(eventPlain)).toEqual(expected)
        await store.close()
      }),
    )
  })

  it('compaction: every revision from the compacted one on shows what it showed before', async () => {
    await fc.assert(
      fc.asyncProperty(history, fc.nat(), async (ops, at) => {
        const { store, model } = await play(ops)
        const compacted = 1 + (at % model.revision)
        await store.compact(compacted)
        await store.check()
        for (let revision = compacted; revision <= model.revision; revision++) {
          const { kvs } = await store.range('', { revision })
          expect(kvs.map(plain)).toEqual(model.range('', undefined, revision).map(modelPlain))
        }
        await store.close()
      }),
    )
  })
})
