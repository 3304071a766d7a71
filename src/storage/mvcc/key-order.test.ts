import { describe, expect, it } from 'vitest'
import { fc } from '../../../test/suites/property.ts'
import { compareUtf8, KeyOrder, prefixEnd } from './key-order.ts'

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))
/** Strings around the places where UTF-16 and UTF-8 differ. */
const key = fc.string({
  unit: fc.constantFrom('a', 'b', '/', '\0', '\u007f', 'é', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}'),
  maxLength: 6,
})

describe('key order', () => {
  it('is the byte order of the UTF-8', () => {
    fc.assert(
      fc.property(key, key, (a, b) => {
        expect(Math.sign(compareUtf8(a, b))).toBe(byBytes(a, b))
        const order = new KeyOrder()
        order.admit(a)
        order.admit(b)
        expect(Math.sign(order.compare(a, b))).toBe(byBytes(a, b))
      }),
    )
  })

  it('prefixEnd: what begins with the prefix lies before it, everything else behind the prefix does not', () => {
    fc.assert(
      fc.property(key, key, (prefix, other) => {
        const end = prefixEnd(prefix)
        const inside = byBytes(other, prefix) >= 0 && (end === undefined || byBytes(other, end) < 0)
        expect(inside).toBe(other.startsWith(prefix))
      }),
    )
    expect(prefixEnd('')).toBeUndefined()
    expect(prefixEnd('/a/')).toBe('/a0')
    expect(prefixEnd('\u{10ffff}')).toBeUndefined()
  })

  it('admit: half a surrogate pair is InvalidArgument', () => {
    for (const bad of ['\ud800', 'a\udc00b', '\udc00\ud800']) {
      expect(() => new KeyOrder().admit(bad)).toThrow(expect.objectContaining({ code: 'InvalidArgument' }))
    }
  })
})
