/**
 * Reads the Go types of the API and writes `openapi/go-types.json`: what JSON decoding and encoding need to know about
 * them and the OpenAPI documents do not say (order of fields, pointers, omitempty, Go names in messages).
 *
 *     npx tsx openapi/go-types.ts API_DIR APIMACHINERY_DIR APIEXTENSIONS_DIR
 *
 * The folders are checkouts of k8s.io/api, k8s.io/apimachinery and k8s.io/apiextensions-apiserver.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * A field as [JSON name, Go type as reflect prints it without the leading `*`, flags, embedding path]. Flags: `p`
 * pointer, `o` omitempty, `z` omitzero. The embedding path (only where there is one) names the embedded structs that
 * the field stands in, joined with dots. Of a named list or map type the text goes on with `=` and what it stands for.
 */
type GoField = readonly [json: string, type: string, flags: string, embedded?: string]

/** definition → fields in Go's order. */
export type GoTypes = Readonly<Record<string, readonly GoField[]>>

interface GoPackage {
  readonly definitionPrefix: string
  readonly importPath: string
  readonly name: string
  readonly structs: Map<string, RawField[]>
  /** Named types that are not structs: name → underlying type text. */
  readonly named: Map<string, string>
  /** Name in this package's files → import path. */
  readonly imports: Map<string, string>
}

interface RawField {
  readonly name: string
  readonly type: string
  readonly json: string
  readonly options: readonly string[]
}

const [apiDir, machineryDir, extensionsDir] = process.argv.slice(2)
if (!apiDir || !machineryDir || !extensionsDir) {
  throw new Error('usage: go-types API_DIR APIMACHINERY_DIR APIEXTENSIONS_DIR')
}

function readPackage(dir: string, importPath: string): GoPackage {
  const pkg: GoPackage = {
    definitionPrefix: importPath.replace(/^k8s\.io/, 'io.k8s').replaceAll('/', '.'),
    importPath,
    name: importPath.split('/').at(-1)!,
    structs: new Map(),
    named: new Map(),
    imports: new Map(),
  }
  for (const file of readdirSync(dir)) {
    if (file.endsWith('.go') && !/_test\.go$|^zz_|^generated|conversion\.go$/.test(file)) {
      readGoFile(readFileSync(join(dir, file), 'utf8'), pkg)
    }
  }
  return pkg
}

function readGoFile(text: string, pkg: GoPackage): void {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
  const imports = /^import\s*(?:\(([^)]*)\)|(.*))$/m.exec(code)
  for (const m of (imports?.[1] ?? imports?.[2] ?? '').matchAll(/^\s*(\w+)?\s*"([^"]+)"/gm)) {
    pkg.imports.set(m[1] ?? m[2]!.split('/').at(-1)!, m[2]!)
  }
  for (const m of code.matchAll(/^type (\w+) struct \{([\s\S]*?)^\}/gm)) {
    pkg.structs.set(m[1]!, [...m[2]!.split('\n')].flatMap(readField))
  }
  for (const m of code.matchAll(/^type (\w+) (?!struct\b|interface\b|func\b)(=\s*)?(\S.*)$/gm)) {
    pkg.named.set(m[1]!, m[3]!.replace(/\s*\/\/.*$/, '').trim())
  }
}

