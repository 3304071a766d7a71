import { schemaFacts } from '../../../openapi/data.ts'
import {
  type DefinitionFact,
  defaultGoType,
  type FieldFact,
  goTypeOfDefinition,
  type TypeFact,
} from '../../../openapi/schema-facts.ts'
import type { GroupVersionKind } from '../group-version.ts'
import type { AnyNode, ScalarNode, ScalarType, SchemaField, SchemaNode, StructNode } from './schema-node.ts'

const EXTENSIONS = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1'

const structs = new Map<string, StructNode>()

/**
 * The compiled type of a definition (`io.k8s.api.core.v1.PodSpec`), the same object every time. Fields are compiled
 * when they are first looked at. Throws for a name that is no definition of an object with fields.
 */
export function typeOf(definition: string): StructNode {
  let node = structs.get(definition)
  if (!node) {
    const fact = schemaFacts()[definition]
    if (fact?.type !== 'object') throw new Error(`no such type: ${definition}`)
    node = new BuiltinStruct(definition, fact)
    structs.set(definition, node)
  }
  return node
}

let definitions: Map<string, string> | undefined

/** Name of the definition of a built-in kind; undefined for kinds that are not built in. */
export function definitionOf({ group, version, kind }: GroupVersionKind): string | undefined {
  if (!definitions) {
    definitions = new Map()
    for (const [name, fact] of Object.entries(schemaFacts())) {
      for (const [g, v, k] of fact.gvk ?? []) definitions.set(`${g}/${v}/${k}`, name)
    }
  }
  return definitions.get(`${group}/${version}/${kind}`)
}

/** The compiled type of a built-in kind. Throws for other kinds: where they may come, ask {@link definitionOf} first. */
export function typeOfKind(gvk: GroupVersionKind): StructNode {
  const definition = definitionOf(gvk)
  if (definition === undefined) throw new Error(`not a built-in kind: ${gvk.group}/${gvk.version} ${gvk.kind}`)
  return typeOf(definition)
}

class BuiltinStruct implements StructNode {
  readonly kind = 'struct'
  readonly definition: string
  readonly goName: string
  readonly required: readonly string[]
  readonly preserveUnknown = false
  readonly atomic: boolean
  readonly #fact: DefinitionFact
  #fields: ReadonlyMap<string, SchemaField> | undefined

  constructor(definition: string, fact: DefinitionFact) {
    this.definition = definition
    this.goName = definition.slice(definition.lastIndexOf('.') + 1)
    this.required = fact.required ?? []
    this.atomic = fact['x-kubernetes-map-type'] === 'atomic'
    this.#fact = fact
  }

  get fields(): ReadonlyMap<string, SchemaField> {
    this.#fields ??= new Map(
      Object.entries(this.#fact.properties ?? {}).map(([name, fact]) => [
        name,
        compileField(this.definition, name, fact, this.#fact.gvk !== undefined && isTypeMeta(name)),
      ]),
    )
    return this.#fields
  }
}

/**
 * Lists that mean something else empty than absent, though JSON leaves them out: an empty list of managedFields asks to
 * forget ownership, one of scaling policies is refused where none at all is defaulted, and so are no dependencies.
 */
const KEPT_EMPTY: ReadonlySet<string> = new Set([
  'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta.managedFields',
  'io.k8s.api.autoscaling.v2.HPAScalingRules.policies',
  `${EXTENSIONS}.JSONSchemaProps.dependencies`,
])

/** Members of the struct that every kind embeds. */
const isTypeMeta = (name: string): boolean => name === 'kind' || name === 'apiVersion'

