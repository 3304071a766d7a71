/**
 * Path to a field of an object, printed as upstream does: `spec.containers[0].ports[1].name`, `metadata.labels[app]`.
 * Immutable; a child holds its parent.
 */
export class FieldPath {
  readonly #name: string | number
  readonly #isIndex: boolean
  readonly #parent: FieldPath | undefined

  private constructor(name: string | number, isIndex: boolean, parent: FieldPath | undefined) {
    this.#name = name
    this.#isIndex = isIndex
    this.#parent = parent
  }

  static of(name: string, ...more: readonly string[]): FieldPath {
    return new FieldPath(name, false, undefined).child(...more)
  }

  child(...names: readonly string[]): FieldPath {
    let path: FieldPath = this
    for (let i = 0; i < names.length; i++) path = new FieldPath(names[i]!, false, path)
    return path
  }

  /** An element of a list. */
  index(i: number): FieldPath {
    return new FieldPath(i, true, this)
  }

  /** An entry of a map. */
  key(key: string): FieldPath {
    return new FieldPath(key, true, this)
  }

  /** A field without a name prints as upstream's does: `[]`, which messages about an object as a whole have. */
  toString(): string {
    const isBracketed = this.#isIndex || this.#name === ''
    const own = isBracketed ? `[${this.#name}]` : String(this.#name)
    if (!this.#parent) return own
    return isBracketed ? `${this.#parent}${own}` : `${this.#parent}.${own}`
  }
}
