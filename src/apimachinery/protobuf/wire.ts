import { createRequire } from 'node:module'
import type Protobuf from 'protobufjs/minimal.js'

let loaded: typeof Protobuf | undefined

/** protobufjs' reader and writer, loaded with the first protobuf message: a server starts without them. */
export function wire(): typeof Protobuf {
  loaded ??= createRequire(import.meta.url)('protobufjs/minimal.js') as typeof Protobuf
  return loaded
}
