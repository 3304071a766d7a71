import { goTypeOfDefinition } from '../../../openapi/schema-facts.ts'
import { cloneJson } from '../clone.ts'
import { goQuote } from '../go-quote.ts'
import { isJsonObject, type JsonObject } from '../kube-object.ts'
import { canonicalQuantity, QuantityError } from '../quantity.ts'
import { typeOf } from './builtin-types.ts'
import { markGivenEmpty } from './given-empty.ts'
import { canonicalMicroTime, canonicalTime } from './go-time.ts'
import {
  DecodeError,
  type ExactJson,
  isExactObject,
  MAX_VALUE_DEPTH,
  Members,
  NumberText,
  plainJson,
  StrictErrors,
  setMember,
} from './json-text.ts'
import { type FieldPlan, isOmittedWhenZero, planOf, type StructPlan, zeroObject, zeroOfField } from './normalize.ts'
import type { AnyNode, ListNode, MapNode, ScalarNode, SchemaNode, StructNode } from './schema-node.ts'

export interface Decoded {
  /** A new object in normal form; raw content (RawExtension, JSON) is shared with the value that was decoded. */
  readonly object: JsonObject
  /** `unknown field "spec.foo"`, `duplicate field "data.a"`: in document order, each once, at most 100. */
  readonly strictErrors: string[]
}

/**
 * Decodes a JSON value as Go's typed decoder does: unknown fields are dropped and reported, null is unset, values are
 * checked against their types and brought into the form in which the typed server prints them; fields come in Go's
 * order. `value` is what {@link parseJsonExact} or `JSON.parse` made. Throws {@link DecodeError} with upstream's words.
 *
 * @see sigs.k8s.io/json internal/golang/encoding/json/decode.go
 */
export function decode(value: ExactJson, struct: StructNode): Decoded {
  const decoder = new Decoder()
  const object = decoder.root(value, struct)
  return { object, strictErrors: decoder.strictErrors }
}

/**
 * The same for a value that shares what it has not changed with `known`, an object of the type in normal form (plain
 * JSON, as a patch makes it): such parts are copied as they are. The result shares nothing but managedFields, which are
 * never written into, with either of the two.
 */
export function decodeOver(value: unknown, struct: StructNode, known: JsonObject): Decoded {
  const decoder = new Decoder(0, known)
  const object = decoder.root(value, struct)
  return { object, strictErrors: decoder.strictErrors }
}

/** Where the decoder stands: a field, an index of a list, or a key of a map. */
type Step = FieldPlan | number | string

const NO_ERRORS: string[] = []

/**
 * One decoding. Values of the wrong type do not stop it: the first such error is thrown at the end, unless a type
 * that parses itself (quantity, time, int-or-string) fails, which ends everything at once, as in Go.
 */
class Decoder {
  /** Steps above the root of this decoding. */
  readonly #above: number
  /** What the value shares its unchanged parts with. */
  readonly #known: JsonObject | undefined
  /** The value is an exact tree, not plain JSON values. */
  #exact = false
  /** Steps from the root to the value at hand: read for messages only. */
  readonly #path: Step[] = []
  /** Decoded fields of the structs that are open; each struct owns a range at the top, sorted by field. */
  readonly #fields: FieldPlan[] = []
  readonly #values: unknown[] = []
  /** Fields of the structs that are open which were given as empty lists or maps. */
  readonly #givenEmpty: [name: string, value: object][] = []
  #savedError: DecodeError | undefined
  #strict: StrictErrors | undefined

  constructor(above = 0, known?: JsonObject) {
    this.#above = above
    this.#known = known
  }

  get strictErrors(): string[] {
    return this.#strict?.list ?? NO_ERRORS.slice()
  }

