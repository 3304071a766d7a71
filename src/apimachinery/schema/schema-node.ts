/**
 * The compiled schema of an API type: what decoding, defaulting, pruning, strategic merge patch and server-side apply
 * walk along. Built-in types are compiled from `openapi/data`, custom resources from their structural schemas; nodes
 * are immutable, shared between types, and may refer to themselves (JSONSchemaProps).
 */
export type SchemaNode = StructNode | MapNode | ListNode | ScalarNode | AnyNode

/** An object with named fields. */
export interface StructNode {
  readonly kind: 'struct'
  /** Definition name, as `io.k8s.api.core.v1.PodSpec`; '' for a part of a custom resource. */
  readonly definition: string
  /** Name of the Go struct, as messages of decoding errors carry it: `PodSpec`. */
  readonly goName: string
  readonly fields: ReadonlyMap<string, SchemaField>
  readonly required: readonly string[]
  /** Fields that are not named are kept as they are (x-kubernetes-preserve-unknown-fields, RawExtension). */
  readonly preserveUnknown: boolean
  /** x-kubernetes-map-type: atomic. */
  readonly atomic: boolean
}

export interface SchemaField {
  readonly name: string
  readonly node: SchemaNode
  /**
   * What the typed server would leave out of JSON:
   * - `never`: always written, as {@link SchemaField.zero} where unset
   * - `zero`: a value that is zero ('' 0 false, empty list or map) is as good as unset
   * - `unset`: a pointer: a zero value that was given stays
   */
  readonly omit: 'never' | 'zero' | 'unset'
  /** JSON value written for an unset field with `omit: 'never'`; `{}` stands for the object with its own such fields. */
  readonly zero: unknown
  /** Default of the schema (also: the default of a list map key), undefined where there is none. */
  readonly default: unknown
  /** x-kubernetes-patch-strategy of this field, split at the comma: 'merge' | 'replace' | 'retainKeys'. */
  readonly patchStrategy: readonly string[]
  readonly patchMergeKey: string | undefined
  /** Embedded Go structs that the field stands in (`ProbeHandler`): in messages only. */
  readonly embeddedIn?: string
}

/** An object with keys of any name and values of one type. */
export interface MapNode {
  readonly kind: 'map'
  readonly value: SchemaNode
  readonly atomic: boolean
  /** Go type as messages print it: `map[string]string`, `v1.ResourceList`. */
  readonly goName?: string
}

export interface ListNode {
  readonly kind: 'list'
  readonly item: SchemaNode
  /** x-kubernetes-list-type; `atomic` where the schema says nothing. */
  readonly listType: 'atomic' | 'set' | 'map'
  readonly mapKeys: readonly string[]
  /** Go type as messages print it: `[]v1.Container`. */
  readonly goName?: string
}

export type ScalarType =
  | 'string'
  | 'int32'
  | 'int64'
  | 'float64'
  | 'bool'
  /** base64 text */
  | 'bytes'
  | 'quantity'
  | 'int-or-string'
  | 'time'
  | 'micro-time'
  | 'duration'

export interface ScalarNode {
  readonly kind: 'scalar'
  readonly type: ScalarType
  /** Go type as messages print it: `string`, `v1.Protocol`. */
  readonly goName: string
  readonly enum: readonly string[] | undefined
}

/** Raw JSON that is kept as it is. */
export interface AnyNode {
  readonly kind: 'any'
  /** The one of CRD schemas' own either-or types that this is; undefined for content of any shape. */
  readonly either?: 'schema-or-list' | 'schema-or-bool' | 'schema-or-strings'
}
