import { expect, test } from 'vitest'
import { expose, type Sample } from './exposition.ts'
import { Histogram } from './histogram.ts'

test('a metric: help, type, a line for each sample', () => {
  const samples = (): Sample[] => [
    { labels: { a: 'x', b: '"\\\n' }, value: 2 },
    { labels: {}, value: 0.5 },
  ]
  expect(expose([{ name: 'm', help: 'What it is.', type: 'gauge', samples }])).toBe(
    '# HELP m What it is.\n# TYPE m gauge\nm{a="x",b="\\"\\\\\\n"} 2\nm 0.5\n',
  )
})

test('a metric without samples is left out', () => {
  expect(expose([{ name: 'm', help: '', type: 'gauge', samples: () => [] }])).toBe('\n')
})

test('a histogram counts what is at or below each bound', () => {
  const histogram = new Histogram([1, 2])
  for (const value of [0.5, 1, 1.5, 9]) histogram.observe(value)
  const samples = () => histogram.samples({ a: 'x' })
  expect(expose([{ name: 'h', help: 'H.', type: 'histogram', samples }])).toBe(
    [
      '# HELP h H.',
      '# TYPE h histogram',
      'h_bucket{a="x",le="1"} 2',
      'h_bucket{a="x",le="2"} 3',
      'h_bucket{a="x",le="+Inf"} 4',
      'h_sum{a="x"} 12',
      'h_count{a="x"} 4',
      '',
    ].join('\n'),
  )
})
