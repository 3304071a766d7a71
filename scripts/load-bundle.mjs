// Built into dist/load.mjs: loads the bundled program. Reading and compiling its text is a good part of a start, so what
// V8 made of it is kept beside it and used again. V8 refuses what another version, other flags or another processor
// made; then, and where there is nothing yet, the text is compiled as ever, and the result kept if the folder lets it.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { cachedDataVersionTag } from 'node:v8'
import { Script } from 'node:vm'

/** The names carry a hash of the text: V8 itself looks at nothing but its length. */
const file = join(import.meta.dirname, BUNDLE_NAME)
const folder = join(import.meta.dirname, 'code-cache')
const cacheFile = join(folder, `${BUNDLE_NAME}-${process.arch}-${cachedDataVersionTag()}`)
/** When starts are over, and what they have called has been compiled. */
const SAVE_AFTER_MS = 10_000

const { script, isCached } = compile()

/** What the bundle exports. */
export const bundle = run()
if (!isCached) setTimeout(saveCodeCache, SAVE_AFTER_MS).unref()

/** Keeps what has been compiled so far. */
export function saveCodeCache() {
  try {
    mkdirSync(folder, { recursive: true })
    const draft = `${cacheFile}.${process.pid}`
    writeFileSync(draft, script.createCachedData())
    renameSync(draft, cacheFile)
  } catch {
    // An installation that nobody may write to starts without.
  }
}

function compile() {
  const cachedData = readCache()
  const text = `(function(exports,require,module,__filename,__dirname){${readFileSync(file, 'latin1')}\n})`
  const compiled = new Script(text, cachedData ? { filename: file, cachedData } : { filename: file })
  return { script: compiled, isCached: cachedData !== undefined }
}

function readCache() {
  try {
    return readFileSync(cacheFile)
  } catch {
    return undefined
  }
}

function run() {
  const module = { exports: {} }
  script.runInThisContext()(module.exports, createRequire(file), module, file, import.meta.dirname)
  return module.exports
}
