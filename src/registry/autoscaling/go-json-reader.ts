import { isJsonObject, type JsonObject } from '../../apimachinery/kube-object.ts'
import { parseQuantity, QuantityError } from '../../apimachinery/quantity.ts'

/** JSON that Go would not decode into the struct that is asked for. */
export class GoJsonError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'GoJsonError'
  }
}

/**
 * Reads members of a JSON object as Go's encoding/json decodes them into a struct: names in any case, null and absent
 * alike, a value of another type is an error.
 */
export class GoJsonReader {
  readonly #object: JsonObject

  constructor(object: JsonObject) {
    this.#object = object
  }

  /** `text` parsed and read; undefined where it is malformed anywhere. */
  static tryParse<T>(text: string, read: (value: unknown) => T): T | undefined {
    try {
      return read(JSON.parse(text))
    } catch (error) {
      if (error instanceof GoJsonError || error instanceof SyntaxError || error instanceof QuantityError)
        return undefined
      throw error
    }
  }

  /** The items of a list of objects; none for null. */
  static list<T>(value: unknown, read: (item: GoJsonReader) => T): T[] {
    if (value === null || value === undefined) return []
    if (!Array.isArray(value)) throw new GoJsonError('not a list')
    return value.map((item) => read(GoJsonReader.of(item)))
  }

  static of(value: unknown): GoJsonReader {
    if (value === null || value === undefined) return new GoJsonReader({})
    if (!isJsonObject(value)) throw new GoJsonError('not an object')
    return new GoJsonReader(value)
  }

  /** The member as it is; undefined for null. */
  value(name: string): unknown {
    const exact = this.#object[name]
    if (exact !== undefined) return exact ?? undefined
    const key = Object.keys(this.#object).find((candidate) => candidate.toLowerCase() === name.toLowerCase())
    return key === undefined ? undefined : (this.#object[key] ?? undefined)
  }

  string(name: string): string | undefined {
    const value = this.value(name)
    if (value !== undefined && typeof value !== 'string') throw new GoJsonError(`${name}: not a string`)
    return value
  }

  integer(name: string): number | undefined {
    const value = this.value(name)
    if (value !== undefined && !Number.isInteger(value)) throw new GoJsonError(`${name}: not an integer`)
    return value as number | undefined
  }

  /** In canonical form. */
  quantity(name: string): string | undefined {
    const value = this.value(name)
    if (value === undefined) return undefined
    if (typeof value !== 'string' && typeof value !== 'number') throw new GoJsonError(`${name}: not a quantity`)
    return parseQuantity(String(value)).toString()
  }

  object<T>(name: string, read: (member: GoJsonReader) => T): T | undefined {
    const value = this.value(name)
    return value === undefined ? undefined : read(GoJsonReader.of(value))
  }
}
