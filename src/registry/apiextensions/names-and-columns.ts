import { duplicate, type FieldError, invalid, required, tooMany } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinitionNames,
  CustomResourceSubresources,
  JSONSchemaProps,
  SelectableField,
} from '../../apimachinery/types/apiextensions-v1.ts'
import { isDNS1035Label } from '../../apimachinery/validation/names.ts'
import { resolveSchemaPath, SchemaPathError } from './schema-path.ts'

const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string']
const COLUMN_FORMATS = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password']
export const MAX_SELECTABLE_FIELDS = 8

/** @see apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go ValidateCustomResourceDefinitionNames */
export function validateNames(names: CustomResourceDefinitionNames | undefined, path: FieldPath): FieldError[] {
  const { plural = '', singular = '', kind = '', listKind = '', shortNames = [], categories = [] } = names ?? {}
  const errors = [
    ...validateLabel(plural, path.child('plural')),
    ...validateLabel(singular, path.child('singular')),
    ...validateKind(kind, path.child('kind')),
    ...validateKind(listKind, path.child('listKind')),
    ...shortNames.flatMap((name, i) => validateLabel(name, path.child('shortNames').index(i), true)),
  ]
  if (kind !== '' && kind === listKind) {
    errors.push(invalid(path.child('listKind'), listKind, 'kind and listKind may not be the same'))
  }
  return errors.concat(categories.flatMap((name, i) => validateLabel(name, path.child('categories').index(i), true)))
}

function validateLabel(name: string, path: FieldPath, isRequired = false): FieldError[] {
  const problems = name === '' && !isRequired ? [] : isDNS1035Label(name)
  return problems.length > 0 ? [invalid(path, name, problems.join(','))] : []
}

function validateKind(kind: string, path: FieldPath): FieldError[] {
  const problems = kind === '' ? [] : isDNS1035Label(kind.toLowerCase())
  if (problems.length === 0) return []
  return [invalid(path, kind, `may have mixed case, but should otherwise match: ${problems.join(',')}`)]
}

/** A column that `kubectl get` shows. */
export function validateColumn(column: CustomResourceColumnDefinition, path: FieldPath): FieldError[] {
  const { name = '', type = '', format = '', jsonPath = '' } = column
  const errors: FieldError[] = []
  if (name === '') errors.push(required(path.child('name'), ''))
  const types = `must be one of ${COLUMN_TYPES.join(',')}`
  if (type === '') errors.push(required(path.child('type'), types))
  else if (!COLUMN_TYPES.includes(type)) errors.push(invalid(path.child('type'), type, types))
  if (format !== '' && !COLUMN_FORMATS.includes(format)) {
    errors.push(invalid(path.child('format'), format, `must be one of ${COLUMN_FORMATS.join(',')}`))
  }
  const pathPath = path.child('JSONPath')
  if (jsonPath === '') errors.push(required(pathPath, ''))
  else errors.push(...validateSimpleJsonPath(jsonPath, pathPath))
  return errors
}

function validateSimpleJsonPath(text: string, path: FieldPath): FieldError[] {
  return text.startsWith('.') ? [] : [invalid(path, text, 'must be a simple json path starting with .')]
}

export function validateSubresources(
  subresources: CustomResourceSubresources | undefined,
  path: FieldPath,
): FieldError[] {
  const scale = subresources?.scale
  if (!scale) return []
  const at = (field: string): FieldPath => path.child(`scale.${field}`)
  const under = (text: string, prefix: string, field: string): FieldError[] => {
    if (text === '') return [required(at(field), '')]
    const errors = validateSimpleJsonPath(text, at(field))
    if (errors.length > 0 || text.startsWith(`${prefix}.`)) return errors
    return [invalid(at(field), text, `should be a json path under ${prefix}`)]
  }
  const errors = [
    ...under(scale.specReplicasPath ?? '', '.spec', 'specReplicasPath'),
    ...under(scale.statusReplicasPath ?? '', '.status', 'statusReplicasPath'),
  ]
  const selector = scale.labelSelectorPath
  if (!selector) return errors
  const problems = validateSimpleJsonPath(selector, at('labelSelectorPath'))
  if (problems.length > 0) return [...errors, ...problems]
  if (selector.startsWith('.spec.') || selector.startsWith('.status.')) return errors
  const detail = 'should be a json path under either .spec or .status'
  return [...errors, invalid(at('labelSelectorPath'), selector, detail)]
}

/** Fields that lists and watches may select by. */
export function validateSelectableFields(
  fields: readonly SelectableField[],
  schema: JSONSchemaProps,
  { allowTooMany }: { readonly allowTooMany: boolean },
  path: FieldPath,
): FieldError[] {
  const errors: FieldError[] = []
  const seen = new Set<string>()
  fields.forEach(({ jsonPath = '' }, i) => {
    const at = path.index(i).child('jsonPath')
    if (jsonPath === '') {
      errors.push(required(at, ''))
      return
    }
    try {
      const found = resolveSchemaPath(jsonPath, schema, { allowArrayNotation: false })
      if (found.root === 'metadata') errors.push(invalid(at, jsonPath, 'must not point to fields in metadata'))
      if (!['string', 'boolean', 'integer'].includes(found.schema?.type ?? '')) {
        const detail =
          'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.'
        errors.push(invalid(at, jsonPath, detail))
      }
      if (seen.has(found.text)) errors.push(duplicate(at, jsonPath))
      seen.add(found.text)
    } catch (error) {
      if (!(error instanceof SchemaPathError)) throw error
      errors.push(invalid(at, jsonPath, `is an invalid path: ${error.message}`))
    }
  })
  if (seen.size > MAX_SELECTABLE_FIELDS && !allowTooMany) {
    errors.push(tooMany(path, seen.size, MAX_SELECTABLE_FIELDS))
  }
  return errors
}
