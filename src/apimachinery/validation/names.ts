/**
 * Forms of names and other short texts. Each function returns what is wrong, in upstream's words; an empty list where
 * nothing is.
 *
 * @see apimachinery pkg/util/validation/validation.go, pkg/api/validate/content
 */
import type { FieldError } from '../field-error.ts'
import { invalid, required } from '../field-error.ts'
import type { FieldPath } from '../field-path.ts'

/** What a list of nothing wrong is; shared, so that the common case allocates nothing. */
const NONE: string[] = []

export const DNS1123_LABEL_MAX_LENGTH = 63
export const DNS1123_SUBDOMAIN_MAX_LENGTH = 253
const DNS1035_LABEL_MAX_LENGTH = 63
const LABEL_VALUE_MAX_LENGTH = 63

const DNS1123_LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const DNS1123_SUBDOMAIN = `${DNS1123_LABEL}(\\.${DNS1123_LABEL})*`
const UNDERSCORE_LABEL = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?'
const UNDERSCORE_SUBDOMAIN = `${UNDERSCORE_LABEL}(\\.${UNDERSCORE_LABEL})*`
const DNS1035_LABEL = '[a-z]([-a-z0-9]*[a-z0-9])?'
const WILDCARD_SUBDOMAIN = `\\*\\.${DNS1123_SUBDOMAIN}`
const LABEL_KEY = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'
const LABEL_VALUE = `(${LABEL_KEY})?`
const C_IDENTIFIER = '[A-Za-z_][A-Za-z0-9_]*'
const PERCENT = '[0-9]+%'
const HTTP_HEADER_NAME = '[-A-Za-z0-9]+'
const HTTP_PATH = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+"
const ENV_VAR_NAME = '[-._a-zA-Z][-._a-zA-Z0-9]*'
const CONFIG_MAP_KEY = '[-._a-zA-Z0-9]+'

const whole = (pattern: string): RegExp => new RegExp(`^${pattern}$`)

const dns1123Label = whole(DNS1123_LABEL)
const dns1123Subdomain = whole(DNS1123_SUBDOMAIN)
const underscoreLabel = whole(UNDERSCORE_LABEL)
const dns1035Label = whole(DNS1035_LABEL)
const labelKey = whole(LABEL_KEY)
const cIdentifier = whole(C_IDENTIFIER)
const percentText = whole(PERCENT)
const httpHeaderName = whole(HTTP_HEADER_NAME)
const httpPath = whole(HTTP_PATH)
const envVarName = whole(ENV_VAR_NAME)
const configMapKey = whole(CONFIG_MAP_KEY)

const LABEL_MESSAGE =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character"
const SUBDOMAIN_MESSAGE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
const CASELESS_SUBDOMAIN_MESSAGE =
  "an RFC 1123 subdomain must consist of alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
const UNDERSCORE_MESSAGE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character"
const DNS1035_MESSAGE =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character"
const WILDCARD_MESSAGE =
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character"
const LABEL_KEY_MESSAGE =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
const LABEL_VALUE_MESSAGE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
const C_IDENTIFIER_MESSAGE =
  "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'"
const ENV_VAR_NAME_MESSAGE =
  "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit"

/** Length in bytes of UTF-8, which is what upstream's length limits count. */
export function byteLength(text: string): number {
  return Buffer.byteLength(text)
}

/** `fits(text, max)`: at most `max` bytes of UTF-8; counts only where the answer is not plain. */
function fits(text: string, max: number): boolean {
  return text.length * 3 <= max || (text.length <= max && byteLength(text) <= max)
}

const emptyError = (): string => 'must be non-empty'
const maxLengthError = (length: number): string => `must be no more than ${length} characters`
/** The newer wording, used by label keys and values. */
const maxBytesError = (length: number): string => `must be no more than ${length} bytes`
export const inclusiveRangeError = (low: number, high: number): string =>
  `must be between ${low} and ${high}, inclusive`
export const isNegativeErrorMessage = 'must be greater than or equal to 0'

/** What a text that does not match reads; the odd `,  or` between examples is upstream's. */
export function regexError(message: string, pattern: string, ...examples: readonly string[]): string {
  if (examples.length === 0) return `${message} (regex used for validation is '${pattern}')`
  const list = examples.map((example) => `'${example}', `).join(' or ')
  return `${message} (e.g. ${list}regex used for validation is '${pattern}')`
}

