import { invalid, required } from '../../../apimachinery/field-error.ts'
import type { FieldPath } from '../../../apimachinery/field-path.ts'
import type { EnvFromSource, EnvVar, EnvVarSource, FileKeySelector } from '../../../apimachinery/types/core-v1.ts'
import { isConfigMapKey, isRelaxedEnvVarName } from '../../../apimachinery/validation/names.ts'
import { nameIsDNSSubdomain } from '../../../apimachinery/validation/object-meta.ts'
import { checkContainerResourceFieldSelector, checkObjectFieldSelector } from './downward-api-validation.ts'
import { addInvalid, checkDNS1123Label, checkNoBacksteps, type Errors } from './field-checks.ts'
import type { PodValidationOptions } from './pod-validation-options.ts'

const TOO_MANY_SOURCES = 'may not have more than one field specified at a time'

/** Environment variables of a container. */
export function checkEnv(
  errors: Errors,
  vars: readonly EnvVar[] | undefined,
  path: FieldPath,
  options: PodValidationOptions,
): void {
  for (const [i, { name = '', value, valueFrom }] of (vars ?? []).entries()) {
    const messages = isRelaxedEnvVarName(name)
    if (name === '') errors.push(required(path.index(i).child('name'), ''))
    else if (messages.length > 0) addInvalid(errors, path.index(i).child('name'), name, messages)
    if (valueFrom) checkValueFrom(errors, valueFrom, value ?? '', path.index(i).child('valueFrom'), options)
  }
}

function checkValueFrom(
  errors: Errors,
  source: EnvVarSource,
  value: string,
  path: FieldPath,
  options: PodValidationOptions,
): void {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source
  if (fieldRef) checkObjectFieldSelector(errors, fieldRef, 'env', path.child('fieldRef'))
  if (resourceFieldRef) {
    checkContainerResourceFieldSelector(errors, resourceFieldRef, 'env', path.child('resourceFieldRef'))
  }
  if (configMapKeyRef) checkKeySelector(errors, configMapKeyRef, path.child('configMapKeyRef'))
  if (secretKeyRef) checkKeySelector(errors, secretKeyRef, path.child('secretKeyRef'))
  if (fileKeyRef) checkFileKeySelector(errors, fileKeyRef, path.child('fileKeyRef'))
  const sources = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef].filter(Boolean).length
  if (sources === 0) {
    const names = options.allowEnvFilesValidation
      ? '`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`'
      : '`fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`'
    errors.push(invalid(path, '', `must specify one of: ${names}`))
  } else if (value !== '') errors.push(invalid(path, '', 'may not be specified when `value` is not empty'))
  else if (sources > 1) errors.push(invalid(path, '', TOO_MANY_SOURCES))
}

function checkKeySelector(errors: Errors, selector: { name?: string; key?: string }, path: FieldPath): void {
  const { name = '', key = '' } = selector
  addInvalid(errors, path.child('name'), name, nameIsDNSSubdomain(name, false))
  if (key === '') errors.push(required(path.child('key'), ''))
  else addInvalid(errors, path.child('key'), key, isConfigMapKey(key))
}

function checkFileKeySelector(errors: Errors, selector: FileKeySelector, path: FieldPath): void {
  const { key = '', volumeName = '', path: file = '' } = selector
  if (key === '') errors.push(required(path.child('key'), ''))
  else addInvalid(errors, path.child('key'), key, isRelaxedEnvVarName(key))
  if (volumeName === '') errors.push(required(path.child('volumeName'), ''))
  else checkDNS1123Label(errors, volumeName, path.child('volumeName'))
  if (file === '') errors.push(required(path.child('path'), ''))
  else checkNoBacksteps(errors, file, path.child('path'))
}

/** Whole config maps and secrets that become variables. */
export function checkEnvFrom(errors: Errors, sources: readonly EnvFromSource[] | undefined, path: FieldPath): void {
  for (const [i, { prefix, configMapRef, secretRef }] of (sources ?? []).entries()) {
    const own = path.index(i)
    if (prefix) addInvalid(errors, own.child('prefix'), prefix, isRelaxedEnvVarName(prefix))
    if (configMapRef) checkSourceName(errors, configMapRef.name, own.child('configMapRef', 'name'))
    if (secretRef) checkSourceName(errors, secretRef.name, own.child('secretRef', 'name'))
    if (!configMapRef && !secretRef) {
      errors.push(invalid(path, '', 'must specify one of: `configMapRef` or `secretRef`'))
    } else if (configMapRef && secretRef) errors.push(invalid(path, '', TOO_MANY_SOURCES))
  }
}

function checkSourceName(errors: Errors, name: string | undefined, path: FieldPath): void {
  if (name) addInvalid(errors, path, name, nameIsDNSSubdomain(name, true))
  else errors.push(required(path, ''))
}
