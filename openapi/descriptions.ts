/**
 * Writes `openapi/generated/descriptions.json`: what types and fields are for, as the typings of
 * @kubernetes/client-node (v1.36) say it. `kubectl explain` shows these texts; the server works without them. The file
 * is made by each build and is not part of the repository.
 *
 *     npx tsx openapi/descriptions.ts
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type Descriptions, schemaFacts } from './data.ts'

const entry = createRequire(import.meta.url).resolve('@kubernetes/client-node')
const models = join(dirname(entry), 'gen/models')

/** File of a definition's typings: `CoreV1Event` where several groups have the name, else `V1Pod`. */
function modelOf(definition: string): string | undefined {
  const [group = '', version = '', name = ''] = definition.split('.').slice(-3)
  const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
  const candidates = [`${capital(group)}${capital(version)}${name}`, `${capital(version)}${name}`]
  return candidates.map((model) => join(models, `${model}.d.ts`)).find((file) => existsSync(file))
}

/** Typings rename fields that are no identifiers (`_continue`, `xKubernetesListType`): letters and digits stay. */
const plain = (name: string): string => name.replace(/[^A-Za-z0-9]/g, '').toLowerCase()

function readComment(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trim().replace(/^\* ?/, ''))
    .join('\n')
    .trim()
    .replace(/\\(['"])/g, '$1')
}

function describe(file: string, fields: readonly string[]): Descriptions[string] {
  const text = readFileSync(file, 'utf8')
  const jsonNames = new Map(fields.map((name) => [plain(name), name]))
  const ofType = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export declare class/.exec(text)?.[1] ?? ''
  const ofFields: Record<string, string> = {}
  for (const [, comment, name] of text.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*'([^']+)'\??:/g)) {
    const json = jsonNames.get(plain(name!))
    if (json) ofFields[json] = readComment(comment!)
  }
  return [readComment(ofType), ofFields]
}

const out: Record<string, Descriptions[string]> = {}
for (const [definition, fact] of Object.entries(schemaFacts())) {
  const file = fact.properties && modelOf(definition)
  if (file) out[definition] = describe(file, Object.keys(fact.properties ?? {}))
}
const dir = join(import.meta.dirname, 'generated')
mkdirSync(dir, { recursive: true })
writeFileSync(join(dir, 'descriptions.json'), JSON.stringify(out))
