/** Shape of `openapi/data/schema.json`: OpenAPI's own keys, and what the Go types add. */

export interface TypeFact {
  /** Name of a definition. */
  readonly $ref?: string
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean'
  readonly format?: string
  readonly enum?: readonly string[]
  readonly items?: TypeFact
  readonly additionalProperties?: TypeFact
  readonly default?: unknown
  readonly 'x-kubernetes-map-type'?: 'atomic' | 'granular'
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map'
  readonly 'x-kubernetes-list-map-keys'?: readonly string[]
}

export interface FieldFact extends TypeFact {
  readonly 'x-kubernetes-patch-strategy'?: string
  readonly 'x-kubernetes-patch-merge-key'?: string
  /** Go type as messages print it, where it is not {@link defaultGoType}; behind `=` what a named list or map is. */
  readonly go?: string
  /** Embedded structs that the field stands in (`ProbeHandler`), joined with dots. */
  readonly in?: string
  /** When JSON leaves the field out; where absent: when it is zero. */
  readonly omit?: 'never' | 'unset'
  /** With `omit: 'never'`: what is written for an unset field. */
  readonly zero?: unknown
}

export interface DefinitionFact {
  readonly type?: 'object' | 'string'
  readonly format?: string
  readonly properties?: Readonly<Record<string, FieldFact>>
  readonly required?: readonly string[]
  /** [group, version, kind] of x-kubernetes-group-version-kind. */
  readonly gvk?: readonly (readonly [string, string, string])[]
  readonly 'x-kubernetes-map-type'?: 'atomic'
  readonly 'x-kubernetes-unions'?: readonly unknown[]
  readonly v3_oneOf?: readonly unknown[]
  readonly v3_no_type?: boolean
  /** Not part of the OpenAPI documents. */
  readonly unpublished?: boolean
}

/** `v1.PodSpec` of `io.k8s.api.core.v1.PodSpec`: the type as Go's reflect prints it. */
export function goTypeOfDefinition(definition: string): string {
  const parts = definition.split('.')
  return `${parts.at(-2)}.${parts.at(-1)}`
}

/** The Go type that a schema stands for when nothing else is said. */
export function defaultGoType(type: TypeFact): string {
  if (type.$ref) return goTypeOfDefinition(type.$ref)
  switch (type.type) {
    case 'array':
      return `[]${defaultGoType(type.items ?? {})}`
    case 'object':
      return `map[string]${defaultGoType(type.additionalProperties ?? {})}`
    case 'integer':
      return type.format ?? 'int64'
    case 'number':
      return 'float64'
    case 'boolean':
      return 'bool'
    default:
      return type.format === 'byte' ? '[]uint8' : 'string'
  }
}
