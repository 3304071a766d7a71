/**
 * Writes `src/apimachinery/types/<group>-<version>.ts`: a TypeScript interface for every definition of the API.
 *
 *     npx tsx openapi/generate-types.ts FACTS_DIR
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly format?: string
  readonly enum?: readonly string[]
  readonly items?: Schema
  readonly additionalProperties?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly gvk?: readonly (readonly [string, string, string])[]
}

const factsDir = process.argv[2]
if (!factsDir) throw new Error('usage: generate-types FACTS_DIR')
const schema = JSON.parse(readFileSync(join(factsDir, 'schema.json'), 'utf8')) as Record<string, Schema>
const outDir = join(import.meta.dirname, '../src/apimachinery/types')

/** Definitions that are JSON scalars or raw content. */
const SCALARS: Readonly<Record<string, string>> = {
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': 'number | string',
  'io.k8s.apimachinery.pkg.api.resource.Quantity': 'string',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': 'string',
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': 'string',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Duration': 'string',
  'io.k8s.apimachinery.pkg.runtime.RawExtension': 'Record<string, unknown>',
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1': 'Record<string, unknown>',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON': 'unknown',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray':
    'JSONSchemaProps | JSONSchemaProps[]',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool': 'JSONSchemaProps | boolean',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray': 'JSONSchemaProps | string[]',
}

/** `io.k8s.api.core.v1.PodSpec` stands as `PodSpec` in `core-v1.ts`. */
function place(definition: string): { readonly file: string; readonly name: string } {
  const parts = definition.split('.')
  const name = parts.at(-1)!
  const version = parts.at(-2)!
  const group = parts.at(-3)!
  return { file: /^v\d/.test(version) ? `${group}-${version}` : version, name }
}

function typeOf(s: Schema, file: string, imports: Map<string, Set<string>>): string {
  if (s.$ref) {
    const target = place(s.$ref)
    if (target.file !== file) imports.set(target.file, (imports.get(target.file) ?? new Set()).add(target.name))
    return target.name
  }
  if (s.type === 'array') {
    const item = typeOf(s.items ?? {}, file, imports)
    return item.includes('|') ? `(${item})[]` : `${item}[]`
  }
  if (s.type === 'object') {
    return `Record<string, ${s.additionalProperties ? typeOf(s.additionalProperties, file, imports) : 'unknown'}>`
  }
  if (s.type === 'integer' || s.type === 'number') return 'number'
  return s.type === 'string' || s.type === 'boolean' ? s.type : 'unknown'
}

const files = new Map<string, { readonly lines: string[]; readonly imports: Map<string, Set<string>> }>()
for (const [definition, s] of Object.entries(schema)) {
  if (definition.startsWith('_')) continue
  const { file, name } = place(definition)
  const out = files.get(file) ?? { lines: [], imports: new Map<string, Set<string>>() }
  files.set(file, out)
  const scalar = SCALARS[definition]
  if (scalar || !s.properties) {
    out.lines.push(`export type ${name} = ${scalar ?? typeOf(s, file, out.imports)}`, '')
    continue
  }
  // Objects in hand may lack what a client left out, so nothing is promised but what the server itself always sets.
  const fields = Object.entries(s.properties).map(([key, p]) => {
    const optional = (key === 'metadata' && s.gvk !== undefined) || s.required?.includes(key) ? '' : '?'
    return `  ${/^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key)}${optional}: ${typeOf(p, file, out.imports)}`
  })
  out.lines.push(`export interface ${name} {`, ...fields, '}', '')
}

/** `kinds.ts`: apiVersion → kind → interface, for every kind that is an object (has its own metadata). */
function kindMap(): string {
  const versions = new Map<string, Map<string, string>>()
  const used = new Set<string>()
  for (const [definition, s] of Object.entries(schema)) {
    const metadata = s.properties?.['metadata']?.$ref
    if (!metadata?.endsWith('.ObjectMeta') || !s.gvk) continue
    const { file, name } = place(definition)
    for (const [group, version, kind] of s.gvk) {
      const apiVersion = group === '' ? version : `${group}/${version}`
      const kinds = versions.get(apiVersion) ?? new Map<string, string>()
      versions.set(apiVersion, kinds)
      kinds.set(kind, `${pascal(file)}.${name}`)
      used.add(file)
    }
  }
  const lines = [...versions]
    .sort()
    .flatMap(([apiVersion, kinds]) => [
      `  ${/^\w+$/.test(apiVersion) ? apiVersion : `'${apiVersion}'`}: {`,
      ...[...kinds].sort().map(([kind, type]) => `    ${kind}: ${type}`),
      '  }',
    ])
  return [
    '// Generated by openapi/generate-types.ts from the API facts. Do not edit.',
    ...[...used].sort().map((file) => `import type * as ${pascal(file)} from './${file}.ts'`),
    '',
    '/** The interfaces of all built-in kinds: apiVersion → kind → interface. */',
    'export interface KindMap {',
    ...lines,
    '}',
    '',
  ].join('\n')
}

/** `core-v1` → `CoreV1` */
function pascal(file: string): string {
  return file.replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())
}

mkdirSync(outDir, { recursive: true })
writeFileSync(join(outDir, 'kinds.ts'), kindMap())
for (const [file, { lines, imports }] of files) {
  const head = [...imports]
    .sort()
    .map(([from, names]) => `import type { ${[...names].sort().join(', ')} } from './${from}.ts'`)
  const banner = '// Generated by openapi/generate-types.ts from the API facts. Do not edit.'
  writeFileSync(join(outDir, `${file}.ts`), [banner, ...head, '', ...lines].join('\n'))
}
