import { execFile, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Durability } from '../../src/storage/leveldb/level-journal.ts'
import { openLevelStore } from '../../src/storage/leveldb/level-store.ts'
import { SeededRandom, seedOfRun } from '../suites/seeded-random.ts'
import { type CrashMessage, payloadOf } from './crash-protocol.ts'

const root = join(import.meta.dirname, '../..')
const child = join(root, 'node_modules/.cache/kubemu-crash/test/crash/crash-child.js')
const cycles = Number(process.env['CRASH_CYCLES'] ?? 20)
const cycleMs = 3000

/** A key's state: the payload and the revision that wrote it; undefined when absent. */
type KeyState = { readonly payload: number; readonly revision: number } | undefined

/** What the parent knows of a key while a child runs. */
interface KeyTrack {
  promised: KeyState
  /** Asked for and not answered yet: at most one, as each key has one writer. */
  attempt: { readonly verb: 'put' | 'delete'; readonly payload: number } | undefined
}

/** Follows the children's words over all cycles and compares the store with them after each death. */
class Witness {
  readonly #keys = new Map<string, KeyTrack>()
  #highestPromised = 0
  acknowledged = 0
  nextPayload = 1

  hear(message: CrashMessage): void {
    if (message.type === 'ready') return
    const track = this.#track(message.key)
    if (message.type === 'attempt') {
      track.attempt = { verb: message.verb, payload: message.payload }
      this.nextPayload = Math.max(this.nextPayload, message.payload + 1)
      return
    }
    const { attempt } = track
    if (attempt === undefined) throw new Error(`an answer for ${message.key} that nobody asked for`)
    if (message.revision <= (track.promised?.revision ?? 0)) throw new Error('a revision that does not grow')
    track.promised = attempt.verb === 'put' ? { payload: attempt.payload, revision: message.revision } : undefined
    track.attempt = undefined
    this.#highestPromised = Math.max(this.#highestPromised, message.revision)
    this.acknowledged++
  }

  /** Opens what the dead child left, checks it against every promise, and takes it as the new truth. */
  async inspect(directory: string): Promise<void> {
    const store = await openLevelStore({ directory })
    try {
      await store.check()
      const revision = await store.currentRevision()
      expect(revision).toBeGreaterThanOrEqual(this.#highestPromised)
      const { kvs } = await store.range('/')
      const stored = new Map<string, KeyState>()
      for (const kv of kvs) {
        const payload = payloadOf(kv.value)
        if (payload === undefined) throw new Error(`${kv.key} holds bytes that nobody wrote`)
        stored.set(kv.key, { payload, revision: kv.modRevision })
      }
      for (const key of stored.keys()) this.#track(key)
      for (const [key, track] of this.#keys) this.#compare(key, track, stored.get(key))
      this.#highestPromised = revision
    } finally {
      await store.close()
    }
  }

  #compare(key: string, track: KeyTrack, stored: KeyState): void {
    const { promised, attempt } = track
    const kept = stored?.payload === promised?.payload && stored?.revision === promised?.revision
    // A write that was killed before its answer may have happened: then wholly, and after all that was promised.
    const happened =
      attempt?.verb === 'put'
        ? stored?.payload === attempt.payload && stored.revision > (promised?.revision ?? 0)
        : attempt?.verb === 'delete' && stored === undefined
    expect(kept || happened, `${key}: ${JSON.stringify({ promised, attempt, stored })}`).toBe(true)
    track.promised = stored
    track.attempt = undefined
  }

  #track(key: string): KeyTrack {
    const known = this.#keys.get(key)
    if (known !== undefined) return known
    const track: KeyTrack = { promised: undefined, attempt: undefined }
    this.#keys.set(key, track)
    return track
  }
}

/** Lets a child write and kills it, `killAfter` of its messages later: at any point of opening, writing, sweeping. */
async function writeAndDie(
  directory: string,
  durability: Durability,
  witness: Witness,
  killAfter: number,
): Promise<void> {
  const args = [child, directory, durability, '16', `${witness.nextPayload}`]
  const process_ = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const died = new Promise<NodeJS.Signals | null>((resolve) =>
    process_.once('exit', (_code, signal) => resolve(signal)),
  )
  let heard = 0
  for await (const line of createInterface({ input: process_.stdout })) {
    if (++heard === killAfter) process_.kill('SIGKILL')
    witness.hear(JSON.parse(line) as CrashMessage)
  }
  expect(await died).toBe('SIGKILL')
}

describe('killed while writing', () => {
  beforeAll(async () => {
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    await promisify(execFile)(process.execPath, [tsc, '-p', join(import.meta.dirname, 'tsconfig.json')])
  })

  const seed = seedOfRun()
  for (const durability of ['sync', 'async'] as const) {
    const count = Math.ceil(cycles / 2)
    it(
      `${durability}, ${count} times: every promise kept, nothing half done (repeat with SEED=${seed})`,
      async () => {
        const random = new SeededRandom(seed)
        const directory = await mkdtemp(join(tmpdir(), 'kubemu-crash-'))
        const witness = new Witness()
        for (let i = 0; i < count; i++) {
          await writeAndDie(directory, durability, witness, random.between(1, 4000))
          await witness.inspect(directory)
        }
        expect(witness.acknowledged).toBeGreaterThan(count)
        await rm(directory, { recursive: true })
      },
      30_000 + count * cycleMs,
    )
  }
})
