import { expect, test } from 'vitest'
import { fieldErrorBody } from '../field-error.ts'
import { FieldPath } from '../field-path.ts'
import {
  cidrContains,
  formatCidr,
  formatIp,
  isValidCIDR,
  isValidCIDRForLegacyField,
  isValidInterfaceAddress,
  isValidIP,
  isValidIPForLegacyField,
  parseCidr,
  parseIp,
  warningsForCIDR,
  warningsForIP,
} from './ip.ts'

const PATH = FieldPath.of('ip')
const bodies = (errors: readonly Parameters<typeof fieldErrorBody>[0][]): string[] => errors.map(fieldErrorBody)

test.each([
  ['1.2.3.4', '1.2.3.4'],
  ['010.002.003.004', '10.2.3.4'],
  ['::', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
  ['2001:db8:0:0:0:0:0:1', '2001:db8::1'],
  ['2001:DB8::0:1', '2001:db8::1'],
  ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
  ['0:0:1:0:0:1:0:0', '::1:0:0:1:0:0'],
  ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
  ['::ffff:1.2.3.4', '1.2.3.4'],
  ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
])('%s is the address %s', (text, canonical) => {
  expect(formatIp(parseIp(text)!)).toBe(canonical)
})

test.each([
  '',
  'a',
  '1',
  '1.2.3',
  '1.2.3.256',
  '1.2.3.4.5',
  '1.2.3.4/24',
  ':',
  ':::',
  '1::2::3',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7::8',
  '12345::',
  'fe80::1%eth0',
  '::1.2.3',
  '1.2.3.4::',
])('%s is no address', (text) => {
  expect(parseIp(text)).toBeUndefined()
})

// Cases of apimachinery pkg/util/validation/ip_test.go.
test.each([
  ['1.2.3.4', []],
  ['fd00::abcd', []],
  ['abc', ['Invalid value: "abc": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']],
  ['001.002.003.004', ['Invalid value: "001.002.003.004": must not have leading 0s']],
  ['::ffff:1.2.3.4', ['Invalid value: "::ffff:1.2.3.4": must not be an IPv4-mapped IPv6 address']],
  ['FD00::ABCD', ['Invalid value: "FD00::ABCD": must be in canonical form ("fd00::abcd")']],
  ['fd00:0:0:0:0:0:0:1', ['Invalid value: "fd00:0:0:0:0:0:0:1": must be in canonical form ("fd00::1")']],
])('a new field takes %s or says why not', (text, wanted) => {
  expect(bodies(isValidIP(PATH, text))).toEqual(wanted)
})

test('an old field takes what is not canonical, and unless strict also leading zeros and mapped addresses', () => {
  expect(isValidIPForLegacyField(PATH, 'FD00::ABCD')).toEqual([])
  expect(bodies(isValidIPForLegacyField(PATH, '01.2.3.4'))).toEqual([
    'Invalid value: "01.2.3.4": must not have leading 0s',
  ])
  expect(isValidIPForLegacyField(PATH, '01.2.3.4', { strict: false })).toEqual([])
  expect(isValidIPForLegacyField(PATH, '01.2.3.4', { validOld: ['01.2.3.4'] })).toEqual([])
})

test.each([
  ['1.0.0.0/8', []],
  ['::/0', []],
  ['nope', ['Invalid value: "nope": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)']],
  ['1.2.3.4/24', ['Invalid value: "1.2.3.4/24": must not have bits set beyond the prefix length']],
  ['1.2.3.0/024', ['Invalid value: "1.2.3.0/024": must not have leading 0s in IP or prefix length']],
  ['::ffff:1.2.3.0/120', ['Invalid value: "::ffff:1.2.3.0/120": must not have an IPv4-mapped IPv6 address']],
  ['2001:DB8::/64', ['Invalid value: "2001:DB8::/64": must be in canonical form ("2001:db8::/64")']],
  ['1.2.3.0/33', ['Invalid value: "1.2.3.0/33": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)']],
])('a new field takes the network %s or says why not', (text, wanted) => {
  expect(bodies(isValidCIDR(PATH, text))).toEqual(wanted)
})

test('an old field takes a network that is not canonical', () => {
  expect(isValidCIDRForLegacyField(PATH, '2001:DB8::/64')).toEqual([])
  expect(isValidCIDRForLegacyField(PATH, '1.2.3.4/24', { strict: false })).toEqual([])
})

test('an interface address keeps its host part', () => {
  expect(isValidInterfaceAddress(PATH, '192.168.1.5/24')).toEqual([])
  expect(bodies(isValidInterfaceAddress(PATH, 'FE80::1/64'))).toEqual([
    'Invalid value: "FE80::1/64": must be in canonical form ("fe80::1/64")',
  ])
})

test('warnings name the better form', () => {
  expect(warningsForIP(PATH, '1.2.3.4')).toEqual([])
  expect(warningsForIP(PATH, '010.0.0.1')).toEqual([
    'ip: non-standard IP address "010.0.0.1" is invalid: use "10.0.0.1"',
  ])
  expect(warningsForIP(PATH, 'FD00::1')).toEqual([
    'ip: IPv6 address "FD00::1" should be in RFC 5952 canonical format ("fd00::1")',
  ])
  expect(warningsForCIDR(PATH, '1.2.3.4/24')).toEqual([
    'ip: CIDR value "1.2.3.4/24" is ambiguous in this context (should be "1.2.3.0/24" or "1.2.3.4/32"?)',
  ])
  expect(warningsForCIDR(PATH, '2001:DB8::/64')).toEqual([
    'ip: IPv6 CIDR value "2001:DB8::/64" should be in RFC 5952 canonical format ("2001:db8::/64")',
  ])
})

test('a network knows its addresses', () => {
  const network = parseCidr('10.1.2.77/24')!
  expect(formatCidr(network)).toBe('10.1.2.0/24')
  expect(cidrContains(network, parseIp('10.1.2.255')!)).toBe(true)
  expect(cidrContains(network, parseIp('10.1.3.0')!)).toBe(false)
  expect(cidrContains(network, parseIp('::a01:2ff')!)).toBe(false)
})
