import { podTemplateStructs } from '../../openapi/data.ts'

/** Writes a value of one Go type, without the type's name. */
type Write = (value: unknown) => string
/** A struct as it is in JSON. */
type Members = Readonly<Record<string, unknown>>

const NIL = '<nil>'
const ZERO_TIME = '{Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}'

const writers: Map<string, Write> = new Map()

/**
 * A pod template as upstream dumps it before it takes its hash: Go's struct with the names and types of all its fields,
 * pointers followed. Objects are in normal form: empty lists and maps are absent, quantities are canonical.
 *
 * @see github.com/davecgh/go-spew ConfigState{DisableMethods, SpewKeys, SortKeys}, `%#v`; kubernetes pkg/util/hash
 */
export function dumpPodTemplate(template: unknown): string {
  return typed('v1.PodTemplateSpec', template)
}

function typed(type: string, value: unknown): string {
  return `(${type})${writerOf(type)(value)}`
}

function writerOf(type: string): Write {
  let write = writers.get(type)
  if (!write) {
    write = makeWriter(type)
    writers.set(type, write)
  }
  return write
}

function makeWriter(type: string): Write {
  if (type.startsWith('*')) return orNil((value) => writerOf(type.slice(1))(value))
  if (type.startsWith('[]')) {
    return orNil((value) => {
      const items = (value as readonly unknown[]).map((item) => writerOf(type.slice(2))(item))
      return items.length === 0 ? NIL : `[${items.join(' ')}]`
    })
  }
  const map = /^map\[.*?\](.*)$/.exec(type)
  if (map) return orNil((value) => dumpMap(value as Members, writerOf(map[1]!)))
  const { structs, named } = podTemplateStructs()
  const underlying = named[type]
  if (underlying !== undefined) return writerOf(underlying)
  const fields = structs[type]
  if (!fields) return BASIC[type] ?? noWriter(type)
  return (value) => {
    const members = (value ?? {}) as Members
    const written = fields.map(([name, fieldType, json]) => {
      return `${name}:${typed(fieldType, json === undefined ? members : members[json])}`
    })
    return `{${written.join(' ')}}`
  }
}

const orNil =
  (write: Write): Write =>
  (value) =>
    value === undefined || value === null ? NIL : write(value)

function noWriter(type: string): never {
  throw new Error(`nothing is known of the Go type ${type}`)
}

function dumpMap(map: Members, write: Write): string {
  const keys = Object.keys(map).sort()
  return keys.length === 0 ? NIL : `map[${keys.map((key) => `${key}:${write(map[key])}`).join(' ')}]`
}

const number: Write = (value) => String(value ?? 0)

const BASIC: Readonly<Record<string, Write>> = {
  string: (value) => String(value ?? ''),
  bool: (value) => String(value ?? false),
  int32: number,
  int64: number,
  'v1.Time': () => ZERO_TIME,
  'v1.ManagedFieldsEntry': () => noWriter('v1.ManagedFieldsEntry'),
  'intstr.IntOrString': (value) =>
    typeof value === 'string'
      ? `{Type:(intstr.Type)1 IntVal:(int32)0 StrVal:(string)${value}}`
      : `{Type:(intstr.Type)0 IntVal:(int32)${number(value)} StrVal:(string)}`,
  'resource.Quantity': (value) => dumpQuantity(String(value ?? '0')),
}

const BINARY_EXPONENTS: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 }
const DECIMAL_EXPONENTS: Readonly<Record<string, number>> = {
  ...{ n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 },
}
/** Digits of an int64 that Go's parser trusts, without and with a binary suffix. */
const DECIMAL_DIGITS = 18
const BINARY_DIGITS = 15
const WORD = 1n << 64n
/** Nano */
const DEC_SCALE = 9

/**
 * A quantity as Go has parsed it from its canonical form: an int64 and a power of ten where it fits, and a decimal number
 * of any size otherwise. It keeps the text of those only that are cheaply known to be canonical.
 *
 * @see apimachinery pkg/api/resource/quantity.go ParseQuantity
 */
function dumpQuantity(text: string): string {
  const [, sign = '', digits = '0', suffix = ''] = /^([+-]?)(\d+)(.*)$/.exec(text) ?? []
  if (text === '0') return quantity({ value: 0n, scale: 0 }, NIL, text, 'DecimalSI')
  const exponent = BINARY_EXPONENTS[suffix]
  const value = BigInt(`${sign === '-' ? '-' : ''}${digits}`)
  if (exponent !== undefined) {
    const isSmall = BINARY_DIGITS - digits.length - Math.trunc((exponent * 3) / 10) - 1 >= 0
    const whole = value << BigInt(exponent)
    const kept = (value & 7n) !== 0n ? text : ''
    if (isSmall) return quantity({ value: whole, scale: 0 }, NIL, kept, 'BinarySI')
    return quantity({ value: 0n, scale: 0 }, decimal(whole, 0), '', 'BinarySI')
  }
  const power = /^[eE]([+-]?\d+)$/.exec(suffix)
  const scale = power ? Number(power[1]) : (DECIMAL_EXPONENTS[suffix] ?? 0)
  const format = power ? 'DecimalExponent' : 'DecimalSI'
  const kept = scale % 3 === 0 && !digits.endsWith('000') && !digits.startsWith('0') ? text : ''
  if (digits.length <= DECIMAL_DIGITS) return quantity({ value, scale }, NIL, kept, format)
  return quantity({ value: 0n, scale: 0 }, decimal(value, scale), '', format)
}

function quantity(amount: { value: bigint; scale: number }, dec: string, text: string, format: string): string {
  const { value, scale } = amount
  const i = `{value:(int64)${value} scale:(resource.Scale)${scale}}`
  return `{i:(resource.int64Amount)${i} d:(resource.infDecAmount){Dec:(*inf.Dec)${dec}} s:(string)${text} Format:(resource.Format)${format}}`
}

/**
 * `gopkg.in/inf.v0`'s Dec of a number and a power of ten as Go rounds it, to {@link DEC_SCALE} digits behind the point: a
 * big.Int in words of 64 bits, the lowest first, and the count of these digits.
 */
function decimal(value: bigint, scale: number): string {
  const unscaled = value * 10n ** BigInt(DEC_SCALE + scale)
  const words: string[] = []
  for (let rest = unscaled < 0n ? -unscaled : unscaled; rest > 0n; rest /= WORD) words.push(String(rest % WORD))
  const int = `{neg:(bool)${unscaled < 0n} abs:(big.nat)${words.length > 0 ? `[${words.join(' ')}]` : NIL}}`
  return `{unscaled:(big.Int)${int} scale:(inf.Scale)${DEC_SCALE}}`
}
