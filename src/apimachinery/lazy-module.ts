import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/**
 * A package that is loaded when it is first used: what only some servers or some requests need must not cost every
 * start. The package must have a CommonJS form.
 */
export function lazyModule<T>(name: string): () => T {
  let loaded: T | undefined
  return () => {
    loaded ??= require(name) as T
    return loaded
  }
}