  root(value: ExactJson, struct: StructNode): JsonObject {
    this.#exact = value instanceof Members
    const object = value === null ? zeroObject(struct) : this.#struct(value, struct, this.#known)
    if (this.#savedError) throw this.#savedError
    return object ?? zeroObject(struct)
  }

  #value(value: ExactJson, node: SchemaNode, known?: unknown): unknown {
    if (this.#path.length + this.#above > MAX_VALUE_DEPTH) throw new DecodeError('exceeded max depth')
    switch (node.kind) {
      case 'struct':
        return this.#struct(value, node, known)
      case 'list':
        return this.#list(value, node, known)
      case 'map':
        return this.#map(value, node)
      case 'scalar':
        return this.#scalar(value, node)
      default:
        return node.either === undefined ? this.#raw(value) : this.#either(value, node)
    }
  }

  #struct(value: ExactJson, struct: StructNode, known: unknown): JsonObject | undefined {
    if (!isExactObject(value)) return this.#wrongType(value, goTypeText(struct))
    const plan = planOf(struct)
    const start = this.#fields.length
    const emptyStart = this.#givenEmpty.length
    if (value instanceof Members) {
      const seen = new Set<FieldPlan>()
      value.names.forEach((name, i) => {
        this.#member(plan, start, name, value.values[i], seen, undefined)
      })
    } else {
      const before = isJsonObject(known) ? known : undefined
      for (const name in value) this.#member(plan, start, name, value[name], undefined, before?.[name])
    }
    const object = this.#build(plan, start)
    if (this.#givenEmpty.length > emptyStart) markGivenEmpty(object, this.#givenEmpty.splice(emptyStart))
    return object
  }

  #member(
    plan: StructPlan,
    start: number,
    name: string,
    value: unknown,
    seen: Set<FieldPlan> | undefined,
    known: unknown,
  ): void {
    const field = plan.byName.get(name)
    if (field === undefined) {
      this.#strictError('unknown field', name)
      return
    }
    if (seen?.has(field)) this.#strictError('duplicate field', name)
    seen?.add(field)
    if (value === null || value === undefined) {
      this.#unset(start, field)
      return
    }
    if (value === known && typeof value === 'object') {
      this.#put(start, field, copyOf(field, value))
      return
    }
    this.#path.push(field)
    const decoded = this.#value(value, field.node, known)
    this.#path.pop()
    if (decoded === undefined) return
    if (decoded === null || (field.omit === 'zero' && isOmittedWhenZero(decoded))) {
      this.#unset(start, field)
      if (typeof decoded === 'object' && decoded !== null) this.#givenEmpty.push([field.name, decoded])
    } else this.#put(start, field, decoded)
  }

