/** Lines around a difference that are printed with it. */
const CONTEXT = 3
/** Lists of so many lines and more leave lines that occur too often out of the search, as Python's difflib does. */
const POPULARITY_FROM = 200

interface Block {
  readonly a: number
  readonly b: number
  readonly size: number
}

interface OpCode {
  readonly tag: 'equal' | 'replace' | 'delete' | 'insert'
  readonly a1: number
  readonly a2: number
  readonly b1: number
  readonly b2: number
}

/**
 * A unified diff without file names of two texts: line for line what upstream's messages carry. '' where they are equal.
 *
 * @see apimachinery pkg/util/diff/diff.go, Python's difflib.SequenceMatcher
 */
export function unifiedDiff(before: string, after: string): string {
  const a = splitLines(before)
  const b = splitLines(after)
  let out = ''
  for (const group of groupedOpCodes(opCodes(a, b))) {
    const first = group[0]!
    const last = group.at(-1)!
    out += `@@ -${formatRange(first.a1, last.a2)} +${formatRange(first.b1, last.b2)} @@\n`
    for (const { tag, a1, a2, b1, b2 } of group) {
      if (tag === 'equal') out += prefixed(' ', a, a1, a2)
      else out += prefixed('-', a, a1, a2) + prefixed('+', b, b1, b2)
    }
  }
  return out
}

function splitLines(text: string): string[] {
  return text.split('\n').map((line) => `${line}\n`)
}

function prefixed(sign: string, lines: readonly string[], from: number, to: number): string {
  let out = ''
  for (let i = from; i < to; i++) out += sign + lines[i]
  return out
}

function formatRange(start: number, stop: number): string {
  const length = stop - start
  if (length === 1) return String(start + 1)
  return `${length === 0 ? start : start + 1},${length}`
}

/** Where each line of `b` stands, without those that are too popular to lead anywhere. */
function indexLines(b: readonly string[]): Map<string, number[]> {
  const index = new Map<string, number[]>()
  b.forEach((line, i) => {
    const places = index.get(line)
    if (places) places.push(i)
    else index.set(line, [i])
  })
  if (b.length < POPULARITY_FROM) return index
  const limit = Math.floor(b.length / 100) + 1
  for (const [line, places] of index) if (places.length > limit) index.delete(line)
  return index
}

interface Window {
  readonly aLow: number
  readonly aHigh: number
  readonly bLow: number
  readonly bHigh: number
}

function longestMatch(a: readonly string[], b: readonly string[], index: Map<string, number[]>, window: Window): Block {
  const { aLow, aHigh, bLow, bHigh } = window
  let [bestA, bestB, size] = [aLow, bLow, 0]
  let lengths = new Map<number, number>()
  for (let i = aLow; i < aHigh; i++) {
    const next = new Map<number, number>()
    for (const j of index.get(a[i]!) ?? []) {
      if (j < bLow) continue
      if (j >= bHigh) break
      const length = (lengths.get(j - 1) ?? 0) + 1
      next.set(j, length)
      if (length > size) [bestA, bestB, size] = [i - length + 1, j - length + 1, length]
    }
    lengths = next
  }
  while (bestA > aLow && bestB > bLow && a[bestA - 1] === b[bestB - 1]) {
    bestA--
    bestB--
    size++
  }
  while (bestA + size < aHigh && bestB + size < bHigh && a[bestA + size] === b[bestB + size]) size++
  return { a: bestA, b: bestB, size }
}

/** Equal stretches in order, adjacent ones joined; the last has size 0 and stands behind both texts. */
function matchingBlocks(a: readonly string[], b: readonly string[]): Block[] {
  const index = indexLines(b)
  const found: Block[] = []
  const queue: Window[] = [{ aLow: 0, aHigh: a.length, bLow: 0, bHigh: b.length }]
  for (let window = queue.pop(); window; window = queue.pop()) {
    const match = longestMatch(a, b, index, window)
    if (match.size === 0) continue
    found.push(match)
    const [aEnd, bEnd] = [match.a + match.size, match.b + match.size]
    if (window.aLow < match.a && window.bLow < match.b) queue.push({ ...window, aHigh: match.a, bHigh: match.b })
    if (aEnd < window.aHigh && bEnd < window.bHigh) queue.push({ ...window, aLow: aEnd, bLow: bEnd })
  }
  found.sort((x, y) => x.a - y.a || x.b - y.b)
  const joined: Block[] = []
  for (const block of found) {
    const last = joined.at(-1)
    if (last && last.a + last.size === block.a && last.b + last.size === block.b) {
      joined[joined.length - 1] = { ...last, size: last.size + block.size }
    } else joined.push(block)
  }
  joined.push({ a: a.length, b: b.length, size: 0 })
  return joined
}

function opCodes(a: readonly string[], b: readonly string[]): OpCode[] {
  const codes: OpCode[] = []
  let [i, j] = [0, 0]
  for (const block of matchingBlocks(a, b)) {
    const tag = i < block.a ? (j < block.b ? 'replace' : 'delete') : j < block.b ? 'insert' : undefined
    if (tag) codes.push({ tag, a1: i, a2: block.a, b1: j, b2: block.b })
    i = block.a + block.size
    j = block.b + block.size
    if (block.size > 0) codes.push({ tag: 'equal', a1: block.a, a2: i, b1: block.b, b2: j })
  }
  return codes
}

/** Cuts long equal stretches down to the context of the differences beside them. */
function groupedOpCodes(all: readonly OpCode[]): OpCode[][] {
  const codes = [...all]
  const first = codes[0]
  if (first?.tag === 'equal') {
    codes[0] = { ...first, a1: Math.max(first.a1, first.a2 - CONTEXT), b1: Math.max(first.b1, first.b2 - CONTEXT) }
  }
  const last = codes.at(-1)
  if (last?.tag === 'equal') {
    const end = { a2: Math.min(last.a2, last.a1 + CONTEXT), b2: Math.min(last.b2, last.b1 + CONTEXT) }
    codes[codes.length - 1] = { ...last, ...end }
  }
  const groups: OpCode[][] = []
  let group: OpCode[] = []
  for (const code of codes) {
    if (code.tag === 'equal' && code.a2 - code.a1 > 2 * CONTEXT) {
      group.push({ ...code, a2: code.a1 + CONTEXT, b2: code.b1 + CONTEXT })
      groups.push(group)
      group = [{ ...code, a1: code.a2 - CONTEXT, b1: code.b2 - CONTEXT }]
    } else group.push(code)
  }
  if (group.length > 0 && !(group.length === 1 && group[0]!.tag === 'equal')) groups.push(group)
  return groups
}
