/**
 * Reads the Go structs that a pod template is made of and writes `openapi/data/pod-template-structs.json`: names, types and
 * order of their fields, which the hash of a template is taken over.
 *
 * API_DIR and APIMACHINERY_DIR are checkouts of k8s.io/api and k8s.io/apimachinery at the version that is served:
 *
 *     npx tsx openapi/pod-template-structs.ts API_DIR APIMACHINERY_DIR
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { GoField, PodTemplateStructs } from './data.ts'

const [apiDir, apimachineryDir] = process.argv.slice(2)
if (!apiDir || !apimachineryDir) throw new Error('usage: pod-template-structs API_DIR APIMACHINERY_DIR')

/** What is no struct of fields that JSON has. */
const OPAQUE = new Set(['resource.Quantity', 'intstr.IntOrString', 'v1.Time', 'v1.ManagedFieldsEntry'])
const BASIC = new Set(['string', 'bool', 'int32', 'int64'])

const declared = { structs: new Map<string, GoField[]>(), named: new Map<string, string>() }
declared.named.set('types.UID', 'string')

/** Both packages are `v1` in Go's own names of types, and share none. */
function typeText(text: string): string {
  const [, prefix = '', rest = ''] = /^((?:\*|\[\])*)(.*)$/.exec(text)!
  const map = /^map\[(.*?)\](.*)$/.exec(rest)
  if (map) return `${prefix}map[${typeText(map[1]!)}]${typeText(map[2]!)}`
  if (BASIC.has(rest)) return prefix + rest
  return prefix + (rest.includes('.') ? rest.replace(/^metav1\./, 'v1.') : `v1.${rest}`)
}

function declare(source: string): void {
  for (const [, name, body] of source.matchAll(/^type (\w+) struct \{\n([\s\S]*?)^\}/gm)) {
    declared.structs.set(`v1.${name}`, body!.split('\n').flatMap(fieldOf))
  }
  for (const [, name, type] of source.matchAll(/^type (\w+) ([\w[\].]+)(?:\s*\/\/.*)?$/gm)) {
    declared.named.set(`v1.${name}`, typeText(type!))
  }
}

function fieldOf(line: string): GoField[] {
  const found = /^\s+(?:(\w+)\s+)?([\w.*[\]]+)\s+`.*?json:"([^"]*)"/.exec(line)
  if (!found) return []
  const [, name, type = '', tag = ''] = found
  const [json = '', ...options] = tag.split(',')
  const field = [name ?? type.split('.').at(-1)!, typeText(type)] as const
  return options.includes('inline') ? [field] : [[...field, json]]
}

declare(readFileSync(join(apiDir, 'core/v1/types.go'), 'utf8'))
declare(readFileSync(join(apimachineryDir, 'pkg/apis/meta/v1/types.go'), 'utf8'))

const structs: Record<string, GoField[]> = {}
const named: Record<string, string> = {}
const left = ['v1.PodTemplateSpec']
for (let type = left.pop(); type !== undefined; type = left.pop()) {
  if (BASIC.has(type) || OPAQUE.has(type) || structs[type] || named[type]) continue
  const underlying = declared.named.get(type)
  const fields = declared.structs.get(type)
  if (underlying) {
    named[type] = underlying
    left.push(...typesIn(underlying))
  } else if (fields) {
    structs[type] = fields
    left.push(...fields.flatMap(([, fieldType]) => typesIn(fieldType)))
  } else throw new Error(`what is ${type}?`)
}

function typesIn(text: string): string[] {
  return text.match(/[\w.]+/g)!.filter((part) => part !== 'map')
}

const sorted = <T>(record: Record<string, T>) => Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))
const lines = sorted(structs).map(([type, fields]) => `${JSON.stringify(type)}:${JSON.stringify(fields)}`)
const text = `{\n"structs":{\n${lines.join(',\n')}\n},\n"named":${JSON.stringify(Object.fromEntries(sorted(named)))}\n}\n`
JSON.parse(text) satisfies PodTemplateStructs
writeFileSync(join(import.meta.dirname, 'data/pod-template-structs.json'), text)
