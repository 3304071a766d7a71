import { describe, expect, test } from 'vitest'
import { parseYaml } from '../apimachinery/schema/yaml-text.ts'
import { toYaml } from './yaml-output.ts'

/** Expectations are those of sigs.k8s.io/yaml, as in the recorded answers and kubectl's own output. */
describe('toYaml', () => {
  test.each([
    ['1', '"1"'],
    ['012', '"012"'],
    ['1_000', '"1_000"'],
    ['0x1F', '"0x1F"'],
    ['.5', '".5"'],
    ['1e3', '"1e3"'],
    ['1:20', '"1:20"'],
    ['true', '"true"'],
    ['yes', '"yes"'],
    ['n', '"n"'],
    ['null', '"null"'],
    ['~', '"~"'],
    ['', '""'],
    ['2026-11-24T10:12:12Z', '"2026-11-24T10:12:12Z"'],
    ['2026-11-24', '"2026-11-24"'],
    ['a: b', "'a: b'"],
    ['*a', "'*a'"],
    ["it's", "it's"],
    ['.', '.'],
    ['1Gi', '1Gi'],
    ['1.2.3', '1.2.3'],
    ['10.0.0.1', '10.0.0.1'],
    ['f:x', 'f:x'],
  ])('a string %j is written %s', (text, written) => {
    expect(toYaml({ a: text })).toBe(`a: ${written}\n`)
    expect(parseYaml(toYaml({ a: text })).value).toEqual({ a: text })
  })

  test('keys sorted, lists not indented, lines of a text kept', () => {
    const value = { b: [{ d: 1, c: 2 }], a: 'one\ntwo\n', e: [], f: {} }
    expect(toYaml(value)).toBe('a: |\n  one\n  two\nb:\n- c: 2\n  d: 1\ne: []\nf: {}\n')
  })

  test('keys that read as something else are quoted too', () => {
    expect(toYaml({ y: 1, '1': 2 })).toBe('"1": 2\n"y": 1\n')
  })
})
