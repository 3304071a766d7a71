import type { FieldError } from '../../apimachinery/field-error.ts'
import { forbidden, invalid, tooLong } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import type { ConfigMap } from '../../apimachinery/types/core-v1.ts'
import { byteLength, invalidEach, isConfigMapKey } from '../../apimachinery/validation/names.ts'
import { nameIsDNSSubdomain } from '../../apimachinery/validation/object-meta.ts'
import { defineResource } from '../resource.ts'
import { age, ageColumn, column, nameColumn } from '../table-cells.ts'
import { base64Length } from './base64.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from './core-object-meta.ts'

/** Of all values of a ConfigMap or Secret together, decoded. */
export const MAX_DATA_BYTES = 1024 * 1024

/** What changing an object reads that says it is never to change. */
export const IMMUTABLE_SET_MESSAGE = 'field is immutable when `immutable` is set'

const METADATA = FieldPath.of('metadata')
const DATA = FieldPath.of('data')
const BINARY_DATA = FieldPath.of('binaryData')

function validateConfigMap(configMap: ConfigMap): FieldError[] {
  const { data = {}, binaryData = {} } = configMap
  const errors = validateObjectMeta(configMap.metadata, true, nameIsDNSSubdomain, METADATA)
  let bytes = 0
  for (const key in data) {
    errors.push(...invalidEach(DATA.key(key), key, isConfigMapKey(key)))
    if (key in binaryData) errors.push(invalid(DATA.key(key), key, 'duplicate of key present in binaryData'))
    bytes += byteLength(data[key]!)
  }
  for (const key in binaryData) {
    errors.push(...invalidEach(BINARY_DATA.key(key), key, isConfigMapKey(key)))
    bytes += base64Length(binaryData[key]!)
  }
  if (bytes > MAX_DATA_BYTES) errors.push(tooLong(FieldPath.of(''), MAX_DATA_BYTES))
  return errors
}

function validateConfigMapUpdate(configMap: ConfigMap, old: ConfigMap): FieldError[] {
  const errors = validateObjectMetaUpdate(configMap.metadata, old.metadata, METADATA)
  if (old.immutable) {
    if (!configMap.immutable) errors.push(forbidden(FieldPath.of('immutable'), IMMUTABLE_SET_MESSAGE))
    if (!sameValues(configMap.data, old.data)) errors.push(forbidden(DATA, IMMUTABLE_SET_MESSAGE))
    if (!sameValues(configMap.binaryData, old.binaryData)) errors.push(forbidden(BINARY_DATA, IMMUTABLE_SET_MESSAGE))
  }
  errors.push(...validateConfigMap(configMap))
  return errors
}

type Values = Readonly<Record<string, string>> | undefined

/** Whether two maps of texts hold the same; none and an empty one do. */
export function sameValues(a: Values, b: Values): boolean {
  const keys = Object.keys(a ?? {})
  return keys.length === Object.keys(b ?? {}).length && keys.every((key) => a![key] === b![key])
}

/** @see kubernetes pkg/registry/core/configmap/strategy.go */
export const configMaps = defineResource<ConfigMap>({
  group: '',
  resource: 'configmaps',
  hubVersion: 'v1',
  strategy: { validate: validateConfigMap, validateUpdate: validateConfigMapUpdate },
  table: {
    columns: [nameColumn, column('Data'), ageColumn],
    cells: (configMap, now) => [
      configMap.metadata.name ?? '',
      Object.keys(configMap.data ?? {}).length + Object.keys(configMap.binaryData ?? {}).length,
      age(configMap, now),
    ],
  },
})