/** Puts a prefix before every message. */
export function prefixEach(messages: readonly string[], prefix: string): string[] {
  return messages.map((message) => prefix + message)
}

/** Every message as an `Invalid value` of one field. */
export function invalidEach(field: FieldPath | undefined, value: unknown, messages: readonly string[]): FieldError[] {
  return messages.map((message) => invalid(field, value, message))
}

/** Dot-separated labels; a long text is taken label by label, so that no regular expression needs a deep stack. */
function isDotted(text: string, label: RegExp): boolean {
  return text.split('.').every((part) => label.test(part))
}

const matchesSubdomain = (value: string): boolean =>
  value.length <= 1024 ? dns1123Subdomain.test(value) : isDotted(value, dns1123Label)

/** A label of DNS as RFC 1123 has it. */
export function isDNS1123Label(value: string): string[] {
  const tooLong = !fits(value, DNS1123_LABEL_MAX_LENGTH)
  if (!tooLong && dns1123Label.test(value)) return NONE
  const messages: string[] = []
  if (tooLong) messages.push(maxLengthError(DNS1123_LABEL_MAX_LENGTH))
  if (!dns1123Label.test(value)) {
    const dotted = matchesSubdomain(value)
    messages.push(dotted ? 'must not contain dots' : regexError(LABEL_MESSAGE, DNS1123_LABEL, 'my-name', '123-abc'))
  }
  return messages
}

/** A subdomain of DNS as RFC 1123 has it, in lower case. */
export function isDNS1123Subdomain(value: string): string[] {
  return subdomainMessages(value, maxLengthError)
}

/** The same in the words of declarative validation (`k8s-long-name`). */
export function isLongName(value: string): string[] {
  return subdomainMessages(value, maxBytesError)
}

function subdomainMessages(value: string, lengthError: (length: number) => string): string[] {
  const tooLong = !fits(value, DNS1123_SUBDOMAIN_MAX_LENGTH)
  const matches = matchesSubdomain(value)
  if (!tooLong && matches) return NONE
  const messages: string[] = []
  if (tooLong) messages.push(lengthError(DNS1123_SUBDOMAIN_MAX_LENGTH))
  if (!matches) messages.push(regexError(SUBDOMAIN_MESSAGE, DNS1123_SUBDOMAIN, 'example.com'))
  return messages
}

/** A subdomain in either case: old CSI driver names. */
export function isDNS1123SubdomainCaseless(value: string): string[] {
  const messages: string[] = []
  if (!fits(value, DNS1123_SUBDOMAIN_MAX_LENGTH)) messages.push(maxBytesError(DNS1123_SUBDOMAIN_MAX_LENGTH))
  if (!/^[-.A-Za-z0-9]*$/.test(value) || !matchesSubdomain(value.toLowerCase())) {
    messages.push(regexError(CASELESS_SUBDOMAIN_MESSAGE, DNS1123_SUBDOMAIN, 'Example.com'))
  }
  return messages
}

/** A subdomain that may hold underscores (search domains of a resolver). */
export function isDNS1123SubdomainWithUnderscore(value: string): string[] {
  const messages: string[] = []
  if (!fits(value, DNS1123_SUBDOMAIN_MAX_LENGTH)) messages.push(maxLengthError(DNS1123_SUBDOMAIN_MAX_LENGTH))
  if (!isDotted(value, underscoreLabel)) {
    messages.push(regexError(UNDERSCORE_MESSAGE, UNDERSCORE_SUBDOMAIN, 'example.com'))
  }
  return messages
}

/** A label of DNS as RFC 1035 has it: starts with a letter. */
export function isDNS1035Label(value: string): string[] {
  const messages: string[] = []
  if (!fits(value, DNS1035_LABEL_MAX_LENGTH)) messages.push(maxLengthError(DNS1035_LABEL_MAX_LENGTH))
  if (!dns1035Label.test(value)) messages.push(regexError(DNS1035_MESSAGE, DNS1035_LABEL, 'my-name', 'abc-123'))
  return messages
}

/** `*.` and a subdomain. @see RFC 1034 section 4.3.3 */
export function isWildcardDNS1123Subdomain(value: string): string[] {
  const messages: string[] = []
  if (!fits(value, DNS1123_SUBDOMAIN_MAX_LENGTH)) messages.push(maxLengthError(DNS1123_SUBDOMAIN_MAX_LENGTH))
  if (!value.startsWith('*.') || !matchesSubdomain(value.slice(2))) {
    messages.push(regexError(WILDCARD_MESSAGE, WILDCARD_SUBDOMAIN, '*.example.com'))
  }
  return messages
}