  /** Puts a field in its place among those of the struct at hand. */
  #put(start: number, field: FieldPlan, value: unknown): void {
    const fields = this.#fields
    const values = this.#values
    let i = fields.length
    while (i > start && fields[i - 1]!.index > field.index) i--
    if (i > start && fields[i - 1] === field) {
      values[i - 1] = mergeRepeated(values[i - 1], value, field.node)
    } else if (i === fields.length) {
      fields.push(field)
      values.push(value)
    } else {
      fields.splice(i, 0, field)
      values.splice(i, 0, value)
    }
  }

  /** A repeated field whose last value is null or zero: lists, maps and pointers lose what they had. */
  #unset(start: number, field: FieldPlan): void {
    for (let i = this.#fields.length - 1; i >= start; i--) {
      if (this.#fields[i] !== field) continue
      if (field.node.kind === 'struct' && field.omit !== 'unset') return
      this.#fields.splice(i, 1)
      this.#values.splice(i, 1)
    }
  }

  #build(plan: StructPlan, start: number): JsonObject {
    const object: JsonObject = {}
    const { never } = plan
    let n = 0
    for (let i = start; i < this.#fields.length; i++) {
      const field = this.#fields[i]!
      for (; n < never.length && never[n]!.index < field.index; n++) object[never[n]!.name] = zeroOfField(never[n]!)
      if (n < never.length && never[n] === field) n++
      object[field.name] = this.#values[i]
    }
    for (; n < never.length; n++) object[never[n]!.name] = zeroOfField(never[n]!)
    this.#fields.length = start
    this.#values.length = start
    return object
  }

  #list(value: ExactJson, node: ListNode, known: unknown): unknown[] | undefined {
    if (!Array.isArray(value)) return this.#wrongType(value, node.goName ?? '')
    const items = new Array<unknown>(value.length)
    const before = Array.isArray(known) ? known : undefined
    for (let i = 0; i < value.length; i++) {
      const item = value[i]
      if (before !== undefined && item === before[i] && typeof item === 'object') {
        items[i] = cloneJson(item)
        continue
      }
      this.#path.push(i)
      items[i] = this.#element(item, node.item, before?.[i])
      this.#path.pop()
    }
    return items
  }

  #map(value: ExactJson, node: MapNode): JsonObject | undefined {
    if (!isExactObject(value)) return this.#wrongType(value, node.goName ?? '')
    const object: JsonObject = {}
    const names = value instanceof Members ? value.names : Object.keys(value)
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!
      if (value instanceof Members && Object.hasOwn(object, name)) this.#strictError('duplicate field', name)
      this.#path.push(name)
      const item = value instanceof Members ? value.values[i] : value[name]
      setMember(object, name, this.#element(item, node.value))
      this.#path.pop()
    }
    return object
  }

  /** An element of a list or map: null stands for the zero value. */
  #element(value: ExactJson, node: SchemaNode, known?: unknown): unknown {
    if (value === null) return zeroElement(node)
    return this.#value(value, node, known) ?? null
  }

  #scalar(value: ExactJson, node: ScalarNode): unknown {
    switch (node.type) {
      case 'string':
      case 'duration':
        return typeof value === 'string' ? value : this.#wrongType(value, node.goName)
      case 'int32':
      case 'int64':
        return this.#integer(value, node)
      case 'bool':
        return typeof value === 'boolean' ? value : this.#wrongType(value, node.goName)
      case 'float64':
        return this.#float(value, node)
      case 'bytes':
        return this.#bytes(value, node)
      case 'quantity':
        return quantity(value)
      case 'int-or-string':
        return typeof value === 'string' ? value : this.#intOrString(value)
      case 'time':
        return canonicalTime(this.#timeText(value))
      case 'micro-time':
        return canonicalMicroTime(this.#timeText(value))
    }
  }

  #integer(value: ExactJson, node: ScalarNode): number | undefined {
    if (typeof value === 'number') {
      // Plain numbers with a fraction come from patches: a body's own are kept as text.
      const fits = node.type === 'int64' || (value >= -2147483648 && value <= 2147483647)
      if (fits && Number.isInteger(value)) return value
      return this.#numberError(String(value), node.goName)
    }
    if (!(value instanceof NumberText)) return this.#wrongType(value, node.goName)
    if (!/^-?\d+$/.test(value.text)) return this.#numberError(value.text, node.goName)
    const exact = BigInt(value.text)
    const bits = node.type === 'int64' ? 64 : 32
    return BigInt.asIntN(bits, exact) === exact ? Number(exact) : this.#numberError(value.text, node.goName)
  }

  #float(value: ExactJson, node: ScalarNode): number | undefined {
    if (typeof value === 'number') return value
    if (!(value instanceof NumberText)) return this.#wrongType(value, node.goName)
    const number = Number(value.text)
    return Number.isFinite(number) ? number : this.#numberError(value.text, node.goName)
  }

  #bytes(value: ExactJson, node: ScalarNode): string | undefined {
    if (Array.isArray(value)) return this.#byteList(value)
    if (typeof value !== 'string') return this.#wrongType(value, node.goName)
    const bad = base64ErrorAt(value)
    if (bad === undefined) return canonicalBase64(value)
    this.#save(new DecodeError(`illegal base64 data at input byte ${bad}`))
    return undefined
  }

  /** Go takes a list of numbers, too. */
  #byteList(values: readonly ExactJson[]): string {
    const bytes = values.map((value) => {
      const text = value instanceof NumberText ? value.text : typeof value === 'number' ? String(value) : undefined
      if (value === null) return 0
      if (text === undefined) this.#wrongType(value, 'uint8')
      else if (!/^\d+$/.test(text) || Number(text) > 255) this.#numberError(text, 'uint8')
      return Number(text)
    })
    return Buffer.from(bytes).toString('base64')
  }

  /** Parses itself in Go: its errors end the decoding. */
  #intOrString(value: ExactJson): number {
    const text = value instanceof NumberText ? value.text : typeof value === 'number' ? String(value) : undefined
    if (text === undefined) throw this.#typeError(jsonKind(value), 'int32')
    const number = Number(text)
    if (!/^-?\d+$/.test(text) || number < -2147483648 || number > 2147483647) {
      throw this.#typeError(`number ${text}`, 'int32')
    }
    return number
  }

  #timeText(value: ExactJson): string {
    if (typeof value !== 'string') throw this.#typeError(jsonKind(value), 'string')
    return value
  }

  #raw(value: ExactJson): unknown {
    if (typeof value !== 'object' || value === null) return value
    if (isDeeperThan(value, MAX_VALUE_DEPTH)) throw new DecodeError('exceeded max depth')
    if (this.#exact) return plainJson(value)
    return this.#known ? cloneJson(value) : value
  }

  /** JSONSchemaPropsOrArray, …OrBool, …OrStringArray: parse themselves, so that nothing in them is strict. */
  #either(value: ExactJson, node: AnyNode): unknown {
    const plain = this.#raw(value)
    const above = this.#above + this.#path.length
    const schema = (v: unknown): unknown => new Decoder(above).root(v, typeOf(JSON_SCHEMA_PROPS))
    if (isJsonObject(plain)) return schema(plain)
    switch (node.either) {
      case 'schema-or-list':
        return Array.isArray(plain) ? plain.map(schema) : {}
      case 'schema-or-bool':
        if (typeof plain === 'boolean') return plain
        throw new DecodeError('boolean or JSON schema expected')
      default:
        if (Array.isArray(plain) && plain.every((item) => typeof item === 'string')) return plain
        if (Array.isArray(plain)) throw this.#typeError(jsonKind(plain.find((v) => typeof v !== 'string')), 'string')
        return []
    }
  }

  #wrongType(value: ExactJson, goType: string): undefined {
    this.#save(this.#typeError(jsonKind(value), goType))
  }

  #numberError(text: string, goType: string): undefined {
    this.#save(this.#typeError(`number ${text}`, goType))
  }

  #save(error: DecodeError): void {
    this.#savedError ??= error
  }

  /** Go's UnmarshalTypeError: names the innermost struct and the fields that lead to the value. */
  #typeError(what: string, goType: string): DecodeError {
    const fields = this.#path.filter((step): step is FieldPlan => typeof step === 'object')
    const last = fields.at(-1)
    if (!last) return new DecodeError(`json: cannot unmarshal ${what} into Go value of type ${goType}`)
    const path = fields.map((f) => (f.embeddedIn ? `${f.embeddedIn}.${f.name}` : f.name)).join('.')
    return new DecodeError(
      `json: cannot unmarshal ${what} into Go struct field ${last.struct.goName}.${path} of type ${goType}`,
    )
  }

  #strictError(what: string, name: string): void {
    let path = ''
    for (const step of this.#path) {
      if (typeof step === 'number') path += `[${step}]`
      else path += `${path === '' ? '' : '.'}${typeof step === 'string' ? step : step.name}`
    }
    this.#strict ??= new StrictErrors()
    this.#strict.add(`${what} ${goQuote(path === '' ? name : `${path}.${name}`)}`)
  }
}

