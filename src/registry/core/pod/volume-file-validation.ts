import { invalid, required } from '../../../apimachinery/field-error.ts'
import type { FieldPath } from '../../../apimachinery/field-path.ts'
import type { DownwardAPIVolumeFile, KeyToPath } from '../../../apimachinery/types/core-v1.ts'
import { checkContainerResourceFieldSelector, checkObjectFieldSelector } from './downward-api-validation.ts'
import { checkFileMode, checkLocalNonReservedPath, checkRequired, type Errors } from './field-checks.ts'

/** Items of secret, config map and their projections. */
export function checkKeyToPath(errors: Errors, item: KeyToPath, path: FieldPath): void {
  checkRequired(errors, item.key, path, 'key')
  checkRequired(errors, item.path, path, 'path')
  checkLocalNonReservedPath(errors, item.path ?? '', path.child('path'))
  checkFileMode(errors, item.mode, path, 'mode')
}

/** A file of a downward API volume or projection. */
export function checkDownwardAPIVolumeFile(errors: Errors, file: DownwardAPIVolumeFile, path: FieldPath): void {
  checkRequired(errors, file.path, path, 'path')
  checkLocalNonReservedPath(errors, file.path ?? '', path.child('path'))
  if (file.fieldRef) {
    checkObjectFieldSelector(errors, file.fieldRef, 'volume', path.child('fieldRef'))
    if (file.resourceFieldRef) {
      errors.push(invalid(path, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'))
    }
  } else if (file.resourceFieldRef) {
    checkContainerResourceFieldSelector(errors, file.resourceFieldRef, 'volume', path.child('resourceFieldRef'))
  } else errors.push(required(path, 'one of fieldRef and resourceFieldRef is required'))
  checkFileMode(errors, file.mode, path, 'mode')
}
