import { expect, test } from 'vitest'
import { unifiedDiff } from './unified-diff.ts'

const numbered = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => `l${from + i}`)

test('equal texts have no diff', () => {
  expect(unifiedDiff('a\nb', 'a\nb')).toBe('')
})

test('a changed line stands between three lines of context', () => {
  const before = numbered(1, 9)
  const after = before.map((line) => (line === 'l5' ? 'x' : line))
  expect(unifiedDiff(before.join('\n'), after.join('\n'))).toBe(
    '@@ -2,7 +2,7 @@\n l2\n l3\n l4\n-l5\n+x\n l6\n l7\n l8\n',
  )
})

test('changes far apart get a hunk each', () => {
  const before = numbered(1, 20)
  const after = before.map((line) => (line === 'l1' || line === 'l20' ? 'x' : line))
  expect(unifiedDiff(before.join('\n'), after.join('\n'))).toBe(
    '@@ -1,4 +1,4 @@\n-l1\n+x\n l2\n l3\n l4\n@@ -17,4 +17,4 @@\n l17\n l18\n l19\n-l20\n+x\n',
  )
})

test('one line against none: ranges as difflib prints them', () => {
  expect(unifiedDiff('a', 'a\nb')).toBe('@@ -1 +1,2 @@\n a\n+b\n')
  expect(unifiedDiff('a\nb', 'b')).toBe('@@ -1,2 +1 @@\n-a\n b\n')
})

test('lines that are everywhere in a long text do not lead the search', () => {
  const block = (name: string): string[] => ['{', `"name": ${name}`, '}']
  const names = numbered(1, 90)
  const before = names.flatMap(block)
  const after = ['new', ...names].flatMap(block)
  expect(unifiedDiff(before.join('\n'), after.join('\n'))).toBe(
    '@@ -1,3 +1,6 @@\n+{\n+"name": new\n+}\n {\n "name": l1\n }\n',
  )
})