/** A label key: a name with an optional subdomain and `/` before it. */
export function isQualifiedName(value: string): string[] {
  const slash = value.indexOf('/')
  if (slash >= 0 && value.indexOf('/', slash + 1) >= 0) {
    const message = regexError(LABEL_KEY_MESSAGE, LABEL_KEY, 'MyName', 'my.name', '123-abc')
    return [`a valid label key ${message} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`]
  }
  if (slash < 0 && fits(value, LABEL_VALUE_MAX_LENGTH) && labelKey.test(value)) return NONE
  const name = slash < 0 ? value : value.slice(slash + 1)
  const messages = slash < 0 ? [] : prefixMessages(value.slice(0, slash))
  if (name === '') messages.push(`name part ${emptyError()}`)
  else if (!fits(name, LABEL_VALUE_MAX_LENGTH)) messages.push(`name part ${maxBytesError(LABEL_VALUE_MAX_LENGTH)}`)
  if (!labelKey.test(name)) {
    messages.push(`name part ${regexError(LABEL_KEY_MESSAGE, LABEL_KEY, 'MyName', 'my.name', '123-abc')}`)
  }
  return messages
}

function prefixMessages(prefix: string): string[] {
  if (prefix === '') return [`prefix part ${emptyError()}`]
  return prefixEach(subdomainMessages(prefix, maxBytesError), 'prefix part ')
}

/** A label value. */
export function isValidLabelValue(value: string): string[] {
  if (value === '') return NONE
  const tooLong = !fits(value, LABEL_VALUE_MAX_LENGTH)
  const matches = labelKey.test(value)
  if (!tooLong && matches) return NONE
  const messages: string[] = []
  if (tooLong) messages.push(maxBytesError(LABEL_VALUE_MAX_LENGTH))
  if (!matches) messages.push(regexError(LABEL_VALUE_MESSAGE, LABEL_VALUE, 'MyValue', 'my_value', '12345'))
  return messages
}

export function isCIdentifier(value: string): string[] {
  if (cIdentifier.test(value)) return NONE
  return [regexError(C_IDENTIFIER_MESSAGE, C_IDENTIFIER, 'my_name', 'MY_NAME', 'MyName')]
}

/** A port number that is not zero. */
export function isValidPortNum(port: number): string[] {
  return isInRange(port, 1, 65535)
}

/** Both ends belong to the range. */
export function isInRange(value: number, min: number, max: number): string[] {
  return value >= min && value <= max ? NONE : [inclusiveRangeError(min, max)]
}

const MAX_UNIX_ID = 2 ** 31 - 1

export const isValidUserID = (uid: number): string[] => isInRange(uid, 0, MAX_UNIX_ID)
export const isValidGroupID = (gid: number): string[] => isInRange(gid, 0, MAX_UNIX_ID)

/** A service name in lower case. @see RFC 6335 section 5.1 */
export function isValidPortName(port: string): string[] {
  const messages: string[] = []
  if (!fits(port, 15)) messages.push(maxLengthError(15))
  if (!/^[-a-z0-9]+$/.test(port)) {
    messages.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)')
  }
  if (!/[a-z]/.test(port)) messages.push('must contain at least one letter (a-z)')
  if (port.includes('--')) messages.push('must not contain consecutive hyphens')
  if (port.startsWith('-') || port.endsWith('-')) messages.push('must not begin or end with a hyphen')
  return messages
}

export function isValidPercent(percent: string): string[] {
  if (percentText.test(percent)) return NONE
  return [regexError("a valid percent string must be a numeric string followed by an ending '%'", PERCENT, '1%', '93%')]
}

export function isHTTPHeaderName(value: string): string[] {
  if (httpHeaderName.test(value)) return NONE
  const message = "a valid HTTP header must consist of alphanumeric characters or '-'"
  return [regexError(message, HTTP_HEADER_NAME, 'X-Header-Name')]
}

