import { describe, expect, it } from 'vitest'
import { KeyRevision } from './key-revision.ts'
import { RevisionIndex } from './revision-index.ts'
import { Sweeper } from './sweeper.ts'

function write(index: RevisionIndex): void {
  const previous = index.newest('/k')
  const revision = index.current + 1
  index.apply(
    new KeyRevision({
      key: '/k',
      revision,
      createRevision: previous?.createRevision ?? revision,
      version: (previous?.version ?? 0) + 1,
      deleted: false,
      size: 0,
      expiresAt: 0,
      value: undefined,
      previous,
    }),
  )
}

describe('sweeper', () => {
  it('keepUp: writers that never let the event loop turn do not pile up history', () => {
    const index = new RevisionIndex(() => 0)
    const sweeper = new Sweeper({ journal: undefined, index: () => index, wanted: () => false })
    let longest = 0
    for (let i = 0; i < 60_000; i++) {
      write(index)
      if (index.current - index.compacted > 110) index.compact(index.current - 100)
      sweeper.keepUp()
      longest = Math.max(longest, index.current - index.logStart)
    }
    expect(longest).toBeLessThan(11_000)
    expect(index.problems()).toEqual([])
  })

  it('soon: sweeps all that is compacted, a turn at a time', async () => {
    const index = new RevisionIndex(() => 0)
    const sweeper = new Sweeper({ journal: undefined, index: () => index, wanted: () => false })
    for (let i = 0; i < 3000; i++) write(index)
    index.compact(index.current)
    sweeper.soon()
    expect(index.swept).toBe(0)
    await sweeper.idle()
    expect(index.swept).toBe(index.current)
    expect(index.reachable().map((record) => record.revision)).toEqual([index.current])
  })

  it('soon: stops while the store is wanted, and goes on from there', async () => {
    const index = new RevisionIndex(() => 0)
    let wanted = true
    const sweeper = new Sweeper({ journal: undefined, index: () => index, wanted: () => wanted })
    for (let i = 0; i < 10; i++) write(index)
    index.compact(index.current)
    sweeper.soon()
    await sweeper.idle()
    expect(index.swept).toBe(0)
    wanted = false
    sweeper.soon()
    await sweeper.idle()
    expect(index.swept).toBe(index.current)
  })
})
