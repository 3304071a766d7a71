/** Warnings longer than this in all are cut, each to its share, so that an answer's head stays within what clients take. */
const MAX_TOTAL_RUNES = 4096
const MAX_ITEM_RUNES = 256

/**
 * The warnings of one answer: each text once, and none that a header cannot hold.
 *
 * @see apiserver pkg/endpoints/filters/warning.go
 */
export class WarningRecorder {
  readonly #texts = new Set<string>()
  #headers: string[] = []
  #runes = 0
  #isTruncating = false

  add(text: string): void {
    if (text === '' || this.#texts.has(text) || /\p{Cc}/u.test(text)) return
    if (this.#isTruncating && this.#runes >= MAX_TOTAL_RUNES) return
    this.#texts.add(text)
    if (!this.#isTruncating && this.#runes + runesOf(text) > MAX_TOTAL_RUNES) {
      this.#isTruncating = true
      this.#runes = 0
      this.#headers = []
      for (const recorded of this.#texts) this.#write(firstRunes(recorded))
    } else this.#write(this.#isTruncating ? firstRunes(text) : text)
  }

  /** `Warning` header values: `299 - "text"`. */
  get headers(): readonly string[] {
    return this.#headers
  }

  #write(text: string): void {
    this.#runes += runesOf(text)
    this.#headers.push(`299 - ${quotedString(text)}`)
  }
}

const PRINTABLE = /^[\x20-\x7e]*$/

const runesOf = (text: string): number => (PRINTABLE.test(text) ? text.length : [...text].length)

function firstRunes(text: string): string {
  return text.length <= MAX_ITEM_RUNES ? text : [...text].slice(0, MAX_ITEM_RUNES).join('')
}

/** A quoted-string of RFC 7230. */
function quotedString(text: string): string {
  return `"${encodeNonLatin(text.replace(/[\\"]/g, (c) => `\\${c}`))}"`
}

/** Bytes of UTF-8 as header characters: what Go's server writes. */
function encodeNonLatin(text: string): string {
  return PRINTABLE.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1')
}
