// Checks that imports between the rooms of src/ go only downwards, that no two files import each other in a circle, that
// each room has only the npm packages that are its own, and that only src/cli reads and ends the process.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

const root = join(import.meta.dirname, '../src')

/** Room → rooms that it may import from, besides itself. */
const MAY_IMPORT = {
  cli: ['cluster', 'api', 'apimachinery'],
  cluster: ['controllers', 'api', 'admission', 'auth', 'registry', 'storage', 'apimachinery'],
  controllers: ['apimachinery'],
  api: ['admission', 'auth', 'registry', 'storage', 'apimachinery'],
  admission: ['auth', 'registry', 'apimachinery'],
  auth: ['registry', 'apimachinery'],
  registry: ['storage', 'apimachinery'],
  storage: ['apimachinery'],
  apimachinery: [],
}

/** Room → npm packages that it may load; tests may load any. */
const PACKAGES = {
  cli: ['commander', 'pino', 'pino-pretty'],
  cluster: ['@peculiar/x509', 'fastify', 'pino', 'vitest', 'ws', 'yaml'],
  controllers: [],
  api: ['@fastify/swagger', '@fastify/swagger-ui', 'fastify', 'prom-client', 'protobufjs', 'ws'],
  admission: [],
  auth: ['jose'],
  registry: ['re2js'],
  storage: ['classic-level', 'etcd3', 'sorted-btree'],
  apimachinery: ['protobufjs', 'yaml'],
}

const PACKAGE =
  /^(?:import|export)\s[^'"]*?from\s'([@a-z][^':]*)'|import\('([@a-z][^':]*)'\)|lazyModule<[^(]*>\('([^']+)'\)/gm
const PROCESS = /\bprocess\.(?:argv|env|exit|exitCode)\b/

const IMPORT = /^(?:import|export)\s(?:type\s)?[^'"]*?from\s'(\.[^']+)'|import\('(\.[^']+)'\)/gm

const files = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((f) => f.isFile() && f.name.endsWith('.ts'))
  .map((f) => join(f.parentPath, f.name))

const roomOf = (file) => relative(root, file).split(/[\\/]/)[0]
const problems = []
const graph = new Map()

for (const file of files) {
  const isTest = file.endsWith('.test.ts')
  const room = roomOf(file)
  const text = readFileSync(file, 'utf8')
  if (!isTest) {
    for (const [, ...names] of text.matchAll(PACKAGE)) {
      const [name] = /^(?:@[^/]+\/)?[^/]+/.exec(names.find(Boolean))
      if (!PACKAGES[room]?.includes(name)) problems.push(`${relative(root, file)} loads the package ${name}`)
    }
    if (room !== 'cli' && PROCESS.test(text)) problems.push(`${relative(root, file)} reads or ends the process`)
  }
  const targets = []
  for (const match of text.matchAll(IMPORT)) {
    const target = resolve(dirname(file), match[1] ?? match[2])
    if (relative(root, target).startsWith('..')) continue
    const to = roomOf(target)
    const isType = /^(?:import|export)\stype\s/.test(match[0])
    if (!isType && match[1]) targets.push(target)
    if (to === room || isTest) continue
    if (!MAY_IMPORT[room]?.includes(to))
      problems.push(`${relative(root, file)} imports from ${to}/ (${match[1] ?? match[2]})`)
  }
  graph.set(file, targets)
}

const state = new Map()
function visit(file, path) {
  if (state.get(file) === 'done') return
  if (state.get(file) === 'open') {
    const circle = path.slice(path.indexOf(file)).concat(file)
    problems.push(`circle: ${circle.map((f) => relative(root, f)).join(' → ')}`)
    return
  }
  state.set(file, 'open')
  for (const target of graph.get(file) ?? []) visit(target, [...path, file])
  state.set(file, 'done')
}
for (const file of graph.keys()) visit(file, [])

for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exit(1)
console.log(`${files.length} files, boundaries respected`)
