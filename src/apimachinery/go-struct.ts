import { LiteralValue } from './field-error.ts'
import { goJson } from './go-quote.ts'
import type { LabelSelector } from './types/meta-v1.ts'

/**
 * How a value of an API object stands in a message that prints a whole Go struct of the internal version: JSON with Go
 * field names, in the order of declaration, unset pointers, lists and maps as null, other unset fields as their zero.
 */
export type GoType = (value: unknown) => unknown

/** Scalars: never null. */
export const goString: GoType = (v) => v ?? ''
export const goInt: GoType = (v) => v ?? 0
export const goBool: GoType = (v) => v ?? false

/** Printed as it is, null where unset: pointers to scalars, lists and maps of scalars, types with JSON tags. */
export const goAny: GoType = (v) => v ?? null

export const goPointer =
  (type: GoType): GoType =>
  (v) =>
    v === undefined || v === null ? null : type(v)

export const goList = (item: GoType): GoType => goPointer((v) => (v as readonly unknown[]).map(item))

export const goMap = (item: GoType): GoType =>
  goPointer((v) => {
    const entries = Object.entries(v as Record<string, unknown>).sort(([a], [b]) => (a < b ? -1 : 1))
    return Object.fromEntries(entries.map(([key, value]) => [key, item(value)]))
  })

/** Name in Go, name in JSON, type; a JSON name of '' embeds: the value itself is handed on. */
export type GoField = readonly [goName: string, jsonName: string, type: GoType]

export function goStruct(...fields: readonly GoField[]): GoType {
  return (v) => {
    const object = (v ?? {}) as Record<string, unknown>
    return Object.fromEntries(fields.map(([name, json, type]) => [name, type(json === '' ? object : object[json])]))
  }
}

/** metav1.LabelSelector, which has JSON tags: only what is set, matchLabels first. */
export const goLabelSelector: GoType = goPointer((v) => {
  const { matchLabels, matchExpressions } = v as LabelSelector
  return {
    ...(matchLabels && Object.keys(matchLabels).length > 0 ? { matchLabels: goMap(goString)(matchLabels) } : {}),
    ...(matchExpressions?.length
      ? {
          matchExpressions: matchExpressions.map(({ key, operator, values }) => ({
            key: key ?? '',
            operator: operator ?? '',
            ...(values?.length ? { values } : {}),
          })),
        }
      : {}),
  }
})

/** The bad value of a field error that prints `value` as the Go type. */
export function goStructValue(type: GoType, value: unknown): LiteralValue {
  return new LiteralValue(goJson(type(value), { sortKeys: false }))
}
