import { aggregateMessage } from './api-error.ts'
import { type FieldError, fieldErrorMessage, invalid, notSupported } from './field-error.ts'
import { FieldPath } from './field-path.ts'
import { goQuote } from './go-quote.ts'
import type { LabelSelector } from './types/meta-v1.ts'

/** How a key and its values relate; also their words in messages. */
type SelectorOperator = '!' | '=' | '==' | 'in' | '!=' | 'notin' | 'exists' | 'gt' | 'lt'

const BINARY_OPERATORS: readonly SelectorOperator[] = ['in', 'notin', '=', '==', '!=', 'gt', 'lt']
const ALL_OPERATORS: readonly SelectorOperator[] = [...BINARY_OPERATORS, 'exists', '!']

type Labels = Readonly<Record<string, string>>

/** A selector that does not parse or names bad keys or values; the message is upstream's. */
export class LabelSelectorError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'LabelSelectorError'
  }
}

/**
 * One condition on the value of one label. Made by {@link newRequirement}, which checks it.
 *
 * @see apimachinery pkg/labels/selector.go
 */
export class Requirement {
  readonly key: string
  readonly operator: SelectorOperator
  readonly values: readonly string[]

  constructor(key: string, operator: SelectorOperator, values: readonly string[]) {
    this.key = key
    this.operator = operator
    this.values = values
  }

  matches(labels: Labels | undefined): boolean {
    const value = labels !== undefined && Object.hasOwn(labels, this.key) ? labels[this.key] : undefined
    switch (this.operator) {
      case 'in':
      case '=':
      case '==':
        return value !== undefined && this.values.includes(value)
      case 'notin':
      case '!=':
        return value === undefined || !this.values.includes(value)
      case 'exists':
        return value !== undefined
      case '!':
        return value === undefined
      case 'gt':
      case 'lt':
        return this.#compares(value)
    }
  }

  #compares(value: string | undefined): boolean {
    const actual = value === undefined ? undefined : parseInt64(value)
    const bound = parseInt64(this.values[0]!)
    if (actual === undefined || bound === undefined) return false
    return this.operator === 'gt' ? actual > bound : actual < bound
  }

  toString(): string {
    const values = [...this.values].sort().join(',')
    switch (this.operator) {
      case 'exists':
        return this.key
      case '!':
        return `!${this.key}`
      case 'in':
      case 'notin':
        return `${this.key} ${this.operator} (${values})`
      case 'gt':
        return `${this.key}>${values}`
      case 'lt':
        return `${this.key}<${values}`
      default:
        return `${this.key}${this.operator}${values}`
    }
  }
}

function parseInt64(text: string): bigint | undefined {
  if (!/^[-+]?[0-9]{1,40}$/.test(text)) return undefined
  const value = BigInt(text.replace('+', ''))
  return BigInt.asIntN(64, value) === value ? value : undefined
}

/** Conditions that must all hold, sorted by key. */
export class Selector {
  /** Sorted by key; empty: everything matches (unless {@link matchesNothing}). */
  readonly requirements: readonly Requirement[]
  /** Set where no object may match at all, whatever its labels. */
  readonly matchesNothing: boolean

  constructor(requirements: readonly Requirement[], matchesNothing = false) {
    this.requirements = [...requirements].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    this.matchesNothing = matchesNothing
  }

  matches(labels: Labels | undefined): boolean {
    if (this.matchesNothing) return false
    for (const requirement of this.requirements) if (!requirement.matches(labels)) return false
    return true
  }

  /** True where every object matches. */
  isEmpty(): boolean {
    return !this.matchesNothing && this.requirements.length === 0
  }

  /** The one value that the label must have, where the selector says so. */
  requiresExactMatch(key: string): string | undefined {
    const found = this.requirements.find((r) => r.key === key)
    if (found?.values.length !== 1) return undefined
    return found.operator === 'in' || found.operator === '=' || found.operator === '==' ? found.values[0] : undefined
  }

  toString(): string {
    return this.requirements.join(',')
  }
}

/** Matches every object. */
const EVERYTHING: Selector = new Selector([])

/** Matches no object. */
export const NOTHING: Selector = new Selector([], true)

const VALUES = FieldPath.of('values')

