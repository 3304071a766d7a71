import { describe, expect, it } from 'vitest'
import { openMemoryStore } from '../../src/storage/memory-store.ts'
import type { KeyValue } from '../../src/storage/store.ts'
import type { WatchCache } from '../../src/storage/watch-cache/watch-cache.ts'
import { WatchCacheGroup } from '../../src/storage/watch-cache/watch-cache-group.ts'
import { fc } from '../suites/property.ts'
import { Recorder, settle, type TestEntry, type Words, wordHooks } from './watch-cache-harness.ts'

const PODS = '/registry/pods/'

type Step =
  | { readonly kind: 'write'; readonly key: number; readonly node: number }
  | { readonly kind: 'delete'; readonly key: number }
  | { readonly kind: 'watch'; readonly back: number; readonly node: number }
  | { readonly kind: 'pause' | 'resume'; readonly watcher: number }
  | { readonly kind: 'turn' }

const key = fc.integer({ min: 0, max: 7 })
const node = fc.integer({ min: 0, max: 2 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('write' as const), key, node }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('watch' as const), back: fc.nat(40), node }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('pause', 'resume'), watcher: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('turn' as const) }) },
)

/** The state at each revision, by a plain map copied at every write. */
type Model = Map<number, ReadonlyMap<string, string>>

interface Watch {
  readonly recorder: Recorder
  readonly from: number
  readonly node: string
}

function nodeOf(text: string): string {
  return text.slice(text.indexOf('node=') + 5)
}

function onNode(state: ReadonlyMap<string, string>, wanted: string): string[] {
  return [...state].filter(([, text]) => nodeOf(text) === wanted).map(([k, text]) => `${k} ${text}`)
}

/** What a client that began with the state at `from` holds after the watch's events. */
function replay(model: Model, { recorder, from, node: wanted }: Watch): string[] {
  const held = new Map([...(model.get(from) ?? [])].filter(([, text]) => nodeOf(text) === wanted))
  let last = from
  for (const item of recorder.items) {
    if (item.type === 'BOOKMARK') continue
    expect(item.revision).toBeGreaterThan(last)
    last = item.revision
    const known = held.has(item.entry.key)
    expect(item.type).toBe(item.type === 'DELETED' ? 'DELETED' : known ? 'MODIFIED' : 'ADDED')
    if (item.type === 'DELETED') {
      expect(known).toBe(true)
      held.delete(item.entry.key)
    } else held.set(item.entry.key, item.entry.bytes.toString().split(' ').slice(1).join(' '))
  }
  return [...held].map(([k, text]) => `${k} ${text}`).sort()
}

class Run {
  readonly store = openMemoryStore()
  readonly group = new WatchCacheGroup({
    store: this.store,
    prefix: '/registry/',
    synchronous: true,
    window: { minEvents: 16, freshMs: 0 },
  })
  readonly cache: WatchCache<Words, Words> = this.group.cache(PODS, wordHooks())
  readonly model: Model = new Map()
  readonly watches: Watch[] = []
  readonly live = new Map<string, KeyValue>()
  revisions: number[] = []

  async begin(): Promise<void> {
    await this.cache.ready
    this.note(await this.store.currentRevision())
  }

  note(revision: number): void {
    this.revisions.push(revision)
    this.model.set(revision, new Map([...this.live].map(([k, kv]) => [k, kv.value.toString()])))
  }

  async take(action: Step): Promise<void> {
    switch (action.kind) {
      case 'write': {
        const name = `${PODS}ns-${action.key % 2}/${action.key}`
        const value = Buffer.from(`v=${this.revisions.length} node=${action.node}`)
        const known = this.live.get(name)
        const kv =
          known === undefined
            ? await this.store.create(name, value)
            : await this.store.update(name, value, known.modRevision)
        this.live.set(name, kv)
        this.note(kv.modRevision)
        return
      }
      case 'delete': {
        const name = `${PODS}ns-${action.key % 2}/${action.key}`
        const known = this.live.get(name)
        if (known === undefined) return
        const { revision } = await this.store.delete(name, known.modRevision)
        this.live.delete(name)
        this.note(revision)
        return
      }
      case 'watch':
        await this.watch(action.back, `${action.node}`)
        return
      case 'turn':
        await settle()
        return
      default: {
        const watch = this.watches[action.watcher]
        if (watch === undefined) return
        watch.recorder.accepts = action.kind === 'resume'
        if (action.kind === 'resume') watch.recorder.watcher?.resume()
      }
    }
  }

  async watch(back: number, wanted: string): Promise<void> {
    const from = this.revisions.at(-1 - back)
    if (from === undefined) return
    const recorder = new Recorder()
    const index = { name: 'node', value: wanted }
    recorder.watcher = await this.cache.watch({ from: { revision: from }, index }, recorder)
    this.watches.push({ recorder, from, node: wanted })
  }

  /** Every watch that was not ended as too slow holds what the model holds; so does every list. */
  async check(): Promise<void> {
    for (const { recorder } of this.watches) {
      recorder.accepts = true
      recorder.watcher?.resume()
    }
    await settle()
    for (const watch of this.watches) {
      if (watch.recorder.errors.length > 0) expect(watch.recorder.errors).toMatchObject([{ code: 'Compacted' }])
      else
        expect(replay(this.model, watch)).toEqual(
          onNode(this.model.get(this.revisions.at(-1) ?? 0) ?? new Map(), watch.node).sort(),
        )
    }
    for (const revision of this.revisions.slice(-20)) {
      const expected = [...(this.model.get(revision) ?? [])].map(([k, text]) => `${k} ${text}`).sort()
      expect(await this.pages(revision)).toEqual(expected)
    }
  }

  async pages(revision: number): Promise<string[]> {
    const found: TestEntry[] = []
    let start: string | undefined
    do {
      const page = await this.cache.list({ at: { exactly: revision }, limit: 3, start })
      found.push(...page.entries)
      start = page.next
    } while (start !== undefined)
    return found.map((e) => `${e.key} ${e.bytes.toString().split(' ').slice(1).join(' ')}`)
  }

  async end(): Promise<void> {
    this.group.stop()
    await this.store.close()
  }
}

describe('watch cache against a plain model', () => {
  it('any order of writes, deletes, watches and pauses: lists and replayed watches agree with the model', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 120 }), async (steps) => {
        const run = new Run()
        try {
          await run.begin()
          for (const action of steps) await run.take(action)
          await run.check()
        } finally {
          await run.end()
        }
      }),
      { numRuns: 60 },
    )
  })
})
