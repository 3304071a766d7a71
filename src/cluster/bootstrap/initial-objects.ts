import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KubeObject } from '../../apimachinery/kube-object.ts'

/** What an object has that no other one has: everything else of what a cluster begins with is the same each time. */
export interface Birth {
  readonly uid: string
  /** RFC 3339 with whole seconds. */
  readonly time: string
}

/** Stand for uid and time in a stored text. JSON never has them as they are. */
const UID = '\u0001'
const TIME = '\u0002'
const ANY_TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/

/**
 * How the objects that every cluster begins with are stored. What one start has defaulted, validated and encoded is
 * written as it is by the next: of this process, and of all others by a file that the build leaves beside the bundle.
 */
class InitialObjects {
  #texts: Map<string, string> | undefined

  /** What is to be stored for an object; undefined where no start has made it yet. */
  encoded(object: KubeObject, { uid, time }: Birth): Buffer | undefined {
    const text = this.#known.get(idOf(object))
    return text === undefined ? undefined : Buffer.from(text.replaceAll(UID, uid).replaceAll(TIME, time))
  }

  /** `bytes`: as the object was stored. */
  remember(object: KubeObject, bytes: Buffer, { uid, time }: Birth): void {
    const text = bytes.toString().replaceAll(uid, UID).replaceAll(time, TIME)
    // A second that ended while it was made: it has two times.
    if (!ANY_TIME.test(text)) this.#known.set(idOf(object), text)
  }

  /** All that is known, for {@link FILE}. */
  toJSON(): Record<string, string> {
    return Object.fromEntries(this.#known)
  }

  get #known(): Map<string, string> {
    this.#texts ??= readTexts(FILE)
    return this.#texts
  }
}

/** What a build has left in a file; nothing where there is none, or a build was cut off while it wrote it. */
export function readTexts(file: string): Map<string, string> {
  try {
    return new Map(existsSync(file) ? Object.entries(JSON.parse(readFileSync(file, 'utf8'))) : [])
  } catch {
    return new Map()
  }
}

/** There is one in `dist` alone: sources change without a build. */
const FILE = join(import.meta.dirname, 'initial-objects.json')

function idOf(object: KubeObject): string {
  return createHash('sha1').update(JSON.stringify(object)).digest('base64')
}

export const initialObjects = new InitialObjects()