function compileField(definition: string, name: string, fact: FieldFact, inTypeMeta: boolean): SchemaField {
  return {
    name,
    node: compileType(fact, fact.go ?? defaultGoType(fact)),
    omit: KEPT_EMPTY.has(`${definition}.${name}`) ? 'unset' : (fact.omit ?? 'zero'),
    zero: fact.zero,
    default: fact.default,
    patchStrategy: fact['x-kubernetes-patch-strategy']?.split(',') ?? [],
    patchMergeKey: fact['x-kubernetes-patch-merge-key'],
    embeddedIn: inTypeMeta ? 'TypeMeta' : fact.in,
  }
}

const RAW: AnyNode = { kind: 'any' }

const SCALAR_DEFINITIONS: Readonly<Record<string, ScalarType>> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': 'quantity',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': 'time',
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': 'micro-time',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Duration': 'duration',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': 'int-or-string',
}

const ANY_DEFINITIONS: Readonly<Record<string, AnyNode>> = {
  'io.k8s.apimachinery.pkg.runtime.RawExtension': RAW,
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1': RAW,
  [`${EXTENSIONS}.JSON`]: RAW,
  [`${EXTENSIONS}.JSONSchemaPropsOrArray`]: { kind: 'any', either: 'schema-or-list' },
  [`${EXTENSIONS}.JSONSchemaPropsOrBool`]: { kind: 'any', either: 'schema-or-bool' },
  [`${EXTENSIONS}.JSONSchemaPropsOrStringArray`]: { kind: 'any', either: 'schema-or-strings' },
}

/** `go` is the type's Go text; behind `=` it says what a named list or map stands for. */
function compileType(fact: TypeFact, go: string): SchemaNode {
  const [name, underlying = name] = go.split('=') as [string, string?]
  if (fact.$ref) return compileReference(fact.$ref, fact)
  if (fact.type === 'array') {
    return {
      kind: 'list',
      item: compileType(
        fact.items ?? {},
        underlying.startsWith('[]') ? underlying.slice(2) : defaultGoType(fact.items ?? {}),
      ),
      listType: fact['x-kubernetes-list-type'] ?? 'atomic',
      mapKeys: fact['x-kubernetes-list-map-keys'] ?? [],
      goName: name,
    }
  }
  if (fact.type === 'object') {
    return {
      kind: 'map',
      value: compileType(fact.additionalProperties ?? {}, underlying.slice(underlying.indexOf(']') + 1)),
      atomic: fact['x-kubernetes-map-type'] === 'atomic',
      goName: name,
    }
  }
  return fact.type === undefined ? RAW : scalar(scalarTypeOf(fact), name, fact.enum)
}

function scalarTypeOf({ type, format }: TypeFact): ScalarType {
  if (type === 'integer') return format === 'int64' ? 'int64' : 'int32'
  if (type === 'number') return 'float64'
  if (type === 'boolean') return 'bool'
  return format === 'byte' ? 'bytes' : 'string'
}

const scalars = new Map<string, ScalarNode>()

function scalar(type: ScalarType, goName: string, values: readonly string[] | undefined): ScalarNode {
  const key = `${type} ${goName} ${values ?? ''}`
  let node = scalars.get(key)
  if (!node) {
    node = { kind: 'scalar', type, goName, enum: values }
    scalars.set(key, node)
  }
  return node
}

function compileReference(definition: string, fact: TypeFact): SchemaNode {
  const scalarType = SCALAR_DEFINITIONS[definition]
  if (scalarType) return scalar(scalarType, goTypeOfDefinition(definition), undefined)
  const any = ANY_DEFINITIONS[definition]
  if (any) return any
  const struct = typeOf(definition)
  return fact['x-kubernetes-map-type'] === 'granular' && struct.atomic ? granular(definition) : struct
}

const granularStructs = new Map<string, StructNode>()

/** A struct whose type is atomic, at a place where it is not (PersistentVolumeSpec.claimRef). */
function granular(definition: string): StructNode {
  let node = granularStructs.get(definition)
  if (!node) {
    node = new BuiltinStruct(definition, { ...schemaFacts()[definition], 'x-kubernetes-map-type': undefined })
    granularStructs.set(definition, node)
  }
  return node
}
