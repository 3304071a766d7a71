import { expect, test } from 'vitest'
import { formatTraceparent, parseTraceparent } from './trace-context.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'

// The example of https://www.w3.org/TR/trace-context/#examples-of-http-traceparent-headers.
test('a header is read and written', () => {
  const header = `00-${TRACE}-${SPAN}-01`
  const context = parseTraceparent(header)
  expect(context).toEqual({ traceId: TRACE, parentId: SPAN, flags: '01' })
  expect(formatTraceparent(context!)).toBe(header)
})

test('a later version may say more', () => {
  expect(parseTraceparent(`cc-${TRACE}-${SPAN}-01-what-the-future-brings`)).toMatchObject({ traceId: TRACE })
})

test.each([
  '',
  'garbage',
  `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  `00-${'0'.repeat(32)}-${SPAN}-01`,
  `00-${TRACE}-${'0'.repeat(16)}-01`,
  `00-${TRACE}-${SPAN}-01-more`,
  `ff-${TRACE}-${SPAN}-01`,
])('%j is none', (header) => {
  expect(parseTraceparent(header)).toBeUndefined()
})
