import { goQuote } from '../../apimachinery/go-quote.ts'

/** A list of indexes that is malformed; the message is upstream's. */
export class IndexesError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'IndexesError'
  }
}

type Interval = readonly [first: number, last: number]

function parseIndex(text: string, completions: number): number {
  if (!/^[+-]?[0-9]{1,18}$/.test(text)) {
    throw new IndexesError(`cannot convert string to integer for index: ${goQuote(text)}`)
  }
  const index = Number(text)
  if (index >= completions) throw new IndexesError(`too large index: ${goQuote(text)}`)
  return index
}

function parseInterval(text: string, completions: number): Interval {
  const parts = text.split('-')
  if (parts.length > 2) {
    throw new IndexesError(
      `the fragment ${goQuote(text)} violates the requirement that an index interval can have at most two parts separated by '-'`,
    )
  }
  const first = parseIndex(parts[0]!, completions)
  if (parts.length === 1) return [first, first]
  const last = parseIndex(parts[1]!, completions)
  if (first >= last) throw new IndexesError(`non-increasing order, previous: ${first}, current: ${last}`)
  return [first, last]
}

/**
 * How many indexes a text like `1,3-5` names; all must rise and be below `completions`.
 *
 * @throws {IndexesError}
 */
export function countIndexes(text: string, completions: number): number {
  if (text === '') return 0
  let previous = -1
  let total = 0
  for (const part of text.split(',')) {
    const [first, last] = parseInterval(part, completions)
    if (previous >= first) throw new IndexesError(`non-increasing order, previous: ${previous}, current: ${first}`)
    total += last - first + 1
    previous = last
  }
  return total
}

/** The intervals of a text that parse; the others are reported by {@link countIndexes}. */
function validIntervals(text: string, completions: number): Interval[] {
  return text.split(',').flatMap((part) => {
    try {
      return [parseInterval(part, completions)]
    } catch (error) {
      if (error instanceof IndexesError) return []
      throw error
    }
  })
}

/** The first index that stands in both texts; undefined where there is none. */
export function overlappingIndex(completed: string, failed: string, completions: number): number | undefined {
  if (completed === '' || failed === '') return undefined
  const left = validIntervals(completed, completions)
  const right = validIntervals(failed, completions)
  let i = 0
  let j = 0
  while (i < left.length && j < right.length) {
    const [a, b] = left[i]!
    const [c, d] = right[j]!
    if (a <= d && c <= b) return Math.max(a, c)
    if (a <= c) i++
    else j++
  }
  return undefined
}
