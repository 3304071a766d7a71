import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { guaranteedUpdate, type Transform } from './guaranteed-update.ts'
import { openMemoryStore } from './memory-store.ts'
import type { KeyValue, SnapshotStore } from './store.ts'

const key = '/registry/configmaps/default/a'
const bytes = (text: string): Buffer => Buffer.from(text)
const append =
  (suffix: string): Transform =>
  (current) => ({ value: bytes(`${current?.value ?? ''}${suffix}`) })

describe('guaranteedUpdate', () => {
  let store: SnapshotStore
  beforeEach(() => {
    store = openMemoryStore()
  })
  afterEach(async () => {
    await store.check()
    await store.close()
  })

  it('transforms the present state and writes it', async () => {
    await store.create(key, bytes('a'))
    const { kv, written } = await guaranteedUpdate(store, key, append('b'))
    expect(written).toBe(true)
    expect(kv).toMatchObject({ version: 2, modRevision: await store.currentRevision() })
    expect((await store.get(key)).kv?.value.toString()).toBe('ab')
  })

  it('an absent key is KeyNotFound and the transform never runs', async () => {
    let ran = false
    const update = guaranteedUpdate(store, key, (current) => {
      ran = true
      return append('b')(current)
    })
    await expect(update).rejects.toMatchObject({ code: 'KeyNotFound', key })
    expect(ran).toBe(false)
  })

  it('ignoreNotFound: starts from nothing and creates', async () => {
    const { kv } = await guaranteedUpdate(store, key, append('b'), { ignoreNotFound: true })
    expect(kv).toMatchObject({ version: 1 })
    expect(kv.value.toString()).toBe('b')
  })

  it('retries on conflict until it wins', async () => {
    await store.create(key, bytes(''))
    await Promise.all(Array.from({ length: 50 }, () => guaranteedUpdate(store, key, append('x'))))
    expect((await store.get(key)).kv?.value.toString()).toBe('x'.repeat(50))
  })

  it('ignoreNotFound: racing creators all get on', async () => {
    await Promise.all(
      Array.from({ length: 20 }, () => guaranteedUpdate(store, key, append('x'), { ignoreNotFound: true })),
    )
    expect((await store.get(key)).kv?.value.toString()).toBe('x'.repeat(20))
  })

  it('a key deleted between read and write is KeyNotFound, or made anew where that is wanted', async () => {
    for (const ignoreNotFound of [false, true]) {
      const kv = await store.create(key, bytes('old'))
      let first = true
      const update = guaranteedUpdate(
        store,
        key,
        async (current) => {
          if (first) await store.delete(key, kv.modRevision)
          first = false
          return { value: bytes(`${current?.value ?? 'none'}+`) }
        },
        { ignoreNotFound },
      )
      if (!ignoreNotFound) await expect(update).rejects.toMatchObject({ code: 'KeyNotFound' })
      else expect((await update).kv.value.toString()).toBe('none+')
    }
  })

  it('a no-op is not written and takes no revision', async () => {
    await store.create(key, bytes('same'))
    const before = await store.currentRevision()
    const { kv, written } = await guaranteedUpdate(store, key, () => ({ value: bytes('same') }))
    expect(written).toBe(false)
    expect(kv.version).toBe(1)
    expect(await store.currentRevision()).toBe(before)
  })

  it('suggested: tried first, without a read', async () => {
    const suggested = await store.create(key, bytes('a'))
    const get = store.get.bind(store)
    store.get = () => Promise.reject(new Error('must not read'))
    const { kv } = await guaranteedUpdate(store, key, append('b'), { suggested })
    store.get = get
    expect(kv.value.toString()).toBe('ab')
  })

  it('suggested: a stale one is replaced by the truth', async () => {
    const stale = await store.create(key, bytes('a'))
    await store.update(key, bytes('A'), stale.modRevision)
    const { kv } = await guaranteedUpdate(store, key, append('b'), { suggested: stale })
    expect(kv.value.toString()).toBe('Ab')
  })

  it('suggested: a no-op against a stale state is still written', async () => {
    const stale = await store.create(key, bytes('want'))
    await store.update(key, bytes('other'), stale.modRevision)
    const { kv, written } = await guaranteedUpdate(store, key, () => ({ value: bytes('want') }), { suggested: stale })
    expect(written).toBe(true)
    expect(kv.version).toBe(3)
  })

  it('suggested: a refusal of a stale state is tried again on the present one', async () => {
    const stale = await store.create(key, bytes('a'))
    await store.update(key, bytes('A'), stale.modRevision)
    const onlyUpper: Transform = (current: KeyValue | undefined) => {
      if (current?.value.toString() !== 'A') throw new Error('refused')
      return { value: bytes('done') }
    }
    const { kv } = await guaranteedUpdate(store, key, onlyUpper, { suggested: stale })
    expect(kv.value.toString()).toBe('done')
  })

  it('suggested: a refusal of a state that is the present one stands', async () => {
    const suggested = await store.create(key, bytes('a'))
    let runs = 0
    const refuse: Transform = () => {
      runs++
      throw new Error('refused')
    }
    await expect(guaranteedUpdate(store, key, refuse, { suggested })).rejects.toThrow('refused')
    expect(runs).toBe(1)
  })

  it('signal: an aborted update stops retrying', async () => {
    const kv = await store.create(key, bytes('a'))
    const controller = new AbortController()
    const update = guaranteedUpdate(
      store,
      key,
      async () => {
        await store.update(key, bytes('other'), kv.modRevision)
        controller.abort(new Error('gone'))
        return { value: bytes('mine') }
      },
      { signal: controller.signal },
    )
    await expect(update).rejects.toThrow('gone')
    expect((await store.get(key)).kv?.value.toString()).toBe('other')
  })

  it('ttlSeconds: is handed on', async () => {
    await guaranteedUpdate(store, key, () => ({ value: bytes('x'), ttlSeconds: 60 }), { ignoreNotFound: true })
    await expect(guaranteedUpdate(store, key, () => ({ value: bytes('y'), ttlSeconds: -1 }))).rejects.toMatchObject({
      code: 'InvalidArgument',
    })
  })
})
