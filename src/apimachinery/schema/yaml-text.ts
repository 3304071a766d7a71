import type * as Yaml from 'yaml'
import type { JsonObject } from '../kube-object.ts'
import { yaml } from '../yaml.ts'
import { DecodeError, type ExactJson, MAX_VALUE_DEPTH, setMember } from './json-text.ts'

/** Nodes that a document may grow to through aliases: keeps "billion laughs" small. */
const MAX_NODES = 1_000_000
/** How many nodes an alias-free document may be behind before aliases count as an attack; Go's yaml tolerates as many. */
const MAX_ALIAS_NODES = 100_000

export interface ParsedYaml {
  readonly value: unknown
  /** `key "a" already set in map`, as upstream's strict YAML reader says it; at most one message. */
  readonly strictErrors: string[]
}

/**
 * Reads the first document of a YAML body as JSON values, by YAML 1.1's rules (`yes` is true, `010` is 8) as
 * sigs.k8s.io/yaml does. Throws {@link DecodeError} with a message that begins as upstream's (`yaml: line 2: `); the
 * words behind it are the parser's own where they differ.
 */
export function parseYaml(text: string): ParsedYaml {
  refuseDeepText(text)
  const { parseDocument, LineCounter } = yaml()
  const lineCounter = new LineCounter()
  const document = parseDocument(text, {
    version: '1.1',
    uniqueKeys: false,
    merge: true,
    lineCounter,
    logLevel: 'silent',
    stringKeys: false,
    customTags: (tags) => tags.filter((tag) => !isTimestamp(tag)),
  })
  const end = endOfFlow(text, document.contents)
  const error = document.errors.find((e) => e.code !== 'MULTIPLE_DOCS' && e.pos[0] < end)
  if (error) throw new DecodeError(yamlErrorMessage(error, lineCounter, text))
  const reader = new YamlReader(lineCounter)
  const value = reader.read(document.contents)
  const strictErrors = reader.duplicates.length > 0 ? [`yaml: unmarshal errors:\n${reader.duplicates.join('\n')}`] : []
  return { value, strictErrors }
}

/** Where a flow collection ends that is all that Go reads of a document: what is wrong behind it nobody sees. */
function endOfFlow(text: string, contents: { readonly range?: Yaml.Range | null } | null): number {
  const [start, end] = contents?.range ?? [0, 0]
  const isFollowed = /[[{]/.test(text.charAt(start)) && text.slice(end).trim() !== ''
  return isFollowed ? end : Number.POSITIVE_INFINITY
}

const TOO_DEEP = 'yaml: exceeded max depth of 10000'
/** Beyond this the parser's recursion might not end well. */
const MAX_TEXT_DEPTH = 1_500

/**
 * Refuses texts that nest without end before the parser follows them. Counts brackets wherever they stand, which is
 * more than there are; nobody writes texts with so many that stay open.
 */
function refuseDeepText(text: string): void {
  let depth = 0
  let indicators = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 0x5b || c === 0x7b) depth++
    else if (c === 0x5d || c === 0x7d) depth = Math.max(0, depth - 1)
    if (c === 0x2d || c === 0x3f || c === 0x3a) indicators++
    else if (c !== 0x20) indicators = 0
    if (depth > MAX_TEXT_DEPTH || indicators > MAX_TEXT_DEPTH) {
      // A ruler of dashes is no nesting: indicators have a space behind them.
      if (depth > MAX_TEXT_DEPTH || text.charCodeAt(i + 1) === 0x20) throw new DecodeError(TOO_DEEP)
    }
  }
}

/** Dates stay strings, as they do where Go's yaml decodes into an interface. */
function isTimestamp(tag: Yaml.Tags[number]): boolean {
  return tag === 'timestamp' || (typeof tag === 'object' && tag.tag === 'tag:yaml.org,2002:timestamp')
}

/** The parser's codes in the words of Go's yaml, as far as it has the same errors. */
const MESSAGES: Readonly<Record<string, string>> = {
  BLOCK_AS_IMPLICIT_KEY: 'mapping values are not allowed in this context',
  TAB_AS_INDENT: 'found character that cannot start any token',
  UNEXPECTED_TOKEN: 'did not find expected node content',
  MISSING_CHAR: "did not find expected ',' or '}'",
  BAD_INDENT: 'did not find expected key',
}

function yamlErrorMessage(error: Yaml.YAMLParseError, lines: Yaml.LineCounter, text: string): string {
  const { line } = lines.linePos(error.pos[0])
  // The end of a text that lacks something counts as a line of its own.
  if (line === 1 && error.code !== 'BLOCK_AS_IMPLICIT_KEY' && error.pos[0] >= text.trimEnd().length) {
    return `yaml: line 1: ${unfinished(text)}`
  }
  const what = MESSAGES[error.code] ?? error.message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '')
  // Go counts lines from where its token began and leaves the first one out.
  return line > 1 ? `yaml: line ${line}: ${what}` : `yaml: ${what}`
}