function readField(line: string): RawField[] {
  const m = /^\s*(?:(\w+)\s+)?([^\s`]+)\s*`([^`]*)`/.exec(line)
  const tag = m && /json:"([^"]*)"/.exec(m[3]!)
  if (!m || !tag) return []
  const [json = '', ...options] = tag[1]!.split(',')
  if (json === '-') return []
  return [{ name: m[1] ?? '', type: m[2]!, json, options }]
}

/** The text that reflect's Type.String gives, pointers stripped at the front. */
function typeText(type: string, pkg: GoPackage): string {
  if (type.startsWith('*')) return `*${typeText(type.slice(1), pkg)}`
  if (type.startsWith('[]')) {
    return type === '[]byte' ? '[]uint8' : `[]${typeText(type.slice(2), pkg)}`
  }
  const map = /^map\[([^\]]+)\](.+)$/.exec(type)
  if (map) return `map[${typeText(map[1]!, pkg)}]${typeText(map[2]!, pkg)}`
  const qualified = /^(\w+)\.(\w+)$/.exec(type)
  if (qualified) return `${(pkg.imports.get(qualified[1]!) ?? qualified[1]!).split('/').at(-1)}.${qualified[2]}`
  return /^(string|bool|u?int\d*|float\d+|byte|any|interface\{\})$/.test(type) ? type : `${pkg.name}.${type}`
}

/** Follows a named type (of any package that was read) to a list or map; undefined for scalars and structs. */
function composite(type: string, pkg: GoPackage): string | undefined {
  const target = resolve(type, pkg)
  const underlying = target?.pkg.named.get(target.name)
  return target && underlying && /^(\[\]|map\[)/.test(underlying) ? typeText(underlying, target.pkg) : undefined
}

/** The package and name of a type, seen through names that stand for a struct of another package. */
function resolve(type: string, pkg: GoPackage): { readonly pkg: GoPackage; readonly name: string } | undefined {
  const m = /^(?:(\w+)\.)?(\w+)$/.exec(type.replace(/^\*/, ''))
  if (!m) return undefined
  const target = m[1] ? packages.get(pkg.imports.get(m[1]) ?? '') : pkg
  const name = m[2]!
  if (!target) return undefined
  const alias = target.named.get(name)
  return alias && /^\w+\.\w+$/.test(alias) ? resolve(alias, target) : { pkg: target, name }
}

function fieldsOf(pkg: GoPackage, struct: string, path: readonly string[] = []): GoField[] {
  return (pkg.structs.get(struct) ?? []).flatMap((field): GoField[] => {
    if (field.json === '' && (field.options.includes('inline') || field.name === '')) {
      const target = resolve(field.type, pkg)
      const embedded = field.type.split('.').at(-1)!
      return target ? fieldsOf(target.pkg, target.name, [...path, embedded]) : []
    }
    const pointer = field.type.startsWith('*')
    const text = typeText(pointer ? field.type.slice(1) : field.type, pkg)
    const stands = composite(field.type, pkg)
    const flags = [
      pointer ? 'p' : '',
      field.options.includes('omitempty') ? 'o' : '',
      field.options.includes('omitzero') ? 'z' : '',
    ].join('')
    const head = [field.json, stands ? `${text}=${stands}` : text, flags] as const
    return [path.length > 0 ? [...head, path.join('.')] : head]
  })
}

/** By import path. */
const packages = new Map<string, GoPackage>()
function add(dir: string, importPath: string): void {
  packages.set(importPath, readPackage(dir, importPath))
}

for (const path of ['pkg/apis/meta/v1', 'pkg/version', 'pkg/types']) {
  add(join(machineryDir, path), `k8s.io/apimachinery/${path}`)
}
for (const group of subfolders(apiDir)) {
  for (const version of subfolders(join(apiDir, group))) {
    if (/^v\d/.test(version)) add(join(apiDir, group, version), `k8s.io/api/${group}/${version}`)
  }
}
add(join(extensionsDir, 'pkg/apis/apiextensions/v1'), 'k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1')

function subfolders(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
}

/** The aggregator's few types (k8s.io/kube-aggregator pkg/apis/apiregistration/v1/types.go). */
const AGGREGATOR = 'io.k8s.kube-aggregator.pkg.apis.apiregistration.v1'
const aggregator: GoTypes = {
  [`${AGGREGATOR}.ServiceReference`]: [
    ['namespace', 'string', 'o'],
    ['name', 'string', 'o'],
    ['port', 'int32', 'po'],
  ],
  [`${AGGREGATOR}.APIServiceSpec`]: [
    ['service', 'v1.ServiceReference', 'po'],
    ['group', 'string', 'o'],
    ['version', 'string', 'o'],
    ['insecureSkipTLSVerify', 'bool', 'o'],
    ['caBundle', '[]uint8', 'o'],
    ['groupPriorityMinimum', 'int32', ''],
    ['versionPriority', 'int32', ''],
  ],
  [`${AGGREGATOR}.APIServiceCondition`]: [
    ['type', 'v1.APIServiceConditionType', ''],
    ['status', 'v1.ConditionStatus', ''],
    ['lastTransitionTime', 'v1.Time', 'o'],
    ['reason', 'string', 'o'],
    ['message', 'string', 'o'],
  ],
  [`${AGGREGATOR}.APIServiceStatus`]: [['conditions', '[]v1.APIServiceCondition', 'o']],
  [`${AGGREGATOR}.APIService`]: [
    ['kind', 'string', 'o', 'TypeMeta'],
    ['apiVersion', 'string', 'o', 'TypeMeta'],
    ['metadata', 'v1.ObjectMeta', 'o'],
    ['spec', 'v1.APIServiceSpec', 'o'],
    ['status', 'v1.APIServiceStatus', 'o'],
  ],
  [`${AGGREGATOR}.APIServiceList`]: [
    ['kind', 'string', 'o', 'TypeMeta'],
    ['apiVersion', 'string', 'o', 'TypeMeta'],
    ['metadata', 'v1.ListMeta', 'o'],
    ['items', '[]v1.APIService', ''],
  ],
}

const types: Record<string, readonly GoField[]> = {}
for (const pkg of packages.values()) {
  for (const struct of [...pkg.structs.keys(), ...pkg.named.keys()]) {
    const target = resolve(struct, pkg)
    const fields = target ? fieldsOf(target.pkg, target.name) : []
    if (fields.length > 0) types[`${pkg.definitionPrefix}.${struct}`] = fields
  }
}
Object.assign(types, aggregator)
const out = Object.keys(types)
  .sort()
  .map((name) => `${JSON.stringify(name)}:${JSON.stringify(types[name])}`)
writeFileSync(join(import.meta.dirname, 'go-types.json'), `{\n${out.join(',\n')}\n}\n`)
