import { expect, test } from 'vitest'
import {
  formatAccessModes,
  formatLabelSelector,
  formatLabels,
  humanDuration,
  listWithMore,
  translateTimestampSince,
} from './table-cells.ts'

const s = 1000
const m = 60 * s
const h = 60 * m
const d = 24 * h

// Cases of apimachinery pkg/util/duration/duration_test.go.
test.each([
  [s, '1s'],
  [70 * s, '70s'],
  [190 * s, '3m10s'],
  [70 * m, '70m'],
  [47 * h, '47h'],
  [49 * h, '2d1h'],
  [(8 * 24 + 2) * h, '8d'],
  [367 * d, '367d'],
  [(365 * 2 + 25) * d, '2y25d'],
  [(365 * 8 + 2) * d, '8y'],
  [-0.4 * s, '0s'],
  [-2 * s, '<invalid>'],
])('a duration of %d ms prints as %s', (ms, text) => {
  expect(humanDuration(ms)).toBe(text)
})

test('a timestamp that is unset prints as unknown', () => {
  expect(translateTimestampSince(undefined, 0)).toBe('<unknown>')
  expect(translateTimestampSince('1970-01-01T00:00:10Z', 14 * s)).toBe('4s')
})

test('labels print sorted by key, none as <none>', () => {
  expect(formatLabels({ b: '2', a: '1' })).toBe('a=1,b=2')
  expect(formatLabels({})).toBe('<none>')
})

test('a label selector prints as the labels package prints it', () => {
  const matchExpressions = [
    { key: 'tier', operator: 'In', values: ['z', 'a'] },
    { key: 'env', operator: 'NotIn', values: ['dev'] },
    { key: 'x', operator: 'Exists' },
    { key: 'y', operator: 'DoesNotExist' },
  ]
  expect(formatLabelSelector({ matchLabels: { app: 'w' }, matchExpressions })).toBe(
    'app=w,env notin (dev),tier in (a,z),x,!y',
  )
  expect(formatLabelSelector({})).toBe('<none>')
  expect(formatLabelSelector(undefined)).toBe('<none>')
  expect(formatLabelSelector({ matchExpressions: [{ key: 'a', operator: 'In', values: [] }] })).toBe('<error>')
})

test('a long list is cut and says how many are left', () => {
  expect(listWithMore(['a', 'b', 'c', 'd', 'e'], 3, '<none>')).toBe('a,b,c + 2 more...')
  expect(listWithMore([], 3, '<none>')).toBe('<none>')
})

test('access modes print in their fixed order without repeats', () => {
  expect(formatAccessModes(['ReadWriteOncePod', 'ReadOnlyMany', 'ReadWriteOnce', 'ReadOnlyMany'])).toBe('RWO,ROX,RWOP')
})