/** @throws {LabelSelectorError} for a bad key, value, or number of values */
export function newRequirement(key: string, operator: SelectorOperator, values: readonly string[]): Requirement {
  const errors: FieldError[] = []
  const keyErrors = labelKeyErrors(key)
  if (keyErrors.length > 0) errors.push(invalid(FieldPath.of('key'), key, keyErrors.join('; ')))
  errors.push(...countErrors(operator, values))
  for (const [i, value] of values.entries()) {
    const valueErrors = labelValueErrors(value)
    if (valueErrors.length > 0) errors.push(invalid(VALUES.index(i).key(key), value, valueErrors.join('; ')))
  }
  if (errors.length > 0) throw new LabelSelectorError(aggregateMessage(errors.map(fieldErrorMessage)))
  return new Requirement(key, operator, values)
}

function countErrors(operator: SelectorOperator, values: readonly string[]): FieldError[] {
  // An empty list that came from an object is Go's nil.
  const printed = values.length > 0 ? values : undefined
  switch (operator) {
    case 'in':
    case 'notin':
      if (values.length > 0) return []
      return [invalid(VALUES, printed, "for 'in', 'notin' operators, values set can't be empty")]
    case '=':
    case '==':
    case '!=':
      if (values.length === 1) return []
      return [invalid(VALUES, printed, 'exact-match compatibility requires one single value')]
    case 'exists':
    case '!':
      if (values.length === 0) return []
      return [invalid(VALUES, printed, 'values set must be empty for exists and does not exist')]
    case 'gt':
    case 'lt':
      return boundErrors(values, printed)
    default:
      return [notSupported(FieldPath.of('operator'), operator, ALL_OPERATORS)]
  }
}

function boundErrors(values: readonly string[], printed: readonly string[] | undefined): FieldError[] {
  const errors: FieldError[] = []
  if (values.length !== 1) {
    errors.push(invalid(VALUES, printed, "for 'Gt', 'Lt' operators, exactly one value is required"))
  }
  for (const [i, value] of values.entries()) {
    if (parseInt64(value) !== undefined) continue
    errors.push(invalid(VALUES.index(i), value, "for 'Gt', 'Lt' operators, the value must be an integer"))
  }
  return errors
}

type TokenKind = 'identifier' | 'end' | '(' | ')' | ',' | SelectorOperator

interface Token {
  readonly kind: TokenKind
  readonly text: string
}

const SYMBOLS: ReadonlyMap<string, TokenKind> = new Map<string, TokenKind>([
  [')', ')'],
  [',', ','],
  ['!', '!'],
  ['==', '=='],
  ['=', '='],
  ['>', 'gt'],
  ['in', 'in'],
  ['<', 'lt'],
  ['!=', '!='],
  ['notin', 'notin'],
  ['(', '('],
])

const SPACE = /[ \t\r\n]*/y
/** A NUL ends the text, as upstream's lexer takes it. */
const WORD = /[^ \t\r\n=!(),><\0]*/y
const SPECIAL: ReadonlySet<string> = new Set('=!(),><')

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at
  return pattern.exec(text)![0]
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  for (;;) {
    at += matchAt(SPACE, text, at).length
    const char = text[at]
    if (char === undefined || char === '\0') break
    const symbol = symbolAt(text, at)
    if (symbol) {
      tokens.push(symbol)
      at += symbol.text.length
      continue
    }
    const word = matchAt(WORD, text, at)
    tokens.push({ kind: SYMBOLS.get(word) ?? 'identifier', text: word })
    at += word.length
    if (text[at] === '\0') at++
  }
  tokens.push({ kind: 'end', text: '' })
  return tokens
}

/** The longest operator made of special characters, of which each is one by itself. */
function symbolAt(text: string, at: number): Token | undefined {
  if (!SPECIAL.has(text[at]!)) return undefined
  for (const length of [2, 1]) {
    const head = text.slice(at, at + length)
    const kind = SYMBOLS.get(head)
    if (kind !== undefined) return { kind, text: head }
  }
  return undefined
}

class Parser {
  readonly #tokens: readonly Token[]
  #position = 0

  constructor(text: string) {
    this.#tokens = tokensOf(text)
  }