/** The strict form of an environment variable's name; see {@link isRelaxedEnvVarName}. */
export function isEnvVarName(value: string): string[] {
  const messages: string[] = []
  if (!envVarName.test(value)) {
    messages.push(regexError(ENV_VAR_NAME_MESSAGE, ENV_VAR_NAME, 'my.env-name', 'MY_ENV.NAME', 'MyEnvName1'))
  }
  return messages.concat(parentDirectoryMessages(value))
}

/** Printable ASCII without `=`. @see https://kep.k8s.io/4369 */
export function isRelaxedEnvVarName(value: string): string[] {
  if (relaxedEnvVarName.test(value)) return NONE
  const messages: string[] = []
  if (value === '') messages.push(`environment variable name ${emptyError()}`)
  if (!/^[ -<>-~]*$/.test(value)) {
    messages.push("a valid environment variable name must consist only of printable ASCII characters other than '='")
  }
  return messages
}

const relaxedEnvVarName = /^[ -<>-~]+$/

/** A key of a ConfigMap or Secret. */
export function isConfigMapKey(value: string): string[] {
  const messages: string[] = []
  if (!fits(value, DNS1123_SUBDOMAIN_MAX_LENGTH)) messages.push(maxLengthError(DNS1123_SUBDOMAIN_MAX_LENGTH))
  if (!configMapKey.test(value)) {
    const message = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
    messages.push(regexError(message, CONFIG_MAP_KEY, 'key.name', 'KEY_NAME', 'key-name'))
  }
  return messages.concat(parentDirectoryMessages(value))
}

function parentDirectoryMessages(value: string): string[] {
  if (value === '.') return ["must not be '.'"]
  if (value === '..') return ["must not be '..'"]
  return value.startsWith('..') ? ["must not start with '..'"] : NONE
}

/** A name that can stand as one segment of a URL path. */
export function isPathSegmentName(name: string): string[] {
  if (name === '.' || name === '..') return [`may not be '${name}'`]
  return isPathSegmentPrefix(name)
}

/** The start of a name that can stand as one segment of a URL path. */
export function isPathSegmentPrefix(name: string): string[] {
  return ['/', '%'].filter((part) => name.includes(part)).map((part) => `may not contain '${part}'`)
}

/** A subdomain of at least three labels. */
export function isFullyQualifiedName(field: FieldPath | undefined, name: string): FieldError[] {
  if (name === '') return [required(field, '')]
  const messages = isDNS1123Subdomain(name)
  if (messages.length > 0) return [invalid(field, name, messages.join(','))]
  if (name.split('.').length < 3) {
    return [invalid(field, name, 'should be a domain with at least three segments separated by dots')]
  }
  return []
}

/** A subdomain of at least two labels; a dot may stand at its end. */
export function isFullyQualifiedDomainName(field: FieldPath | undefined, name: string): FieldError[] {
  if (name === '') return [required(field, '')]
  const domain = name.endsWith('.') ? name.slice(0, -1) : name
  const messages = isDNS1123Subdomain(domain)
  if (messages.length > 0) return [invalid(field, domain, messages.join(','))]
  const labels = domain.split('.')
  if (labels.length < 2) {
    return [invalid(field, domain, 'should be a domain with at least two segments separated by dots')]
  }
  for (const label of labels) {
    const wrong = isDNS1123Label(label)
    if (wrong.length > 0) return [invalid(field, label, wrong.join(','))]
  }
  return []
}

/** A subdomain, `/` and a path of HTTP: `acme.io/foo`. */
export function isDomainPrefixedPath(field: FieldPath | undefined, value: string): FieldError[] {
  if (value === '') return [required(field, '')]
  const slash = value.indexOf('/')
  if (slash <= 0 || slash === value.length - 1) {
    return [invalid(field, value, 'must be a domain-prefixed path (such as "acme.io/foo")')]
  }
  const host = value.slice(0, slash)
  const path = value.slice(slash + 1)
  const errors = invalidEach(field, host, isDNS1123Subdomain(host))
  if (!httpPath.test(path)) errors.push(invalid(field, path, regexError('Invalid path', HTTP_PATH)))
  return errors
}

/** A label key that has a prefix: `acme.io/foo`. */
export function isDomainPrefixedKey(field: FieldPath | undefined, key: string): FieldError[] {
  if (key === '') return [required(field, '')]
  const errors = invalidEach(field, key, isQualifiedName(key))
  if (errors.length > 0) return errors
  if (key.split('/').length === 2) return []
  return [invalid(field, key, 'must be a domain-prefixed key (such as "acme.io/foo")')]
}
