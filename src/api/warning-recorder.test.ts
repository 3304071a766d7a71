import { expect, test } from 'vitest'
import { WarningRecorder } from './warning-recorder.ts'

const recorded = (texts: readonly string[]): readonly string[] => {
  const recorder = new WarningRecorder()
  for (const text of texts) recorder.add(text)
  return recorder.headers
}

// As kube-apiserver v1.36.2 answers a webhook's warnings.
test('warnings: each once, none with control characters', () => {
  expect(recorded(['x', 'a "b" \\c', '', 'a\tb', 'bad\u0000byte', 'x'])).toEqual([
    '299 - "x"',
    '299 - "a \\"b\\" \\\\c"',
  ])
})

test('warnings beyond 4096 characters in all are cut to 256 each, and end once these are as many', () => {
  const texts = Array.from({ length: 40 }, (_, i) => `w${i}${'z'.repeat(300)}`)
  const headers = recorded(texts)
  expect(headers).toHaveLength(16)
  expect(new Set(headers.map((h) => h.length))).toEqual(new Set([256 + '299 - ""'.length]))
  expect(recorded(texts.slice(0, 13))).toHaveLength(13)
  expect(recorded(texts.slice(0, 13))[0]).toContain('z'.repeat(300))
})
