import { expect, test } from 'vitest'
import { formatIp, parseIp } from '../../../apimachinery/validation/ip.ts'
import { AddressRange } from './address-range.ts'

const names = (cidr: string, random = 0): string[] => {
  const range = AddressRange.parse(cidr)!
  return [...range.candidates(() => random)].map((value) => formatIp({ family: range.family, value }))
}

test('a range gives every address but the network and the broadcast address, each once', () => {
  const all = names('10.0.0.0/24', 0.37)
  expect(new Set(all).size).toBe(254)
  expect(all).toHaveLength(254)
  expect(all).not.toContain('10.0.0.0')
  expect(all).not.toContain('10.0.0.255')
})

// KEP-3070: min(max(16, size/16), 256) addresses at the start are kept for those who ask by name.
test.each([
  ['10.0.0.0/24', '10.0.0.17'],
  ['10.0.0.0/28', '10.0.0.1'],
  ['10.0.0.0/16', '10.0.1.1'],
  ['10.0.0.0/23', '10.0.0.33'],
  ['fd00::/120', 'fd00::11'],
])('the first address that is given by chance from %s is %s', (cidr, first) => {
  expect(names(cidr)[0]).toBe(first)
})

test('the kept part comes last', () => {
  expect(names('10.0.0.0/24').slice(-16)).toEqual(Array.from({ length: 16 }, (_, i) => `10.0.0.${i + 1}`))
})

test('a /32 and a /31 have nothing to give, a /127 has one address', () => {
  expect(names('10.0.0.1/32')).toEqual([])
  expect(names('10.0.0.0/31')).toEqual([])
  expect(names('fd00::/127')).toEqual(['fd00::1'])
})

test('a huge range begins at once', () => {
  const range = AddressRange.parse('fd00::/64')!
  const [first] = range.candidates(() => 0.5)
  expect(range.contains({ family: 6, value: first! })).toBe(true)
})

test.each([
  ['10.0.0.0', false],
  ['10.0.0.1', true],
  ['10.0.0.254', true],
  ['10.0.0.255', false],
  ['10.0.1.1', false],
  ['::1', false],
])('10.0.0.0/24 has %s for a service: %s', (ip, wanted) => {
  expect(AddressRange.parse('10.0.0.0/24')!.contains(parseIp(ip)!)).toBe(wanted)
})
