import {
  type GoType,
  goAny,
  goBool,
  goInt,
  goList,
  goMap,
  goPointer,
  goString,
  goStruct,
} from '../../apimachinery/go-struct.ts'

const goOrArray: GoType = (v) =>
  Array.isArray(v) ? { Schema: null, JSONSchemas: v.map(goJsonSchema) } : { Schema: goJsonSchema(v), JSONSchemas: null }

const goOrBool: GoType = (v) =>
  typeof v === 'boolean' ? { Allows: v, Schema: null } : { Allows: true, Schema: goJsonSchema(v) }

const goOrStrings: GoType = (v) =>
  Array.isArray(v) ? { Schema: null, Property: v } : { Schema: goJsonSchema(v), Property: null }

const goValidationRule: GoType = goStruct(
  ['Rule', 'rule', goString],
  ['Message', 'message', goString],
  ['MessageExpression', 'messageExpression', goString],
  ['Reason', 'reason', goAny],
  ['FieldPath', 'fieldPath', goString],
  ['OptionalOldSelf', 'optionalOldSelf', goAny],
)

/** @see apiextensions-apiserver pkg/apis/apiextensions/types_jsonschema.go JSONSchemaProps */
export const goJsonSchema: GoType = (v) => GO_JSON_SCHEMA(v)

const inner: GoType = goJsonSchema

const GO_JSON_SCHEMA = goStruct(
  ['ID', 'id', goString],
  ['Schema', '$schema', goString],
  ['Ref', '$ref', goAny],
  ['Description', 'description', goString],
  ['Type', 'type', goString],
  ['Nullable', 'nullable', goBool],
  ['Format', 'format', goString],
  ['Title', 'title', goString],
  ['Default', 'default', goAny],
  ['Maximum', 'maximum', goAny],
  ['ExclusiveMaximum', 'exclusiveMaximum', goBool],
  ['Minimum', 'minimum', goAny],
  ['ExclusiveMinimum', 'exclusiveMinimum', goBool],
  ['MaxLength', 'maxLength', goAny],
  ['MinLength', 'minLength', goAny],
  ['Pattern', 'pattern', goString],
  ['MaxItems', 'maxItems', goAny],
  ['MinItems', 'minItems', goAny],
  ['UniqueItems', 'uniqueItems', goBool],
  ['MultipleOf', 'multipleOf', goAny],
  ['Enum', 'enum', goAny],
  ['MaxProperties', 'maxProperties', goAny],
  ['MinProperties', 'minProperties', goAny],
  ['Required', 'required', goAny],
  ['Items', 'items', goPointer(goOrArray)],
  ['AllOf', 'allOf', goList(inner)],
  ['OneOf', 'oneOf', goList(inner)],
  ['AnyOf', 'anyOf', goList(inner)],
  ['Not', 'not', goPointer(inner)],
  ['Properties', 'properties', goMap(inner)],
  ['AdditionalProperties', 'additionalProperties', goPointer(goOrBool)],
  ['PatternProperties', 'patternProperties', goMap(inner)],
  ['Dependencies', 'dependencies', goMap(goOrStrings)],
  ['AdditionalItems', 'additionalItems', goPointer(goOrBool)],
  ['Definitions', 'definitions', goMap(inner)],
  [
    'ExternalDocs',
    'externalDocs',
    goPointer(goStruct(['Description', 'description', goString], ['URL', 'url', goString])),
  ],
  ['Example', 'example', goAny],
  ['XPreserveUnknownFields', 'x-kubernetes-preserve-unknown-fields', goAny],
  ['XEmbeddedResource', 'x-kubernetes-embedded-resource', goBool],
  ['XIntOrString', 'x-kubernetes-int-or-string', goBool],
  ['XListMapKeys', 'x-kubernetes-list-map-keys', goAny],
  ['XListType', 'x-kubernetes-list-type', goAny],
  ['XMapType', 'x-kubernetes-map-type', goAny],
  ['XValidations', 'x-kubernetes-validations', goList(goValidationRule)],
)

/** Go names of the fields of a schema, in the order of declaration, with their JSON names. */
export const JSON_SCHEMA_FIELDS: readonly (readonly [goName: string, jsonName: string])[] = Object.keys(
  GO_JSON_SCHEMA({}) as object,
).map((goName) => [goName, jsonNameOf(goName)])

function jsonNameOf(goName: string): string {
  if (goName === 'ID') return 'id'
  if (goName === 'Schema' || goName === 'Ref') return `$${goName.toLowerCase()}`
  if (/^X[A-Z]/.test(goName)) return `x-kubernetes${goName.slice(1).replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`
  return goName[0]!.toLowerCase() + goName.slice(1)
}

const goScale = goStruct(
  ['SpecReplicasPath', 'specReplicasPath', goString],
  ['StatusReplicasPath', 'statusReplicasPath', goString],
  ['LabelSelectorPath', 'labelSelectorPath', goAny],
)

const goColumn = goStruct(
  ['Name', 'name', goString],
  ['Type', 'type', goString],
  ['Format', 'format', goString],
  ['Description', 'description', goString],
  ['Priority', 'priority', goInt],
  ['JSONPath', 'jsonPath', goString],
)

/** @see apiextensions-apiserver pkg/apis/apiextensions/types.go CustomResourceDefinitionVersion */
export const goVersions: GoType = goList(
  goStruct(
    ['Name', 'name', goString],
    ['Served', 'served', goBool],
    ['Storage', 'storage', goBool],
    ['Deprecated', 'deprecated', goBool],
    ['DeprecationWarning', 'deprecationWarning', goAny],
    ['Schema', 'schema', goPointer(goStruct(['OpenAPIV3Schema', 'openAPIV3Schema', goPointer(inner)]))],
    [
      'Subresources',
      'subresources',
      goPointer(goStruct(['Status', 'status', goPointer(() => ({}))], ['Scale', 'scale', goPointer(goScale)])),
    ],
    ['AdditionalPrinterColumns', 'additionalPrinterColumns', goList(goColumn)],
    ['SelectableFields', 'selectableFields', goList(goStruct(['JSONPath', 'jsonPath', goString]))],
  ),
)
