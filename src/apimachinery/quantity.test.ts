import { describe, expect, test } from 'vitest'
import { canonicalQuantity, parseQuantity, Quantity } from './quantity.ts'

/** Facts of apimachinery pkg/api/resource/quantity_test.go. */
describe('canonical text', () => {
  test.each([
    ['1024Mi', '1Gi'],
    ['307200Ki', '300Mi'],
    ['6Ki', '6Ki'],
    ['1025024Mi', '1001Gi'],
    ['1024Gi', '1Ti'],
    ['5000m', '5'],
    ['0.5', '500m'],
    ['1000M', '1G'],
    ['0.001T', '1G'],
    ['1000u', '1m'],
    ['1.08', '1080m'],
    ['1080000000n', '1080m'],
    ['1234567M', '1234567M'],
    ['1025', '1025'],
    ['.001e12', '1e9'],
    ['0.001e0', '1e-3'],
    ['1000e-12', '1e-9'],
    ['80e-3', '80e-3'],
    ['00', '0'],
    ['0Ki', '0'],
    ['.001Ki', '1024m'],
    ['.000001Ki', '1024u'],
    ['.000000001Ki', '1024n'],
    ['.000000000001Ki', '2n'],
    ['100.035k', '100.035k'],
    ['10.0350k', '10035'],
    ['3.001n', '4n'],
    ['1.1E-9', '2e-9'],
    ['0.0000000001', '1n'],
    ['0.00000012345', '124n'],
    ['9Ei', '9223372036854775807'],
    ['9223372036854775807Ki', '9223372036854775807'],
    ['12E', '12E'],
    ['1.', '1.'],
    ['1.G', '1.G'],
    ['+1', '+1'],
    ['1.5Gi', '1536Mi'],
    ['100.035Ki', '102435840m'],
    ['1500m', '1500m'],
    ['1000m', '1'],
    ['1e3', '1e3'],
    ['10e3', '10e3'],
    ['1000', '1k'],
    ['4000', '4k'],
    ['3Ei', '3Ei'],
  ])('%s is printed as %s', (text, canonical) => {
    expect(parseQuantity(text).toString()).toBe(canonical)
    expect(canonicalQuantity(text)).toBe(canonical)
    if (!text.startsWith('+') && canonical !== '0') expect(canonicalQuantity(`-${text}`)).toBe(`-${canonical}`)
  })

  test('a negative zero is zero', () => expect(canonicalQuantity('-0')).toBe('0'))
  test('space around a decoded quantity does not count', () => expect(canonicalQuantity(' 1 ')).toBe('1'))
})

describe('texts that are no quantity', () => {
  const format = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
  const suffix = "unable to parse quantity's suffix"
  test.each([
    ['', format],
    ['1.1.M', format],
    ['1+1.0M', format],
    ['0.1mi', suffix],
    ['0.1am', format],
    ['aoeu', format],
    ['.5i', suffix],
    ['1i', suffix],
    ['-3.01e-', suffix],
    [' 1', format],
    ['1 ', format],
    ['1e99999999999999999999', suffix],
    ['-.Ei', 'unable to parse numeric part of quantity'],
  ])('%j: %s', (text, message) => {
    expect(() => parseQuantity(text)).toThrow(message)
  })
})

describe('arithmetic', () => {
  test.each([
    ['0', '0', 0],
    ['100m', '50m', 1],
    ['50m', '100m', -1],
    ['10000T', '100Gi', 1],
    ['1', '1000m', 0],
    ['1Ki', '1024', 0],
    ['-1', '1', -1],
    ['-2', '-1', -1],
    ['1e2000000000', '1', 1],
    ['-1e2000000000', '-1', -1],
  ] as const)('%s compared with %s: %i', (a, b, order) => {
    expect(parseQuantity(a).cmp(parseQuantity(b))).toBe(order)
  })

  test.each([
    ['100m', '50m', '150m', '50m'],
    ['1Gi', '512Mi', '1536Mi', '512Mi'],
    ['0', '1Gi', '1Gi', '-1Gi'],
    ['1', '1Mi', '1048577', '-1048575'],
  ])('%s and %s', (a, b, sum, difference) => {
    expect(parseQuantity(a).add(parseQuantity(b)).toString()).toBe(sum)
    expect(parseQuantity(a).sub(parseQuantity(b)).toString()).toBe(difference)
  })

  test.each([
    ['1500m', 2, 1500],
    ['1', 1, 1000],
    ['0.0001', 1, 1],
    ['-1500m', -2, -1500],
    ['1Ki', 1024, 1024000],
    ['12E', 0, 0],
    ['1e2000000000', 0, 0],
  ])('%s has the value %d and %d thousandths', (text, value, milli) => {
    expect(parseQuantity(text).value()).toBe(value)
    expect(parseQuantity(text).milliValue()).toBe(milli)
  })

  test.each([
    ['9.01', -3, '9010m'],
    ['9.01', -1, '9100m'],
    ['9.01', 0, '10'],
    ['9.01', 2, '100'],
    ['-9.01', 0, '-10'],
  ])('%s rounded to 10^%i is %s', (text, scale, rounded) => {
    expect(parseQuantity(text).roundUp(scale).toString()).toBe(rounded)
  })

  test('made from numbers', () => {
    expect(Quantity.of(1048576, 'BinarySI').toString()).toBe('1Mi')
    expect(Quantity.ofMilli(1234000).toString()).toBe('1234')
  })
})
