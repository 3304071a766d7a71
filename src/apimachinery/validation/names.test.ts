import { expect, test } from 'vitest'
import { fieldErrorMessage } from '../field-error.ts'
import { FieldPath } from '../field-path.ts'
import {
  isCIdentifier,
  isConfigMapKey,
  isDNS1035Label,
  isDNS1123Label,
  isDNS1123Subdomain,
  isDNS1123SubdomainCaseless,
  isDNS1123SubdomainWithUnderscore,
  isDomainPrefixedPath,
  isEnvVarName,
  isFullyQualifiedDomainName,
  isFullyQualifiedName,
  isHTTPHeaderName,
  isInRange,
  isPathSegmentName,
  isQualifiedName,
  isRelaxedEnvVarName,
  isValidLabelValue,
  isValidPercent,
  isValidPortName,
  isValidPortNum,
  isWildcardDNS1123Subdomain,
} from './names.ts'

const x = (n: number): string => 'a'.repeat(n)

// Good and bad values of upstream's own tests: apimachinery pkg/util/validation, pkg/api/validate/content.
const GOOD: readonly (readonly [string, (value: string) => string[], readonly string[]])[] = [
  ['a DNS label', isDNS1123Label, ['a', 'ab', '0', '01', '0-1', 'a--1--2--b', x(63)]],
  ['a DNS subdomain', isDNS1123Subdomain, ['a', '0', 'a.b.c', 'a-1.b-2', '0.0.0', x(253)]],
  ['an RFC 1035 label', isDNS1035Label, ['a', 'a1', 'a-1', 'a--1--2--b', x(63)]],
  ['a wildcard', isWildcardDNS1123Subdomain, ['*.example.com', '*.bar.com', '*.foo.bar.com']],
  ['a label key', isQualifiedName, ['simple', '1234', '1234/5678', 'example.com/Uppercase_Is_OK_123', x(63)]],
  ['the longest label key', isQualifiedName, [`${x(253)}/${x(63)}`]],
  ['a label value', isValidLabelValue, ['', 'simple', '1-starts-with-num', x(63)]],
  ['a C identifier', isCIdentifier, ['a', '_a', 'A_1', '__123_ABC']],
  ['an environment variable', isEnvVarName, ['a', '_x', '-x', '.a', 'my.env-name']],
  ['a relaxed environment variable', isRelaxedEnvVarName, ['1a', 'a b', '%$#', 'my.env']],
  ['a port name', isValidPortName, ['telnet', 're-mail-ck', 'pop3', 'a', 'a-1', '1-a']],
  ['a percentage', isValidPercent, ['0%', '00000%', '100%']],
  ['a header', isHTTPHeaderName, ['Accept-Encoding', 'X-1']],
  ['a config key', isConfigMapKey, ['a', '.a', 'a.b', 'KEY_NAME', x(253)]],
  ['a path segment', isPathSegmentName, ['a', '..a', 'a:b@c']],
  ['a subdomain in either case', isDNS1123SubdomainCaseless, ['A', 'Foo.Bar']],
  ['a subdomain with underscores', isDNS1123SubdomainWithUnderscore, ['_a._b', 'a_b.c']],
]

test.each(GOOD)('%s is taken', (_what, check, values) => {
  for (const value of values) expect([value, check(value)]).toEqual([value, []])
})

