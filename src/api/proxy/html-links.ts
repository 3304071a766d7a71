import { Transform, type TransformCallback } from 'node:stream'

/** Attributes that hold addresses, by element. @see apimachinery pkg/util/proxy/transport.go atomsToAttrs */
const LINK_ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  a: ['href'],
  applet: ['codebase'],
  area: ['href'],
  audio: ['src'],
  base: ['href'],
  blockquote: ['cite'],
  body: ['background'],
  button: ['formaction'],
  command: ['icon'],
  del: ['cite'],
  embed: ['src'],
  form: ['action'],
  frame: ['longdesc', 'src'],
  head: ['profile'],
  html: ['manifest'],
  iframe: ['longdesc', 'src'],
  img: ['longdesc', 'src', 'usemap'],
  input: ['src', 'usemap', 'formaction'],
  ins: ['cite'],
  link: ['href'],
  object: ['classid', 'codebase', 'data', 'usemap'],
  q: ['cite'],
  script: ['src'],
  source: ['src'],
  video: ['poster', 'src'],
}

/** Elements whose content is text, whatever it looks like. */
const TEXT_ELEMENTS: ReadonlySet<string> = new Set([
  'iframe',
  'noembed',
  'noframes',
  'plaintext',
  'script',
  'style',
  'textarea',
  'title',
  'xmp',
])

/** A tag that goes on for longer is passed on as it is. */
const MAX_TAG = 64 * 1024

const TAG_NAME = /^<([a-z][^\s/>]*)/i
const ATTRIBUTE = /([^\s/>=][^\s/>=]*)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s>"'][^\s>]*))?/g

/** A page on its way to the client: addresses in its elements are rewritten, all else passes as it is. */
export class HtmlLinks extends Transform {
  readonly #rewrite: (link: string) => string
  /** Bytes as characters: what is not markup is never looked at. */
  #text = ''
  /** What ends the text, comment or element whose inside is passed on as it is. */
  #until: RegExp | undefined

  constructor(rewrite: (link: string) => string) {
    super()
    this.#rewrite = rewrite
  }

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    this.#text += chunk.toString('latin1')
    this.#advance()
    done()
  }

  override _flush(done: TransformCallback): void {
    this.#emit(this.#text)
    done()
  }

  #emit(text: string): void {
    if (text !== '') this.push(Buffer.from(text, 'latin1'))
  }

  #advance(): void {
    let out = ''
    for (let step = this.#step(); step !== undefined; step = this.#step()) out += step
    this.#emit(out)
  }

  /** Takes the next piece that can be told whole; undefined where more is needed. */
  #step(): string | undefined {
    if (this.#text === '') return undefined
    if (this.#until) return this.#inside(this.#until)
    const at = this.#text.indexOf('<')
    if (at !== 0) return this.#take(at < 0 ? this.#text.length : at)
    if (this.#text.startsWith('<!--')) {
      this.#until = /-->/
      return this.#take(4)
    }
    if (this.#text.length < 4 && '<!--'.startsWith(this.#text)) return undefined
    if (/^<[!?/]/.test(this.#text)) {
      this.#until = />/
      return this.#take(2)
    }
    return /^<[a-z]/i.test(this.#text) ? this.#tag() : this.#take(1)
  }

  /** Up to the end of what is passed on as it is; the end itself may come in pieces. */
  #inside(end: RegExp): string | undefined {
    const match = end.exec(this.#text)
    if (match) {
      this.#until = undefined
      return this.#take(match.index + (end.source.startsWith('<') ? 0 : match[0].length))
    }
    const safe = this.#text.length - MAX_END
    return safe > 0 ? this.#take(safe) : undefined
  }

  #tag(): string | undefined {
    const length = tagLength(this.#text)
    if (length === undefined) return this.#text.length > MAX_TAG ? this.#take(this.#text.length) : undefined
    const tag = this.#take(length)
    const name = TAG_NAME.exec(tag)![1]!.toLowerCase()
    if (TEXT_ELEMENTS.has(name)) this.#until = name === 'plaintext' ? /(?!)/ : new RegExp(`</${name}(?=[\\s/>])`, 'i')
    const attributes = LINK_ATTRIBUTES[name]
    return attributes ? rewriteTag(tag, name.length + 1, attributes, this.#rewrite) : tag
  }

  #take(length: number): string {
    const taken = this.#text.slice(0, length)
    this.#text = this.#text.slice(length)
    return taken
  }
}

/** The longest end: `</plaintext>`. */
const MAX_END = 12

/** Up to the `>` that ends a tag, quoted ones left out; undefined where it is still to come. */
function tagLength(text: string): number | undefined {
  let quote = ''
  let before = ''
  for (let i = 1; i < text.length; i++) {
    const c = text[i]!
    if (quote !== '') {
      if (c === quote) quote = ''
    } else if ((c === '"' || c === "'") && before === '=') quote = c
    else if (c === '>') return i + 1
    if (!/\s/.test(c)) before = c
  }
  return undefined
}

function rewriteTag(
  tag: string,
  from: number,
  attributes: readonly string[],
  rewrite: (link: string) => string,
): string {
  const rewritten = tag.slice(from).replace(ATTRIBUTE, (whole: string, key: string, given?: string) => {
    if (given === undefined || !attributes.includes(key.toLowerCase())) return whole
    const bare = /^["']/.test(given) ? given.slice(1, -1) : given
    const link = unescapeHtml(Buffer.from(bare, 'latin1').toString())
    const changed = rewrite(link)
    return changed === link ? whole : `${key}="${escapeHtml(Buffer.from(changed).toString('latin1'))}"`
  })
  return tag.slice(0, from) + rewritten
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function unescapeHtml(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]+));/gi, (whole, decimal, hex, name) => {
    if (name) return NAMED[name] ?? whole
    const code = decimal ? Number(decimal) : Number.parseInt(hex, 16)
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  "'": '&#39;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
}

function escapeHtml(text: string): string {
  return text.replace(/[&'<>"]/g, (c) => ESCAPES[c]!)
}
