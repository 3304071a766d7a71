import { goQuote } from './go-quote.ts'

/** A URL taken apart as Go's net/url does, which accepts other texts than the WHATWG parser of the platform. */
interface GoUrl {
  readonly scheme: string
  /** `user:password` as it stands; undefined without `@`. */
  readonly userInfo: string | undefined
  /** Host and port, escapes decoded. */
  readonly host: string
  readonly path: string
  readonly rawQuery: string
  readonly fragment: string
}

/** The words of Go's `*url.Error`: `parse "%zz": invalid URL escape "%zz"`. */
export class GoUrlError extends Error {
  constructor(raw: string, why: string) {
    super(`parse ${goQuote(raw)}: ${why}`)
    this.name = 'GoUrlError'
  }
}

/**
 * Parses a URL or a reference.
 *
 * Throws a {@link GoUrlError}.
 *
 * @see RFC 3986, Go net/url Parse
 */
export function parseGoUrl(raw: string): GoUrl {
  const fail = (why: string): never => {
    throw new GoUrlError(raw, why)
  }
  const [withoutFragment, fragment] = cut(raw, '#')
  if (hasControlCharacter(raw)) fail('net/url: invalid control character in URL')
  const { scheme, rest: afterScheme } = splitScheme(withoutFragment, fail)
  const [rest, rawQuery] = cut(afterScheme, '?')
  const url = { scheme: scheme.toLowerCase(), rawQuery, fragment: unescapeUrl(fragment, 'text', fail) }
  if (!rest.startsWith('/')) {
    if (scheme !== '') return { ...url, userInfo: undefined, host: '', path: '' }
    if (cut(rest, '/')[0].includes(':')) fail('first path segment in URL cannot contain colon')
  }
  if (rest.startsWith('//') && (scheme !== '' || !rest.startsWith('///'))) {
    const slash = rest.indexOf('/', 2)
    const authority = rest.slice(2, slash < 0 ? rest.length : slash)
    const path = slash < 0 ? '' : rest.slice(slash)
    return { ...url, ...parseAuthority(authority, fail), path: unescapeUrl(path, 'text', fail) }
  }
  return { ...url, userInfo: undefined, host: '', path: unescapeUrl(rest, 'text', fail) }
}

type Fail = (why: string) => never

/** Text before and behind the first `separator`; all of it and '' where there is none. */
function cut(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

function hasControlCharacter(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || code === 0x7f) return true
  }
  return false
}

function splitScheme(text: string, fail: Fail): { readonly scheme: string; readonly rest: string } {
  const scheme = /^[A-Za-z][A-Za-z0-9+.-]*(?=:)/.exec(text)?.[0]
  if (scheme !== undefined) return { scheme, rest: text.slice(scheme.length + 1) }
  return text.startsWith(':') ? fail('missing protocol scheme') : { scheme: '', rest: text }
}

function parseAuthority(authority: string, fail: Fail): Pick<GoUrl, 'userInfo' | 'host'> {
  const at = authority.lastIndexOf('@')
  const host = parseHost(authority.slice(at + 1), fail)
  if (at < 0) return { userInfo: undefined, host }
  const userInfo = authority.slice(0, at)
  if (!/^[A-Za-z0-9._:~!$&'()*+,;=%@-]*$/.test(userInfo)) fail('net/url: invalid userinfo')
  unescapeUrl(userInfo, 'text', fail)
  return { userInfo, host }
}

function parseHost(host: string, fail: Fail): string {
  if (host.startsWith('[')) {
    const close = host.lastIndexOf(']')
    if (close < 0) fail("missing ']' in host")
    checkPort(host.slice(close + 1), fail)
  } else {
    const colon = host.lastIndexOf(':')
    if (colon >= 0) checkPort(host.slice(colon), fail)
  }
  return unescapeUrl(host, 'host', fail)
}

function checkPort(colonPort: string, fail: Fail): void {
  if (colonPort !== '' && !/^:\d*$/.test(colonPort)) fail(`invalid port ${goQuote(colonPort)} after host`)
}

function unescapeUrl(text: string, mode: 'text' | 'host', fail: Fail): string {
  const bad = /%(?![0-9A-Fa-f]{2})/.exec(text)
  if (bad) fail(`invalid URL escape ${goQuote(text.slice(bad.index, bad.index + 3))}`)
  if (mode === 'host') {
    const ascii = /%[0-7][0-9A-Fa-f]/.exec(text)
    if (ascii && ascii[0] !== '%25') fail(`invalid URL escape ${goQuote(ascii[0])}`)
    const character = /[ \\^`{|}]/.exec(text)
    if (character) fail(`invalid character ${goQuote(character[0])} in host name`)
  }
  if (!text.includes('%')) return text
  const parts = text.split(/%([0-9A-Fa-f]{2})/)
  return Buffer.concat(parts.map((part, i) => Buffer.from(part, i % 2 === 0 ? 'utf8' : 'hex'))).toString()
}
