import { GoUrlError, parseGoUrl } from '../../apimachinery/go-url.ts'
import { parseCidr, parseIp } from '../../apimachinery/validation/ip.ts'
import { isDNS1123Label, isDNS1123Subdomain } from '../../apimachinery/validation/names.ts'

const matches =
  (pattern: RegExp) =>
  (text: string): boolean =>
    pattern.test(text)

function isCalendarDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false
  const date = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text)
}

function isDateTime(text: string): boolean {
  return (
    /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:?\d{2})$/.test(text) &&
    isCalendarDate(text.slice(0, 10))
  )
}

const GO_DURATION = /^[+-]?(0|((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)$/
/** Scala's form: a number and a unit, spaces between them. */
const SCALA_DURATION =
  /^\s*\d+\s*(d|day|days|h|hour|hours|m|min|minute|minutes|s|sec|second|seconds|ms|milli|millis|millisecond|milliseconds|us|micro|micros|microsecond|microseconds|ns|nano|nanos|nanosecond|nanoseconds|w|week|weeks)\s*$/

function isRequestUri(text: string): boolean {
  try {
    const { scheme } = parseGoUrl(text)
    return text !== '' && (scheme !== '' || text.startsWith('/'))
  } catch (error) {
    if (error instanceof GoUrlError) return false
    throw error
  }
}

/** Digits of an ISBN with the right check digit. */
function isIsbn(text: string, length: 10 | 13): boolean {
  const digits = text.replace(/[\s-]+/g, '')
  if (length === 13) {
    if (!/^\d{13}$/.test(digits)) return false
    return [...digits].reduce((sum, digit, i) => sum + Number(digit) * (i % 2 === 0 ? 1 : 3), 0) % 10 === 0
  }
  if (!/^\d{9}[\dX]$/.test(digits)) return false
  return [...digits].reduce((sum, digit, i) => sum + (10 - i) * (digit === 'X' ? 10 : Number(digit)), 0) % 11 === 0
}

const CREDIT_CARD =
  /^(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|6(?:011|5\d\d)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:2131|1800|35\d{3})\d{11})$/

function isCreditCard(text: string): boolean {
  const digits = text.replace(/\D+/g, '')
  if (!CREDIT_CARD.test(digits)) return false
  const sum = [...digits].reverse().reduce((total, digit, i) => {
    const doubled = Number(digit) * (i % 2 === 0 ? 1 : 2)
    return total + (doubled > 9 ? doubled - 9 : doubled)
  }, 0)
  return sum % 10 === 0
}

const HOST_LABEL = /^[a-zA-Z0-9\p{L}\p{N}]([a-zA-Z0-9\p{L}\p{N}_-]{0,62}[a-zA-Z0-9\p{L}\p{N}])?$/u
const isHostname = (text: string): boolean =>
  text.length <= 255 && text.split('.').every((label) => label.length <= 63 && HOST_LABEL.test(label))

/**
 * Formats of strings that are checked, by their name without dashes.
 *
 * @see apiextensions-apiserver pkg/apiserver/validation/formats.go, kube-openapi pkg/validation/strfmt
 */
const STRING_FORMATS: ReadonlyMap<string, (text: string) => boolean> = new Map([
  ['bsonobjectid', matches(/^[0-9a-fA-F]{24}$/)],
  ['uri', isRequestUri],
  ['email', matches(/^[^\s@<>]+@[^\s@<>]+$/)],
  ['hostname', isHostname],
  ['ipv4', (text: string) => parseIp(text)?.family === 4],
  ['ipv6', (text: string) => parseIp(text)?.family === 6],
  ['cidr', (text: string) => parseCidr(text) !== undefined],
  ['mac', matches(/^([0-9a-fA-F]{2}([:-]))([0-9a-fA-F]{2}\2){4}[0-9a-fA-F]{2}$|^([0-9a-fA-F]{4}\.){2}[0-9a-fA-F]{4}$/)],
  ['uuid', matches(/^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i)],
  ['uuid3', matches(/^[0-9a-f]{8}-?[0-9a-f]{4}-?3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i)],
  ['uuid4', matches(/^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i)],
  ['uuid5', matches(/^[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i)],
  ['isbn', (text: string) => isIsbn(text, 10) || isIsbn(text, 13)],
  ['isbn10', (text: string) => isIsbn(text, 10)],
  ['isbn13', (text: string) => isIsbn(text, 13)],
  ['creditcard', isCreditCard],
  ['ssn', matches(/^\d{3}[- ]?\d{2}[- ]?\d{4}$/)],
  ['hexcolor', matches(/^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/)],
  [
    'rgbcolor',
    matches(
      /^rgb\(\s*(\d{1,2}|1\d\d|2[0-4]\d|25[0-5])\s*,\s*(\d{1,2}|1\d\d|2[0-4]\d|25[0-5])\s*,\s*(\d{1,2}|1\d\d|2[0-4]\d|25[0-5])\s*\)$/,
    ),
  ],
  ['byte', matches(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/)],
  ['password', () => true],
  ['date', isCalendarDate],
  ['duration', (text: string) => GO_DURATION.test(text) || SCALA_DURATION.test(text)],
  ['datetime', isDateTime],
  ['k8sshortname', (text: string) => isDNS1123Label(text).length === 0],
  ['k8slongname', (text: string) => isDNS1123Subdomain(text).length === 0],
])

const normalized = (format: string): string => format.replaceAll('-', '')

/** Whether values of that type are checked against the format; other formats are kept and do nothing. */
export function isKnownFormat(type: string, format: string): boolean {
  switch (type) {
    case '':
    case 'string':
      return STRING_FORMATS.has(normalized(format))
    case 'integer':
      return format === 'int32' || format === 'int64'
    case 'number':
      return format === 'float' || format === 'double'
    default:
      return false
  }
}

/** True for formats that are not known. */
export function hasStringFormat(text: string, format: string): boolean {
  return STRING_FORMATS.get(normalized(format))?.(text) ?? true
}
