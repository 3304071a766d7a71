import { parseQuantity, Quantity } from '../../../apimachinery/quantity.ts'

/**
 * Amounts of resources by name.
 *
 * @see apiserver pkg/quota/v1/resources.go
 */
export type Amounts = ReadonlyMap<string, Quantity>

export const ZERO: Quantity = Quantity.of(0)
export const ONE: Quantity = Quantity.of(1)

/** The amounts of a resource list as objects carry it. */
export function amountsOf(list: Readonly<Record<string, string>> | undefined): Map<string, Quantity> {
  const amounts = new Map<string, Quantity>()
  for (const name in list) amounts.set(name, parseQuantity(list[name]!))
  return amounts
}

/** The resource list of amounts, names in order. */
export function resourceListOf(amounts: Amounts): Record<string, string> {
  return Object.fromEntries([...amounts].sort(byName).map(([name, quantity]) => [name, quantity.toString()]))
}

export function sameAmounts(a: Amounts, b: Amounts): boolean {
  if (a === b) return true
  if (a.size !== b.size) return false
  for (const [name, quantity] of a) {
    const other = b.get(name)
    if (!other?.equals(quantity)) return false
  }
  return true
}

export function add(a: Amounts, b: Amounts): Map<string, Quantity> {
  const sum = new Map(a)
  for (const [name, quantity] of b) sum.set(name, sum.get(name)?.add(quantity) ?? quantity)
  return sum
}

/** a - b, nothing below zero. */
export function subtractNonNegative(a: Amounts, b: Amounts): Map<string, Quantity> {
  const rest = new Map<string, Quantity>()
  for (const [name, quantity] of a) {
    const other = b.get(name)
    const left = other ? quantity.sub(other) : quantity
    rest.set(name, left.sign() > 0 ? left : ZERO)
  }
  for (const name of b.keys()) if (!rest.has(name)) rest.set(name, ZERO)
  return rest
}

/** The larger of each. */
export function larger(...lists: readonly Amounts[]): Map<string, Quantity> {
  const result = new Map<string, Quantity>()
  for (const list of lists) {
    for (const [name, quantity] of list) {
      const current = result.get(name)
      if (!current || quantity.cmp(current) > 0) result.set(name, quantity)
    }
  }
  return result
}

/** Only what `names` has. */
export function mask(amounts: Amounts, names: { has(name: string): boolean }): Map<string, Quantity> {
  return new Map([...amounts].filter(([name]) => names.has(name)))
}

export function withoutZeros(amounts: Amounts): Map<string, Quantity> {
  return new Map([...amounts].filter(([, quantity]) => !quantity.isZero()))
}

/** Names of what is more than `limits` allows. */
export function exceeding(amounts: Amounts, limits: Amounts): Set<string> {
  const exceeded = new Set<string>()
  for (const [name, limit] of limits) {
    const amount = amounts.get(name)
    if (amount && amount.cmp(limit) > 0) exceeded.add(name)
  }
  return exceeded
}

/** `pods=1,requests.cpu=2`: how messages show amounts. */
export function printAmounts(amounts: Amounts): string {
  return [...amounts]
    .sort(byName)
    .map(([name, quantity]) => `${name}=${quantity}`)
    .join(',')
}

function byName([a]: readonly [string, Quantity], [b]: readonly [string, Quantity]): number {
  return a < b ? -1 : a > b ? 1 : 0
}
