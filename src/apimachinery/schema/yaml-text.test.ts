import { describe, expect, test } from 'vitest'
import { parseYaml } from './yaml-text.ts'

// sigs.k8s.io/yaml on goyaml.v2: YAML 1.1, first document only, last of repeated keys wins.
describe('parseYaml', () => {
  test('reads by the rules of YAML 1.1', () => {
    const text = 'a: yes\nb: "yes"\nc: 010\nd: 2026-01-01\ne: ~\n1: x\ntrue: z\nf: 1.5\ng: 0x10\n'
    expect(parseYaml(text).value).toEqual({
      a: true,
      b: 'yes',
      c: 8,
      d: '2026-01-01',
      e: null,
      1: 'x',
      true: 'z',
      f: 1.5,
      g: 16,
    })
  })

  test('merges and follows aliases', () => {
    expect(parseYaml('base: &b {a: 1, b: 2}\nx:\n  <<: *b\n  a: 3\nz: *b\n').value).toEqual({
      base: { a: 1, b: 2 },
      x: { a: 3, b: 2 },
      z: { a: 1, b: 2 },
    })
  })

  test('reports repeated keys with their lines', () => {
    const { value, strictErrors } = parseYaml('a: 1\nb:\n  c: 1\n  c: 2\na: 2\n')
    expect(value).toEqual({ a: 2, b: { c: 2 } })
    expect(strictErrors).toEqual([
      'yaml: unmarshal errors:\n  line 4: key "c" already set in map\n  line 5: key "a" already set in map',
    ])
  })

  test('takes the first of several documents', () => {
    expect(parseYaml('a: 1\n---\nb: 2\n').value).toEqual({ a: 1 })
  })

  test('refuses a document that blows up through aliases', () => {
    const lines = ['a0: &a0 [x,x,x,x,x,x,x,x,x,x]']
    for (let i = 1; i < 10; i++)
      lines.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(',')}]`,
      )
    expect(() => parseYaml(lines.join('\n'))).toThrow('yaml: document contains excessive aliasing')
  })

  test('says where a text is no YAML', () => {
    expect(() => parseYaml('a: b: c')).toThrow('yaml: mapping values are not allowed in this context')
    expect(() => parseYaml('a: [1\n')).toThrow(/^yaml: /)
  })

  test('__proto__ is a key as any other', () => {
    const { value } = parseYaml('__proto__: {a: 1}\n')
    expect(Object.keys(value as object)).toEqual(['__proto__'])
  })
})
