import type { FieldError } from '../../apimachinery/field-error.ts'
import { forbidden, invalid, required, tooLong } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import type { Secret } from '../../apimachinery/types/core-v1.ts'
import { goJsonObjectError } from '../../apimachinery/validation/go-json.ts'
import { invalidEach, isConfigMapKey } from '../../apimachinery/validation/names.ts'
import { nameIsDNSSubdomain, validateImmutableField } from '../../apimachinery/validation/object-meta.ts'
import { defineResource } from '../resource.ts'
import { age, ageColumn, column, nameColumn } from '../table-cells.ts'
import { base64Length } from './base64.ts'
import { IMMUTABLE_SET_MESSAGE, MAX_DATA_BYTES, sameValues } from './config-map.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from './core-object-meta.ts'
import { keyPairError } from './tls-key-pair.ts'

const METADATA = FieldPath.of('metadata')
const DATA = FieldPath.of('data')
const SERVICE_ACCOUNT_NAME = 'kubernetes.io/service-account.name'

/** Moves stringData, which only writers use, into data. */
function setDefaults(secret: Secret): void {
  if (secret.stringData) {
    const encoded = Object.entries(secret.stringData).map(([key, text]) => [key, Buffer.from(text).toString('base64')])
    secret.data = { ...secret.data, ...(Object.fromEntries(encoded) as Record<string, string>) }
    delete secret.stringData
  }
  secret.type ||= 'Opaque'
}

function validateSecret(secret: Secret): FieldError[] {
  const { data = {} } = secret
  const errors = validateObjectMeta(secret.metadata, true, nameIsDNSSubdomain, METADATA)
  let bytes = 0
  for (const key in data) {
    errors.push(...invalidEach(DATA.key(key), key, isConfigMapKey(key)))
    bytes += base64Length(data[key]!)
  }
  if (bytes > MAX_DATA_BYTES) errors.push(tooLong(DATA, MAX_DATA_BYTES))
  return errors.concat(validateForType(secret, data))
}

/** What each of the known types must hold; other types are the client's own. */
function validateForType(secret: Secret, data: Readonly<Record<string, string>>): FieldError[] {
  const missing = (...keys: readonly string[]): FieldError[] =>
    keys.filter((key) => data[key] === undefined).map((key) => required(DATA.key(key), ''))
  switch (secret.type) {
    case 'kubernetes.io/service-account-token':
      return secret.metadata.annotations?.[SERVICE_ACCOUNT_NAME]
        ? []
        : [required(METADATA.child('annotations').key(SERVICE_ACCOUNT_NAME), '')]
    case 'kubernetes.io/dockercfg':
      return validateJson(data, '.dockercfg')
    case 'kubernetes.io/dockerconfigjson':
      return validateJson(data, '.dockerconfigjson')
    case 'kubernetes.io/basic-auth': {
      const both = missing('username', 'password')
      return both.length === 2 ? both : []
    }
    case 'kubernetes.io/ssh-auth':
      return data['ssh-privatekey'] ? [] : [required(DATA.key('ssh-privatekey'), '')]
    case 'kubernetes.io/tls':
      return missing('tls.crt', 'tls.key')
    default:
      return []
  }
}

function validateJson(data: Readonly<Record<string, string>>, key: string): FieldError[] {
  const encoded = data[key]
  if (encoded === undefined) return [required(DATA.key(key), '')]
  const problem = goJsonObjectError(Buffer.from(encoded, 'base64'))
  return problem === undefined ? [] : [invalid(DATA.key(key), '<secret contents redacted>', problem)]
}

function validateSecretUpdate(secret: Secret, old: Secret): FieldError[] {
  const errors = validateObjectMetaUpdate(secret.metadata, old.metadata, METADATA)
  errors.push(...validateImmutableField(secret.type ?? '', old.type ?? '', FieldPath.of('type')))
  if (old.immutable) {
    if (!secret.immutable) errors.push(forbidden(FieldPath.of('immutable'), IMMUTABLE_SET_MESSAGE))
    if (!sameValues(secret.data, old.data)) errors.push(forbidden(DATA, IMMUTABLE_SET_MESSAGE))
  }
  errors.push(...validateSecret(secret))
  return errors
}

function warnings(secret: Secret): string[] {
  if (secret.type !== 'kubernetes.io/tls') return []
  const decoded = (key: string): string => Buffer.from(secret.data?.[key] ?? '', 'base64').toString('latin1')
  const problem = keyPairError(decoded('tls.crt'), decoded('tls.key'))
  return problem === undefined ? [] : [problem]
}

/** @see kubernetes pkg/registry/core/secret/strategy.go */
export const secrets = defineResource<Secret>({
  group: '',
  resource: 'secrets',
  hubVersion: 'v1',
  defaults: setDefaults,
  strategy: {
    validate: validateSecret,
    warningsOnCreate: warnings,
    validateUpdate: validateSecretUpdate,
    warningsOnUpdate: warnings,
  },
  selectableFields: (secret) => ({ type: secret.type ?? '' }),
  table: {
    columns: [nameColumn, column('Type'), column('Data'), ageColumn],
    cells: (secret, now) => [
      secret.metadata.name ?? '',
      secret.type ?? '',
      Object.keys(secret.data ?? {}).length,
      age(secret, now),
    ],
  },
})
