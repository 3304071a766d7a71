import { duplicate, type FieldError, tooMany } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'

type ValidateItem<T> = (item: T, path: FieldPath) => FieldError[]

/** Validates every item, unless there are too many: then only that is reported. */
export function validateSlice<T>(
  items: readonly T[] | undefined,
  max: number,
  validateItem: ValidateItem<T>,
  path: FieldPath,
): FieldError[] {
  const list = items ?? []
  if (list.length > max) return [tooMany(path, list.length, max)]
  return list.flatMap((item, i) => validateItem(item, path.index(i)))
}

interface SetRules<T> {
  readonly max: number
  readonly validateItem: ValidateItem<T>
  /** Text that no two items share. */
  readonly key: (item: T) => string
  /** What is printed of an item that stands twice; its key where nothing is given. */
  readonly printKey?: (item: T) => unknown
}

/** As {@link validateSlice}; items with the same key are reported behind all other errors. */
export function validateSet<T>(items: readonly T[] | undefined, rules: SetRules<T>, path: FieldPath): FieldError[] {
  const list = items ?? []
  if (list.length > rules.max) return [tooMany(path, list.length, rules.max)]
  const errors = list.flatMap((item, i) => rules.validateItem(item, path.index(i)))
  const seen = new Set<string>()
  list.forEach((item, i) => {
    const key = rules.key(item)
    if (seen.has(key)) errors.push(duplicate(path.index(i), rules.printKey ? rules.printKey(item) : key))
    seen.add(key)
  })
  return errors
}

interface MapRules<T> {
  readonly max: number
  /** Keys are cut to that many bytes where they stand in a path. */
  readonly maxKeyLength: number
  readonly validateKey: ValidateItem<string>
  readonly validateItem: ValidateItem<T>
}

/** Validates keys (their errors stand on the map itself) and values, in the order of the keys. */
export function validateMap<T>(
  map: Readonly<Record<string, T>> | undefined,
  rules: MapRules<T>,
  path: FieldPath,
): FieldError[] {
  const keys = Object.keys(map ?? {}).sort()
  if (keys.length > rules.max) return [tooMany(path, keys.length, rules.max)]
  return keys.flatMap((key) => [
    ...rules.validateKey(key, path),
    ...rules.validateItem(map![key]!, path.key(truncate(key, rules.maxKeyLength))),
  ])
}

/** Keeps both ends of a text that is too long. */
function truncate(text: string, max: number): string {
  const limit = Math.max(max, 16)
  if (text.length <= limit) return text
  const remaining = limit - '...'.length
  return `${text.slice(0, Math.floor((remaining + 1) / 2))}...${text.slice(text.length - Math.floor(remaining / 2))}`
}