const BAD: readonly (readonly [string, (value: string) => string[], readonly string[]])[] = [
  ['a DNS label', isDNS1123Label, ['', 'A', '-', 'a-', '-a', '_', 'a_b', ' ', 'a b', 'a.b', x(64), 'a\n']],
  ['a DNS subdomain', isDNS1123Subdomain, ['', 'A', 'a.', '.a', 'a..b', 'a._b', 'a@b', x(254)]],
  ['an RFC 1035 label', isDNS1035Label, ['0', '1a', 'A', '', '-a', x(64)]],
  ['a wildcard', isWildcardDNS1123Subdomain, ['*.*.bar.com', '*.foo.*.com', '*bar.com', 'f*.bar.com', '*']],
  ['a label key', isQualifiedName, ['a/b/c', 'Example.com/abc', 'example.com/', '/simple', '-a-', x(64)]],
  ['a label value', isValidLabelValue, ['nospecialchars%^=@', '-a', 'a-', '.a', 'a.', x(64)]],
  ['a C identifier', isCIdentifier, ['', '1a', 'a-', 'a.b', '#a#']],
  ['an environment variable', isEnvVarName, ['', '1a', '.', '..', '..a', '!a', 'a b']],
  ['a relaxed environment variable', isRelaxedEnvVarName, ['', 'a=b', 'é', 'a\t']],
  ['a port name', isValidPortName, ['', 'longerthan15characters', '12345', 'a--b', '-a', 'a-', 'A']],
  ['a percentage', isValidPercent, ['', '1', '100', 'abc', '-1%', '1.5%']],
  ['a header', isHTTPHeaderName, ['Host:', '', 'X_Y', 'a b']],
  ['a config key', isConfigMapKey, ['', '.', '..', '..a', 'a/b', 'a b', x(254)]],
  ['a path segment', isPathSegmentName, ['.', '..', 'a/b', 'a%b']],
  ['a subdomain in either case', isDNS1123SubdomainCaseless, ['', '_a', '\u212A']],
]

test.each(BAD)('what is no %s is refused', (_what, check, values) => {
  for (const value of values) expect([value, check(value).length > 0]).toEqual([value, true])
})

const LABEL_REGEX = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const LABEL_RULE = `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '${LABEL_REGEX}')`

test.each<[string[], string[]]>([
  [isDNS1123Label('A'), [LABEL_RULE]],
  [isDNS1123Label('a.b'), ['must not contain dots']],
  [isDNS1123Label(`${x(64)}_`), ['must be no more than 63 characters', LABEL_RULE]],
  [isValidLabelValue(x(64)), ['must be no more than 63 bytes']],
  [isQualifiedName(x(64)), ['name part must be no more than 63 bytes']],
  [isQualifiedName('/a'), ['prefix part must be non-empty']],
  [isQualifiedName(`${x(254)}/a`), ['prefix part must be no more than 253 bytes']],
  [isValidPortNum(0), ['must be between 1 and 65535, inclusive']],
  [isInRange(7, 1, 6), ['must be between 1 and 6, inclusive']],
  [isPathSegmentName('a/%'), ["may not contain '/'", "may not contain '%'"]],
  [isConfigMapKey('..'), ["must not be '..'"]],
  [isConfigMapKey('..a'), ["must not start with '..'"]],
])('%j', (messages, wanted) => {
  expect(messages).toEqual(wanted)
})

test('lengths count bytes, not characters', () => {
  expect(isQualifiedName('é'.repeat(32))[0]).toBe('name part must be no more than 63 bytes')
})

test('a hostile name of a megabyte is judged at once', () => {
  expect(isDNS1123Subdomain(`${'a.'.repeat(500_000)}!`)).toHaveLength(2)
  expect(isQualifiedName(`${'a-'.repeat(500_000)}!`)).toHaveLength(2)
})

test.each([
  [isFullyQualifiedName(FieldPath.of('f'), 'a.b'), 'should be a domain with at least three segments separated by dots'],
  [
    isFullyQualifiedDomainName(FieldPath.of('f'), 'a.'),
    'should be a domain with at least two segments separated by dots',
  ],
  [isDomainPrefixedPath(FieldPath.of('f'), 'a.b/'), 'must be a domain-prefixed path (such as "acme.io/foo")'],
])('a name with too few parts reads as upstream words it', (errors, words) => {
  expect(errors.map(fieldErrorMessage)).toEqual([expect.stringMatching(/^f: Invalid value: ".*": /)])
  expect(errors[0]!.detail).toBe(words)
})
