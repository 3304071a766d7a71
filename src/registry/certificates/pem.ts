/** One block of PEM text. */
interface PemBlock {
  readonly type: string
  readonly hasHeaders: boolean
  readonly bytes: Buffer
  /** What stands behind the block. */
  readonly rest: string
}

const BEGIN = '-----BEGIN '
const END = '-----END '
const DASHES = '-----'
const BASE64_TEXT = /^[A-Za-z0-9+/]*={0,2}$/

/**
 * The first well-formed block of a text; undefined where there is none. Text between blocks and malformed blocks are
 * skipped, as Go's pem.Decode does. Time is linear in the text.
 *
 * @see RFC 7468
 */
export function decodePem(text: string): PemBlock | undefined {
  let endAt = -1
  for (let at = 0; ; ) {
    const begin = text.startsWith(BEGIN, at) ? at : afterNewline(text.indexOf(`\n${BEGIN}`, at))
    if (begin < 0) return undefined
    const lineEnd = text.indexOf('\n', begin)
    if (lineEnd < 0) return undefined
    // The nearest end line counts, whatever its type; it serves all beginnings before it.
    if (endAt < lineEnd) endAt = text.indexOf(`\n${END}`, lineEnd)
    if (endAt < 0) return undefined
    const block = blockBetween(text, { begin, lineEnd, endAt })
    if (block) return block
    at = lineEnd
  }
}

const afterNewline = (index: number): number => (index < 0 ? -1 : index + 1)

interface Bounds {
  readonly begin: number
  /** Of the line that begins the block. */
  readonly lineEnd: number
  /** Of the newline before the end line. */
  readonly endAt: number
}

function blockBetween(text: string, { begin, lineEnd, endAt }: Bounds): PemBlock | undefined {
  const firstLine = text.slice(begin + BEGIN.length, lineEnd).trimEnd()
  if (!firstLine.endsWith(DASHES)) return undefined
  const type = firstLine.slice(0, -DASHES.length)
  const restStart = text.indexOf('\n', endAt + 1)
  const endLine = text.slice(endAt + 1 + END.length, restStart < 0 ? text.length : restStart)
  if (endLine.trimEnd() !== `${type}${DASHES}`) return undefined
  const { hasHeaders, body } = splitHeaders(text.slice(lineEnd + 1, endAt + 1))
  const base64 = body.replace(/[\r\n\t ]/g, '')
  if (base64.length % 4 !== 0 || !BASE64_TEXT.test(base64)) return undefined
  return {
    type,
    hasHeaders,
    bytes: Buffer.from(base64, 'base64'),
    rest: restStart < 0 ? '' : text.slice(restStart + 1),
  }
}

/** Headers are lines with a colon before the data. */
function splitHeaders(content: string): { readonly hasHeaders: boolean; readonly body: string } {
  if (!content.includes(':')) return { hasHeaders: false, body: content }
  const lines = content.split('\n')
  const first = lines.findIndex((line) => !line.includes(':'))
  return { hasHeaders: first !== 0, body: lines.slice(first < 0 ? lines.length : first).join('\n') }
}
