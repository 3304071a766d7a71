import { createHash, timingSafeEqual } from 'node:crypto'

/** SHA-256 of a secret: what is kept, compared and looked up in its place. */
export const digestOf = (secret: string): Buffer => createHash('sha256').update(secret).digest()

/** Compares secrets in a time that says nothing about where, or in which length, they differ. */
export function sameSecret(a: string, b: string): boolean {
  return timingSafeEqual(digestOf(a), digestOf(b))
}
