/**
 * Normal form has no empty lists and maps. Go's decoder keeps them apart from nothing all the same: a few rules of
 * upstream ask whether a field is nil, and messages print `[]` or `null`. So an object that was just decoded remembers
 * which of its fields were given empty. Deep copies forget it, as upstream's store does.
 */
const GIVEN_EMPTY = Symbol('fields given empty')

interface MaybeMarked {
  [GIVEN_EMPTY]?: Readonly<Record<string, object>>
}

/** Remembers the fields that were given as `[]` or `{}`. Under a symbol: whatever reads JSON does not see it. */
export function markGivenEmpty(object: object, fields: readonly (readonly [name: string, value: object])[]): void {
  ;(object as MaybeMarked)[GIVEN_EMPTY] = Object.fromEntries(fields)
}

/** The `[]` or `{}` that the field was given as; undefined where it was not. */
export function givenEmpty(object: object | undefined, name: string): object | undefined {
  return (object as MaybeMarked | undefined)?.[GIVEN_EMPTY]?.[name]
}

/** Whether any field was given as `[]` or `{}`. */
export function hasGivenEmpty(object: object): boolean {
  return (object as MaybeMarked)[GIVEN_EMPTY] !== undefined
}