  parse(): Requirement[] {
    const requirements: Requirement[] = []
    for (;;) {
      const { kind, text } = this.#look()
      if (kind === 'end') return requirements
      if (kind !== 'identifier' && kind !== '!') {
        throw new LabelSelectorError(`found '${text}', expected: !, identifier, or 'end of string'`)
      }
      requirements.push(this.#requirementInContext())
      const after = this.#take()
      if (after.kind === 'end') return requirements
      if (after.kind !== ',') throw new LabelSelectorError(`found '${after.text}', expected: ',' or 'end of string'`)
      const next = this.#look()
      if (next.kind !== 'identifier' && next.kind !== '!') {
        throw new LabelSelectorError(`found '${next.text}', expected: identifier after ','`)
      }
    }
  }

  /** `in` and `notin` are names where no operator is expected. */
  #look(): Token {
    const token = this.#tokens[this.#position]!
    return token.kind === 'in' || token.kind === 'notin' ? { kind: 'identifier', text: token.text } : token
  }

  #take(): Token {
    const token = this.#look()
    this.#position++
    return token
  }

  #requirementInContext(): Requirement {
    try {
      return this.#requirement()
    } catch (error) {
      if (!(error instanceof LabelSelectorError)) throw error
      throw new LabelSelectorError(`unable to parse requirement: ${error.message}`)
    }
  }

  #requirement(): Requirement {
    let token = this.#take()
    const negated = token.kind === '!'
    if (negated) token = this.#take()
    if (token.kind !== 'identifier') throw new LabelSelectorError(`found '${token.text}', expected: identifier`)
    const key = token.text
    const keyErrors = labelKeyErrors(key)
    if (keyErrors.length > 0) {
      throw new LabelSelectorError(fieldErrorMessage(invalid(undefined, key, keyErrors.join('; '))))
    }
    if (negated) return newRequirement(key, '!', [])
    const next = this.#look()
    if (next.kind === 'end' || next.kind === ',') return newRequirement(key, 'exists', [])
    const operator = this.#operator()
    const values = operator === 'in' || operator === 'notin' ? this.#valueSet() : [this.#exactValue()]
    return newRequirement(key, operator, [...new Set(values)].sort())
  }

  #operator(): SelectorOperator {
    const { kind, text } = this.#tokens[this.#position++]!
    const operator = BINARY_OPERATORS.find((o) => o === kind)
    if (operator) return operator
    throw new LabelSelectorError(`found '${text}', expected: ${BINARY_OPERATORS.join(', ')}`)
  }

  #valueSet(): string[] {
    const open = this.#take()
    if (open.kind !== '(') throw new LabelSelectorError(`found '${open.text}' expected: '('`)
    const { kind, text } = this.#look()
    if (kind === ')') {
      this.#take()
      return ['']
    }
    if (kind !== 'identifier' && kind !== ',') {
      throw new LabelSelectorError(`found '${text}', expected: ',', ')' or identifier`)
    }
    const values = this.#identifiers()
    this.#take()
    return values
  }

  /** Up to, not including, the closing parenthesis; a value left out between commas is ''. */
  #identifiers(): string[] {
    const values: string[] = []
    for (;;) {
      const { kind, text } = this.#take()
      const next = this.#look()
      if (kind === 'identifier') {
        values.push(text)
        if (next.kind === ')') return values
        if (next.kind !== ',') throw new LabelSelectorError(`found '${next.text}', expected: ',' or ')'`)
      } else if (kind === ',') {
        if (values.length === 0 || next.kind === ')' || next.kind === ',') values.push('')
        if (next.kind === ')') return values
      } else {
        throw new LabelSelectorError(`found '${text}', expected: ',', or identifier`)
      }
    }
  }

  #exactValue(): string {
    const next = this.#look()
    if (next.kind === 'end' || next.kind === ',') return ''
    const { kind, text } = this.#take()
    if (kind !== 'identifier') throw new LabelSelectorError(`found '${text}', expected: identifier`)
    return text
  }
}

/** Reads a labelSelector parameter. @throws {LabelSelectorError} with upstream's message. */
export function parseLabelSelector(text: string): Selector {
  return new Selector(new Parser(text).parse())
}

/** A selector for exactly these labels; nothing is checked. */
export function selectorFromSet(labels: Labels | undefined): Selector {
  return new Selector(Object.entries(labels ?? {}).map(([key, value]) => new Requirement(key, '=', [value])))
}

const OBJECT_OPERATORS: ReadonlyMap<string, SelectorOperator> = new Map([
  ['In', 'in'],
  ['NotIn', 'notin'],
  ['Exists', 'exists'],
  ['DoesNotExist', '!'],
])

