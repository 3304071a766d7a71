/**
 * Brings a merged list into order: items of the patch as `patchOrder` has them, the others as `serverOrder` has them,
 * each of the others before the first item of the patch that comes after it in `serverOrder`.
 *
 * @see apimachinery pkg/util/strategicpatch/patch.go normalizeElementOrder
 */
export function orderMerged(
  merged: readonly unknown[],
  patchOrder: readonly unknown[],
  serverOrder: readonly unknown[],
  keyOf: (item: unknown) => unknown,
): unknown[] {
  const patchRanks = ranksOf(patchOrder, keyOf)
  const serverRanks = ranksOf(serverOrder, keyOf)
  const fromPatch: Ranked[] = []
  const serverOnly: Ranked[] = []
  for (const item of merged) {
    const key = keyOf(item)
    const server = serverRanks.get(key)
    const patch = patchRanks.get(key)
    if (patch === undefined) serverOnly.push({ item, rank: server, server })
    else fromPatch.push({ item, rank: patch, server })
  }
  return interleave(sorted(serverOnly), sorted(fromPatch))
}

interface Ranked {
  readonly item: unknown
  /** Place in the order that the item is sorted by. */
  readonly rank: number | undefined
  readonly server: number | undefined
}

function ranksOf(order: readonly unknown[], keyOf: (item: unknown) => unknown): Map<unknown, number> {
  const ranks = new Map<unknown, number>()
  for (const [i, item] of order.entries()) {
    const key = keyOf(item)
    if (!ranks.has(key)) ranks.set(key, i)
  }
  return ranks
}

/** Items that the order does not name come first, the last of them foremost, as upstream's insertion sort leaves them. */
function sorted(items: readonly Ranked[]): Ranked[] {
  const unknown = items.filter((i) => i.rank === undefined).reverse()
  const known = items.filter((i) => i.rank !== undefined).sort((a, b) => a.rank! - b.rank!)
  return [...unknown, ...known]
}

function interleave(left: readonly Ranked[], right: readonly Ranked[]): unknown[] {
  const all: unknown[] = []
  let l = 0
  for (const r of right) {
    while (l < left.length && isBefore(left[l]!, r)) all.push(left[l++]!.item)
    all.push(r.item)
  }
  while (l < left.length) all.push(left[l++]!.item)
  return all
}

function isBefore(a: Ranked, b: Ranked): boolean {
  return a.server !== undefined && b.server !== undefined && a.server < b.server
}
