import { goQuote } from '../go-quote.ts'

/**
 * One step of a path into an object, in the text form that managed fields use: `f:name` a field, `k:{"name":"c"}` a
 * list item by its keys, `v:"x"` a set item, `i:0` an index. In canonical form (keys sorted by name, JSON without
 * spaces) equal steps are equal texts.
 *
 * @see structured-merge-diff fieldpath/serialize-pe.go
 */
export type PathElement = string

export type PathElements = readonly PathElement[]

/** A managed fields entry that does not parse; the message is upstream's. */
export class PathElementError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'PathElementError'
  }
}

export const fieldElement = (name: string): PathElement => `f:${name}`

/** A set item. */
export const valueElement = (value: unknown): PathElement => `v:${compactJson(value)}`

/** A list item by its keys; `fields` must be sorted by name. */
export function keyElement(fields: readonly (readonly [name: string, value: unknown])[]): PathElement {
  let text = 'k:{'
  for (const [name, value] of fields) {
    text += `${text.length > 3 ? ',' : ''}${compactJson(name)}:${compactJson(value)}`
  }
  return `${text}}`
}

/** Strings that JSON writes as they are. */
const PLAIN_TEXT = /^[A-Za-z0-9._/:-]*$/

const HTML: Readonly<Record<string, string>> = { '<': '\\u003c', '>': '\\u003e', '&': '\\u0026' }

/** JSON as Go writes it: HTML characters escaped, members sorted. */
function compactJson(value: unknown): string {
  if (typeof value === 'string') {
    if (PLAIN_TEXT.test(value)) return `"${value}"`
    const text = JSON.stringify(value)
    return /[<>&]/.test(text) ? text.replace(/[<>&]/g, (c) => HTML[c]!) : text
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  if (Array.isArray(value)) return `[${value.map(compactJson).join(',')}]`
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([k, v]) => `${compactJson(k)}:${compactJson(v)}`).join(',')}}`
}

/** Canonical texts and key fields of elements seen before; emptied when they have grown large. */
const canonicalTexts = new Map<string, PathElement>()
const keyFields = new Map<PathElement, KeyFields>()
const MAX_CACHED_ELEMENTS = 20_000

/**
 * The canonical form of an element that a client sent; undefined for a kind of element that is not known, which is to
 * be ignored.
 *
 * @throws {PathElementError} where it is malformed
 */
export function canonicalElement(text: string): PathElement | undefined {
  if (text.startsWith('f:')) return text
  const known = canonicalTexts.get(text)
  if (known !== undefined) return known
  const canonical = parseElement(text)
  if (canonical === undefined) return undefined
  if (canonicalTexts.size >= MAX_CACHED_ELEMENTS) canonicalTexts.clear()
  canonicalTexts.set(text, canonical)
  return canonical
}

function parseElement(text: string): PathElement | undefined {
  if (text.length < 2) throw new PathElementError('key must be 2 characters long:')
  if (text[1] !== ':') throw new PathElementError(`missing colon: ${text}`)
  switch (text[0]) {
    case 'v':
      return valueElement(parseJson(text))
    case 'k':
      return keyElement(keyFieldsOf(text))
    case 'i':
      if (!/^i:[-+]?[0-9]{1,15}$/.test(text)) {
        throw new PathElementError(`strconv.Atoi: parsing ${goQuote(text.slice(2))}: invalid syntax`)
      }
      return `i:${Number(text.slice(2))}`
    default:
      return undefined
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.slice(2))
  } catch {
    throw new PathElementError(`invalid JSON in path element: ${text.slice(2)}`)
  }
}

type KeyFields = [name: string, value: unknown][]

function keyFieldsOf(text: string): KeyFields {
  const parsed = parseJson(text)
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new PathElementError(`expected an object in path element: ${text.slice(2)}`)
  }
  return Object.entries(parsed).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}

function cachedKeyFields(element: PathElement): KeyFields {
  let fields = keyFields.get(element)
  if (!fields) {
    fields = keyFieldsOf(element)
    if (keyFields.size >= MAX_CACHED_ELEMENTS) keyFields.clear()
    keyFields.set(element, fields)
  }
  return fields
}

const KIND_ORDER = 'fkvi'

/** Order in which elements are written: fields, keys, values, indexes; keys and values by what they hold. */
export function comparePathElements(a: PathElement, b: PathElement): number {
  if (a === b) return 0
  const kind = a[0]!
  if (kind !== b[0]) return KIND_ORDER.indexOf(kind) - KIND_ORDER.indexOf(b[0]!)
  switch (kind) {
    case 'k':
      return compareKeys(cachedKeyFields(a), cachedKeyFields(b))
    case 'v':
      return compareValues(parseJson(a), parseJson(b))
    case 'i':
      return Number(a.slice(2)) - Number(b.slice(2))
    default:
      return a < b ? -1 : 1
  }
}

function compareKeys(a: KeyFields, b: KeyFields): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const [aName, aValue] = a[i]!
    const [bName, bValue] = b[i]!
    if (aName !== bName) return aName < bName ? -1 : 1
    const order = compareValues(aValue, bValue)
    if (order !== 0) return order
  }
  return a.length - b.length
}

const TYPE_ORDER = ['number', 'string', 'boolean', 'list', 'map', 'null']

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'list'
  return typeof value === 'object' ? 'map' : typeof value
}

/** @see structured-merge-diff value/value.go Compare */
function compareValues(a: unknown, b: unknown): number {
  const type = typeOf(a)
  if (type !== typeOf(b)) return TYPE_ORDER.indexOf(type) - TYPE_ORDER.indexOf(typeOf(b))
  if (type === 'list') return compareLists(a as unknown[], b as unknown[])
  if (type === 'map') {
    const [aText, bText] = [compactJson(a), compactJson(b)]
    return aText < bText ? -1 : aText > bText ? 1 : 0
  }
  if (a === b || a === null || b === null) return 0
  return (a as string) < (b as string) ? -1 : 1
}

function compareLists(a: readonly unknown[], b: readonly unknown[]): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const order = compareValues(a[i], b[i])
    if (order !== 0) return order
  }
  return a.length - b.length
}

/** An element as messages show it: `.spec`, `[name="c"]`, `[="x"]`, `[0]`. */
export function printPathElement(element: PathElement): string {
  switch (element[0]) {
    case 'f':
      return `.${element.slice(2)}`
    case 'k':
      return `[${keyFieldsOf(element)
        .map(([name, value]) => `${name}=${printValue(value)}`)
        .join(',')}]`
    case 'v':
      return `[=${printValue(parseJson(element))}]`
    default:
      return `[${element.slice(2)}]`
  }
}

function printValue(value: unknown): string {
  if (typeof value === 'string') return goQuote(value)
  if (Array.isArray(value)) return `[${value.map(printValue).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .map(([k, v]) => `${k}=${printValue(v)}`)
      .join('')
  }
  return String(value)
}

/** A path as messages show it: `.spec.containers[name="c"].image`. */
export function printPath(path: PathElements): string {
  return path.map(printPathElement).join('')
}