/** A copy of a member in normal form, in which managedFields are shared. */
function copyOf({ name, struct, node }: FieldPlan, value: object): object {
  if (name === 'managedFields' && struct.definition === OBJECT_META) return value
  if (node.kind !== 'struct' || node.definition !== OBJECT_META) return cloneJson(value)
  const { managedFields, ...others } = value as JsonObject
  const copy = cloneJson(others)
  return managedFields === undefined ? copy : Object.assign(copy, { managedFields })
}

const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'

function isDeeperThan(value: object, depth: number): boolean {
  if (depth === 0) return true
  for (const key in value) {
    const member = (value as JsonObject)[key]
    if (typeof member === 'object' && member !== null && isDeeperThan(member, depth - 1)) return true
  }
  return false
}

const JSON_SCHEMA_PROPS = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps'

function goTypeText(struct: StructNode): string {
  return struct.definition === '' ? struct.goName : goTypeOfDefinition(struct.definition)
}

/** Go decodes a repeated field into the value that is there: structs and maps are merged, everything else replaced. */
function mergeRepeated(old: unknown, value: unknown, node: SchemaNode): unknown {
  if ((node.kind !== 'struct' && node.kind !== 'map') || !isJsonObject(old) || !isJsonObject(value)) return value
  const merged: JsonObject = { ...old }
  const plan = node.kind === 'struct' ? planOf(node) : undefined
  for (const [name, member] of Object.entries(value)) {
    const field = plan?.byName.get(name)
    if (field?.omit === 'never' && isOmittedWhenZero(member)) continue
    setMember(merged, name, field ? mergeRepeated(merged[name], member, field.node) : member)
  }
  return merged
}

