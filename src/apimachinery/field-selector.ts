/** A fieldSelector that does not parse; the message is upstream's. */
export class FieldSelectorError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'FieldSelectorError'
  }
}

export interface FieldRequirement {
  readonly field: string
  readonly operator: '=' | '!='
  readonly value: string
}

/**
 * Conditions on fields that must all hold, in the order that upstream reports and prints them.
 *
 * @see apimachinery pkg/fields/selector.go
 */
export class FieldSelector {
  readonly requirements: readonly FieldRequirement[]

  constructor(requirements: readonly FieldRequirement[]) {
    this.requirements = requirements
  }

  /** `fields`: values of the selectable fields; one that is absent counts as ''. */
  matches(fields: Readonly<Record<string, string>>): boolean {
    for (const { field, operator, value } of this.requirements) {
      const actual = Object.hasOwn(fields, field) ? fields[field] : ''
      if ((actual === value) !== (operator === '=')) return false
    }
    return true
  }

  /** True where every object matches. */
  isEmpty(): boolean {
    return this.requirements.length === 0
  }

  /** The value that the field must have, where the selector says so. */
  requiresExactMatch(field: string): string | undefined {
    return this.requirements.find((r) => r.operator === '=' && r.field === field)?.value
  }

  /**
   * The selector with each field and value rewritten; a requirement of which both become '' is dropped. What `rewrite`
   * throws (a field that is not selectable) goes through.
   */
  transform(rewrite: (field: string, value: string) => readonly [field: string, value: string]): FieldSelector {
    const next: FieldRequirement[] = []
    for (const { field, operator, value } of this.requirements) {
      const [newField, newValue] = rewrite(field, value)
      if (newField !== '' || newValue !== '') next.push({ field: newField, operator, value: newValue })
    }
    return new FieldSelector(next)
  }

  toString(): string {
    return this.requirements.map((r) => `${r.field}${r.operator}${escapeFieldValue(r.value)}`).join(',')
  }
}

/** Writes a value so that it may stand in a fieldSelector: `\`, `,` and `=` get a backslash. */
export function escapeFieldValue(value: string): string {
  return value.replace(/[\\,=]/g, '\\$&')
}

/** @throws {FieldSelectorError} for an unknown escape or a bare `,` or `=` */
export function unescapeFieldValue(text: string): string {
  if (!/[\\,=]/.test(text)) return text
  let value = ''
  let escaped = false
  for (const char of text) {
    if (escaped) {
      if (char !== '\\' && char !== ',' && char !== '=') throw invalidEscape(`\\${char}`)
      value += char
      escaped = false
    } else if (char === '\\') {
      escaped = true
    } else if (char === ',' || char === '=') {
      // Upstream prints the code point as a number.
      throw new FieldSelectorError(`invalid field selector: unescaped character in value: ${char.charCodeAt(0)}`)
    } else {
      value += char
    }
  }
  if (escaped) throw invalidEscape('\\')
  return value
}

function invalidEscape(sequence: string): FieldSelectorError {
  return new FieldSelectorError(`invalid field selector: invalid escape sequence: ${sequence}`)
}

function splitTerms(text: string): string[] {
  const terms: string[] = []
  let start = 0
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === ',') {
      terms.push(text.slice(start, i))
      start = i + 1
    }
  }
  terms.push(text.slice(start))
  return terms
}

const TERM = /!=|==|=/

/** Reads a fieldSelector parameter. @throws {FieldSelectorError} with upstream's message. */
export function parseFieldSelector(text: string): FieldSelector {
  const requirements: FieldRequirement[] = []
  for (const term of splitTerms(text).sort()) {
    if (term === '') continue
    const operator = TERM.exec(term)
    if (!operator) throw new FieldSelectorError(`invalid selector: '${text}'; can't understand '${term}'`)
    const value = unescapeFieldValue(term.slice(operator.index + operator[0].length))
    const field = term.slice(0, operator.index)
    if (field === '' && value === '') continue
    requirements.push({ field, operator: operator[0] === '!=' ? '!=' : '=', value })
  }
  return new FieldSelector(requirements)
}
