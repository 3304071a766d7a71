import { createRequire } from 'node:module'
import type * as ClientNode from '@kubernetes/client-node'

/**
 * `@kubernetes/client-node`, unmodified, on every Node that the project supports. Its HTTP client asks for Node 22: Node
 * 20 gets what it misses. Zstandard is only called for answers that no server here gives, and marking objects as not to
 * be cloned matters to worker threads alone.
 */
async function load(): Promise<typeof ClientNode> {
  const require = createRequire(import.meta.url)
  const zlib = require('node:zlib') as { createZstdDecompress?: () => never }
  zlib.createZstdDecompress ??= () => {
    throw new Error('this Node has no Zstandard')
  }
  const threads = require('node:worker_threads') as { markAsUncloneable?: (object: object) => void }
  threads.markAsUncloneable ??= () => {}
  const promises = Promise as { withResolvers?: <T>() => Resolvers<T> }
  promises.withResolvers ??= withResolvers
  return await import('@kubernetes/client-node')
}

interface Resolvers<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T | PromiseLike<T>) => void
  readonly reject: (reason: unknown) => void
}

function withResolvers<T>(): Resolvers<T> {
  let settle: Omit<Resolvers<T>, 'promise'> | undefined
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject }
  })
  return { promise, ...settle! }
}

export const clientNode: typeof ClientNode = await load()