/** What Go's parser misses at the end of a flow collection that is never closed. */
function unfinished(text: string): string {
  const open: string[] = []
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/g)) {
    if (token === '[' || token === '{') open.push(token)
    else if (token === ']' || token === '}') open.pop()
  }
  if (/[[{:,]\s*$/.test(text)) return 'did not find expected node content'
  return `did not find expected ',' or '${open.at(-1) === '[' ? ']' : '}'}'`
}

/** Turns the parsed nodes into JSON values, within bounds. */
class YamlReader {
  readonly duplicates: string[] = []
  /** Nodes by anchor, as far as they have been read: an alias means the last one before it. */
  readonly #anchors = new Map<string, unknown>()
  readonly #lines: Yaml.LineCounter
  #nodes = 0
  #aliasNodes = 0
  #aliases = 0
  #depth = 0

  constructor(lines: Yaml.LineCounter) {
    this.#lines = lines
  }

  read(node: unknown): unknown {
    const { isAlias, isMap, isScalar, isSeq } = yaml()
    this.#count()
    if (++this.#depth > MAX_VALUE_DEPTH) throw new DecodeError(TOO_DEEP)
    if (isScalar(node) || isMap(node) || isSeq(node)) this.#remember(node)
    let value: unknown = null
    if (isScalar(node)) value = scalarValue(node)
    else if (isMap(node)) value = this.#map(node)
    else if (isSeq(node)) value = node.items.map((item) => this.read(item))
    else if (isAlias(node)) value = this.#alias(node)
    this.#depth--
    return value
  }

  #count(): void {
    this.#nodes++
    if (this.#aliases > 0) this.#aliasNodes++
    if (this.#nodes > MAX_NODES || (this.#aliasNodes > MAX_ALIAS_NODES && this.#aliasNodes > this.#nodes / 2)) {
      throw new DecodeError('yaml: document contains excessive aliasing')
    }
  }

  #remember(node: Yaml.Scalar | Yaml.YAMLMap | Yaml.YAMLSeq): void {
    if (node.anchor) this.#anchors.set(node.anchor, node)
  }

  #alias(node: Yaml.Alias): unknown {
    const target = this.#anchors.get(node.source)
    if (!target) throw new DecodeError(`yaml: unknown anchor '${node.source}' referenced`)
    this.#aliases++
    const value = this.read(target)
    this.#aliases--
    return value
  }

  #map(node: Yaml.YAMLMap): JsonObject {
    const { isAlias, isMap, isScalar, isSeq } = yaml()
    const out: JsonObject = {}
    for (const { key, value } of node.items) {
      if (isScalar(key) && typeof key.value === 'symbol') {
        const sources = isSeq(value) ? value.items : [value]
        for (const source of sources) {
          const merged = this.read(source)
          if (!(isMap(source) || isAlias(source)) || typeof merged !== 'object' || merged === null) {
            throw new DecodeError('yaml: map merge requires map or sequence of maps as the value')
          }
          for (const [name, member] of Object.entries(merged))
            if (!Object.hasOwn(out, name)) setMember(out, name, member)
        }
        continue
      }
      const name = this.#key(key)
      if (Object.hasOwn(out, name)) this.#duplicate(key, name)
      setMember(out, name, this.read(value))
    }
    return out
  }

  #key(key: unknown): string {
    const value = this.read(key)
    if (typeof value === 'object' && value !== null) throw new DecodeError('yaml: invalid map key')
    return value === null ? 'null' : String(value)
  }

  #duplicate(key: unknown, name: string): void {
    const { isNode } = yaml()
    const line = isNode(key) && key.range ? this.#lines.linePos(key.range[0]).line : 1
    this.duplicates.push(`  line ${line}: key ${JSON.stringify(name)} already set in map`)
  }
}

function scalarValue(node: Yaml.Scalar): unknown {
  const { value } = node
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8')
  if (typeof value === 'bigint') return Number(value)
  // The parser sees a number in a lone dot, as in the `.: {}` of managed fields.
  if (node.source === '.' && node.type === 'PLAIN') return '.'
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new DecodeError(`json: unsupported value: ${Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'}`)
  }
  return value === undefined ? null : value
}

/** The value of a YAML body alone, for readers without field validation. */
export function parseYamlExact(bytes: Buffer): ExactJson {
  return parseYaml(bytes.toString('utf8')).value
}