function zeroElement(node: SchemaNode): unknown {
  if (node.kind === 'struct') return zeroObject(node)
  if (node.kind !== 'scalar') return null
  switch (node.type) {
    case 'string':
    case 'duration':
    case 'bytes':
      return ''
    case 'bool':
      return false
    case 'quantity':
      return '0'
    case 'time':
    case 'micro-time':
      return null
    default:
      return 0
  }
}

function jsonKind(value: ExactJson): string {
  if (typeof value === 'string') return 'string'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'number' || value instanceof NumberText) return 'number'
  return Array.isArray(value) ? 'array' : 'object'
}

/** Parses itself in Go, from the text between the quotes or the number as it stands. */
function quantity(value: ExactJson): string {
  const text = typeof value === 'string' ? value : value instanceof NumberText ? value.text : JSON.stringify(value)
  try {
    return canonicalQuantity(text)
  } catch (error) {
    if (error instanceof QuantityError) throw new DecodeError(error.message)
    throw error
  }
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/
/** Padded texts whose last character carries bits that no byte takes: Go prints them with these bits cleared. */
const LOOSE_END = /[^AQgw]==$|[^AEIMQUYcgkosw048=]=$/

/** The text that Go prints for the bytes it reads from `text`. */
function canonicalBase64(text: string): string {
  const clean = text.includes('\n') || text.includes('\r') ? text.replace(/[\r\n]/g, '') : text
  return LOOSE_END.test(clean) ? Buffer.from(clean, 'base64').toString('base64') : clean
}

/**
 * Offset that Go's base64.StdEncoding complains of; undefined for good text. Line breaks are skipped as there.
 *
 * @see encoding/base64 decodeQuantum
 */
export function base64ErrorAt(text: string): number | undefined {
  if (text.length % 4 === 0 && BASE64.test(text)) return undefined
  let sextets = 0
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!
    if (c === '\n' || c === '\r') continue
    if (/[A-Za-z0-9+/]/.test(c)) {
      sextets = (sextets + 1) % 4
      continue
    }
    return c === '=' && sextets >= 2 ? paddingErrorAt(text, i, sextets) : i
  }
  return sextets === 0 ? undefined : text.length - sextets
}

/** What is wrong from the first `=` of a text on, which stands behind two or three characters of its group. */
function paddingErrorAt(text: string, first: number, sextets: number): number | undefined {
  const rest: number[] = []
  for (let i = first + 1; i < text.length; i++) if (text[i] !== '\n' && text[i] !== '\r') rest.push(i)
  if (sextets === 2) {
    const second = rest.shift()
    if (second === undefined) return text.length
    if (text[second] !== '=') return second - 1
  }
  return rest[0]
}
