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

  // As recorded (mechanics-pretty yaml-invalid), and by the rules of goyaml.v2/emitterc.go for what was not.
  test('folds at the first space behind column 80, two deeper than the key or the dash', () => {
    const message =
      'only the following media types are accepted: application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch'
    expect(toYaml({ message })).toBe(
      "message: 'only the following media types are accepted: application/json;stream=watch,\n  application/vnd.kubernetes.protobuf;stream=watch'\n",
    )
    const plain = 'word '.repeat(20).trim()
    const fold = (start: number): string => {
      const words = Math.ceil((80 - start + 1) / 5)
      return `${'word '.repeat(words).trim()}\n`
    }
    expect(toYaml({ k: plain })).toBe(`k: ${fold(3)}  ${'word '.repeat(20 - 16).trim()}\n`)
    expect(toYaml({ k: [plain] })).toBe(`k:\n- ${fold(2)}  ${'word '.repeat(20 - 16).trim()}\n`)
    expect(toYaml({ k: [{ a: plain }] })).toBe(`k:\n- a: ${fold(5)}    ${'word '.repeat(20 - 16).trim()}\n`)
  })

  test('what is folded is read back as it was', () => {
    const texts = [
      'x'.repeat(200),
      `${'a '.repeat(100)}end`,
      `${'double  spaces  '.repeat(20)}`,
      `: ${"it's 'quoted' ".repeat(20)}.`,
      `tab\t${'and  more '.repeat(20)}\u0007`,
      `${'ü ß '.repeat(50)}.`,
      `line one ${'long '.repeat(30)}\n  indented ${'long '.repeat(30)}\n`,
      `  leading ${'long '.repeat(30)}`,
      `# ${'no comment '.repeat(20)}`,
      `a: | ${'b: c '.repeat(30)}`,
    ]
    const value = { [`key ${'long '.repeat(3)}`]: texts, nested: texts.map((text) => ({ text, list: [[text]] })) }
    expect(parseYaml(toYaml(value)).value).toEqual(value)
  })
})