/**
 * The selector of an object's LabelSelector: none selects nothing, an empty one everything.
 *
 * @throws {LabelSelectorError} with upstream's message
 * @see apimachinery pkg/apis/meta/v1/helpers.go LabelSelectorAsSelector
 */
export function labelSelectorAsSelector(selector: LabelSelector | undefined): Selector {
  if (selector === undefined || selector === null) return NOTHING
  const labels = Object.entries(selector.matchLabels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  const requirements = labels.map(([key, value]) => newRequirement(key, '=', [value]))
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const known = OBJECT_OPERATORS.get(operator)
    if (!known) throw new LabelSelectorError(`${goQuote(operator)} is not a valid label selector operator`)
    requirements.push(newRequirement(key, known, values ?? []))
  }
  return requirements.length === 0 ? EVERYTHING : new Selector(requirements)
}

/** Text of a LabelSelector as tables print it: `<none>` for an empty one, `<error>` for a bad one. */
export function formatLabelSelector(selector: LabelSelector | undefined): string {
  try {
    return labelSelectorAsSelector(selector).toString() || '<none>'
  } catch (error) {
    if (error instanceof LabelSelectorError) return '<error>'
    throw error
  }
}

const LABEL_NAME = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'
const LABEL_NAME_RULE =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
const LABEL_NAME_ERROR = `${LABEL_NAME_RULE} (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${LABEL_NAME}')`
const LABEL_VALUE_ERROR = `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(${LABEL_NAME})?')`
const SUBDOMAIN = '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*'
const SUBDOMAIN_ERROR = `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${SUBDOMAIN}')`

const MAX_NAME_BYTES = 63
const MAX_SUBDOMAIN_BYTES = 253

/** The same languages as the patterns in the messages, in a form that is linear in the text's length. */
const LABEL_NAME_PATTERN = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/
const DNS_LABEL_PATTERN = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/

const tooLong = (maxBytes: number): string => `must be no more than ${maxBytes} bytes`

/**
 * A selector as its Go struct prints itself.
 *
 * @see apimachinery pkg/apis/meta/v1/generated.pb.go
 */
export function goLabelSelectorText(selector: LabelSelector | undefined): string {
  if (!selector) return 'nil'
  const { matchLabels = {}, matchExpressions = [] } = selector
  const labels = Object.keys(matchLabels)
    .sort()
    .map((key) => `${key}: ${matchLabels[key]},`)
  const expressions = matchExpressions.map(
    ({ key, operator, values = [] }) =>
      `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(' ')}],},`,
  )
  return `&LabelSelector{MatchLabels:map[string]string{${labels.join('')}},MatchExpressions:[]LabelSelectorRequirement{${expressions.join('')}},}`
}

/**
 * What is wrong with a label's key (`example.com/name`); empty: nothing.
 *
 * @see apimachinery pkg/api/validate/content/kube.go IsLabelKey
 */
export function labelKeyErrors(key: string): string[] {
  const parts = key.split('/')
  if (parts.length > 2) {
    return [
      `a valid label key ${LABEL_NAME_ERROR} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ]
  }
  const errors: string[] = []
  const name = parts.at(-1)!
  if (parts.length === 2) errors.push(...prefixErrors(parts[0]!))
  if (name === '') errors.push('name part must be non-empty')
  else if (Buffer.byteLength(name) > MAX_NAME_BYTES) errors.push(`name part ${tooLong(MAX_NAME_BYTES)}`)
  if (!LABEL_NAME_PATTERN.test(name)) errors.push(`name part ${LABEL_NAME_ERROR}`)
  return errors
}

function prefixErrors(prefix: string): string[] {
  if (prefix === '') return ['prefix part must be non-empty']
  const errors: string[] = []
  if (Buffer.byteLength(prefix) > MAX_SUBDOMAIN_BYTES) errors.push(`prefix part ${tooLong(MAX_SUBDOMAIN_BYTES)}`)
  if (!prefix.split('.').every((label) => DNS_LABEL_PATTERN.test(label))) errors.push(`prefix part ${SUBDOMAIN_ERROR}`)
  return errors
}

/** What is wrong with a label's value; empty: nothing. */
export function labelValueErrors(value: string): string[] {
  const errors: string[] = []
  if (Buffer.byteLength(value) > MAX_NAME_BYTES) errors.push(tooLong(MAX_NAME_BYTES))
  if (value !== '' && !LABEL_NAME_PATTERN.test(value)) errors.push(LABEL_VALUE_ERROR)
  return errors
}
