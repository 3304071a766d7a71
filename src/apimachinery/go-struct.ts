import { LiteralValue } from './field-error.ts'
import { goJson } from './go-quote.ts'
import { givenEmpty } from './schema/given-empty.ts'
import type { LabelSelectorRequirement, OwnerReference } from './types/meta-v1.ts'

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
type GoField = readonly [goName: string, jsonName: string, type: GoType]

export function goStruct(...fields: readonly GoField[]): GoType {
  return (v) => {
    const object = (v ?? {}) as Record<string, unknown>
    const fieldValue = (json: string): unknown => (json === '' ? object : (object[json] ?? givenEmpty(object, json)))
    return Object.fromEntries(fields.map(([name, json, type]) => [name, type(fieldValue(json))]))
  }
}

/** A type with JSON tags of its own: printed by its JSON names in the order of declaration, what is unset left out. */
function goTagged(...fields: readonly (readonly [jsonName: string, type: GoType])[]): GoType {
  return (v) => {
    const object = (v ?? {}) as Record<string, unknown>
    const set = fields.filter(([name]) => !isUnset(object[name]))
    return Object.fromEntries(set.map(([name, type]) => [name, type(object[name])]))
  }
}

function isUnset(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true
  return typeof value === 'object' && Object.keys(value).length === 0
}

const goLabels = goMap(goString)

/** metav1.LabelSelector. */
export const goLabelSelector: GoType = goPointer(
  goTagged(
    ['matchLabels', goLabels],
    [
      'matchExpressions',
      goList((v) => {
        const { key = '', operator = '', values } = v as LabelSelectorRequirement
        return { key, operator, ...(values?.length ? { values } : {}) }
      }),
    ],
  ),
)

const goOwnerFlags = goTagged(['controller', goAny], ['blockOwnerDeletion', goAny])

const goOwnerReference: GoType = (v) => {
  const { apiVersion = '', kind = '', name = '', uid = '' } = v as Partial<OwnerReference>
  return { apiVersion, kind, name, uid, ...(goOwnerFlags(v) as object) }
}

const goManagedFieldsEntry = goTagged(
  ['manager', goAny],
  ['operation', goAny],
  ['apiVersion', goAny],
  ['time', goAny],
  ['fieldsType', goAny],
  ['fieldsV1', goAny],
  ['subresource', goAny],
)

/** metav1.ObjectMeta. */
export const goObjectMeta: GoType = goTagged(
  ['name', goAny],
  ['generateName', goAny],
  ['namespace', goAny],
  ['selfLink', goAny],
  ['uid', goAny],
  ['resourceVersion', goAny],
  ['generation', goAny],
  ['creationTimestamp', goAny],
  ['deletionTimestamp', goAny],
  ['deletionGracePeriodSeconds', goAny],
  ['labels', goLabels],
  ['annotations', goLabels],
  ['ownerReferences', goList(goOwnerReference)],
  ['finalizers', goAny],
  ['managedFields', goList(goManagedFieldsEntry)],
)

/** The bad value of a field error that prints `value` as the Go type. */
export function goStructValue(type: GoType, value: unknown): LiteralValue {
  return new LiteralValue(goJson(type(value), { sortKeys: false }))
}
