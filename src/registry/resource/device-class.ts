import { type FieldError, invalid } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { DeviceClass } from '../../apimachinery/types/resource-v1.ts'
import { isLongName, isQualifiedName } from '../../apimachinery/validation/names.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from '../core/core-object-meta.ts'
import { type AnyResourceEntry, defineResource } from '../resource.ts'
import { age, ageColumn, nameColumn } from '../table-cells.ts'
import { validateSlice } from './collections.ts'
import { MAX_CONFIGS, validateDeviceConfiguration, validateSelectors } from './device-config.ts'
import type { DeviceEnvironment } from './device-environment.ts'

const METADATA = FieldPath.of('metadata')
const SPEC = FieldPath.of('spec')

function validateMetadata({ metadata }: DeviceClass): FieldError[] {
  return validateObjectMeta(metadata, false, isLongName, METADATA)
}

/** @see kubernetes pkg/apis/resource/validation/validation.go validateDeviceClassSpec */
function validateSpec(
  { spec }: DeviceClass,
  old: DeviceClass | undefined,
  environment: DeviceEnvironment,
): FieldError[] {
  const sameSelectors = old !== undefined && semanticEqual(spec?.selectors, old.spec?.selectors)
  const sameConfig = old !== undefined && semanticEqual(spec?.config, old.spec?.config)
  const errors = [
    ...validateSelectors(spec?.selectors, { environment, isStored: sameSelectors }, SPEC.child('selectors')),
    ...validateSlice(
      spec?.config,
      MAX_CONFIGS,
      (config, path) => validateDeviceConfiguration(config, sameConfig, path),
      SPEC.child('config'),
    ),
  ]
  const name = spec?.extendedResourceName
  if (name === undefined || isExtendedResourceName(name)) return errors
  return [...errors, invalid(SPEC.child('extendedResourceName'), name, 'must be a valid extended resource name')]
}

/** @see kubernetes pkg/apis/core/v1/helper/helpers.go IsExtendedResourceName */
function isExtendedResourceName(name: string): boolean {
  if (!name.includes('/') || name.includes('kubernetes.io/') || name.startsWith('requests.')) return false
  return isQualifiedName(`requests.${name}`).length === 0
}

export function deviceClasses(environment: DeviceEnvironment): AnyResourceEntry {
  return defineResource<DeviceClass>({
    group: 'resource.k8s.io',
    resource: 'deviceclasses',
    hubVersion: 'v1',
    deletion: { returnsObject: true },
    strategy: {
      prepareForCreate(deviceClass) {
        deviceClass.metadata.generation = 1
      },
      prepareForUpdate(deviceClass, old) {
        if (semanticEqual(old.spec, deviceClass.spec)) return
        deviceClass.metadata.generation = (old.metadata.generation ?? 0) + 1
      },
      validate: (deviceClass) => [
        ...validateMetadata(deviceClass),
        ...validateSpec(deviceClass, undefined, environment),
      ],
      validateUpdate: (deviceClass, old) => [
        ...validateMetadata(deviceClass),
        ...validateObjectMetaUpdate(deviceClass.metadata, old.metadata, METADATA),
        ...validateSpec(deviceClass, old, environment),
      ],
    },
    table: {
      columns: [nameColumn, ageColumn],
      cells: (deviceClass, now) => [deviceClass.metadata.name ?? '', age(deviceClass, now)],
    },
  })
}
