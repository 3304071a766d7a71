import type { Call } from './call.ts'
import type { WriteOptions } from './write-options.ts'

/** Longest name of a field manager, in bytes. */
const MAX_BYTES = 128

/** Name under which a write's fields are owned: the option, or the part of the user agent before its first slash. */
export function managerOf(call: Call, { fieldManager }: Pick<WriteOptions, 'fieldManager'>): string {
  return fieldManager !== '' ? fieldManager : managerOfUserAgent(call.userAgent)
}

/** @see apiserver pkg/endpoints/handlers/create.go prefixFromUserAgent */
function managerOfUserAgent(userAgent: string): string {
  const prefix = userAgent.split('/', 1)[0]!
  let name = ''
  let bytes = 0
  for (const char of prefix) {
    if (!/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(char)) continue
    bytes += Buffer.byteLength(char)
    if (bytes > MAX_BYTES) break
    name += char
  }
  return name === '' ? 'unknown' : name
}
