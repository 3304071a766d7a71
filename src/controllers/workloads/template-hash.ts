import { dumpPodTemplate } from '../../apimachinery/go-dump.ts'

const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

/** The alphabet of generated names: neither vowels nor digits that look like letters (rand.SafeEncodeString). */
const SAFE = 'bcdfghjklmnpqrstvwxz2456789'

/**
 * A short name for what a pod template says, as it stands in `pod-template-hash` and in the names of ReplicaSets and
 * ControllerRevisions: that of v1.36, as every version of Kubernetes with other fields has its own. `collisionCount` makes
 * another of it where that name is taken.
 *
 * @see kubernetes pkg/controller/controller_utils.go ComputeHash
 */
export function templateHash(template: unknown, collisionCount: number | undefined): string {
  let hash = fnv32a(FNV_OFFSET, Buffer.from(dumpPodTemplate(template)))
  if (collisionCount !== undefined) {
    const count = Buffer.alloc(8)
    count.writeUInt32LE(collisionCount)
    hash = fnv32a(hash, count)
  }
  return safeEncode(String(hash))
}

/**
 * A short name for the data of a ControllerRevision: FNV-1 of its JSON as Go writes a map.
 *
 * @see kubernetes pkg/controller/history/controller_history.go HashControllerRevision
 */
export function dataHash(data: unknown, collisionCount: number): string {
  const json = sortedJson(data).replace(
    /[<>&\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  let hash = FNV_OFFSET
  for (const byte of Buffer.from(json + collisionCount)) hash = (Math.imul(hash, FNV_PRIME) ^ byte) >>> 0
  return safeEncode(String(hash))
}

/** FNV-1a of 32 bits, going on from `hash`. */
function fnv32a(hash: number, bytes: Buffer): number {
  for (const byte of bytes) hash = Math.imul(hash ^ byte, FNV_PRIME) >>> 0
  return hash
}

/** Digits and letters as characters that can't spell words. */
function safeEncode(text: string): string {
  let encoded = ''
  for (let i = 0; i < text.length; i++) encoded += SAFE[text.charCodeAt(i) % SAFE.length]
  return encoded
}

function sortedJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sortedJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value)
    .filter(([, v]) => v !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([k, v]) => `${JSON.stringify(k)}:${sortedJson(v)}`)
  return `{${members.join(',')}}`
}
