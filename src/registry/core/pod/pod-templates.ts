import type { FieldError } from '../../../apimachinery/field-error.ts'
import { FieldPath } from '../../../apimachinery/field-path.ts'
import type { PodTemplate } from '../../../apimachinery/types/core-v1.ts'
import { nameIsDNSSubdomain } from '../../../apimachinery/validation/object-meta.ts'
import { defineResource } from '../../resource.ts'
import { column, containerImages, containerNames, formatLabels, nameColumn } from '../../table-cells.ts'
import { checkObjectMeta, checkObjectMetaUpdate } from './field-checks.ts'
import { mirrorServiceAccount, setPodTemplateDefaults } from './pod-defaults.ts'
import { dropDisabledTemplateFields } from './pod-disabled-fields.ts'
import { podValidationOptionsFromPodTemplate, validatePodTemplateSpec } from './pod-spec-validation.ts'
import { warningsForPodTemplate } from './pod-warnings.ts'
import { specEqual } from './spec-equal.ts'

const METADATA = FieldPath.of('metadata')
const TEMPLATE = FieldPath.of('template')

/**
 * Pod templates that stand for themselves.
 *
 * @see kubernetes pkg/registry/core/podtemplate/strategy.go
 */
export const podTemplates = defineResource<PodTemplate>({
  group: '',
  resource: 'podtemplates',
  hubVersion: 'v1',
  deletion: { returnsObject: true },
  defaults(obj) {
    if (obj.template) setPodTemplateDefaults(obj.template)
  },
  strategy: {
    prepareForCreate(obj, { config }) {
      obj.metadata ??= {}
      obj.metadata.generation = 1
      dropDisabledTemplateFields(obj.template, undefined, config)
    },
    validate(obj, { config }) {
      const errors: FieldError[] = []
      checkObjectMeta(errors, obj.metadata ?? {}, nameIsDNSSubdomain, METADATA)
      const options = podValidationOptionsFromPodTemplate(obj.template, undefined, config)
      errors.push(...validatePodTemplateSpec(obj.template, TEMPLATE, options))
      return errors
    },
    warningsOnCreate: (obj, { config }) => warningsForPodTemplate(TEMPLATE, obj.template, undefined, config),
    prepareForUpdate(obj, old, { config }) {
      dropDisabledTemplateFields(obj.template, old.template, config)
      if (specEqual(obj.template, old.template)) return
      obj.metadata ??= {}
      obj.metadata.generation = (old.metadata?.generation ?? 0) + 1
    },
    validateUpdate(obj, old, { config }) {
      const errors: FieldError[] = []
      checkObjectMetaUpdate(errors, obj.metadata ?? {}, old.metadata ?? {}, METADATA)
      const options = podValidationOptionsFromPodTemplate(obj.template, old.template, config)
      errors.push(...validatePodTemplateSpec(obj.template, TEMPLATE, options))
      return errors
    },
    warningsOnUpdate(obj, old, { config }) {
      if (obj.metadata?.generation === old.metadata?.generation) return []
      return warningsForPodTemplate(TEMPLATE, obj.template, old.template, config)
    },
    canonicalize(obj) {
      if (obj.template?.spec) mirrorServiceAccount(obj.template.spec)
    },
  },
  table: {
    columns: [nameColumn, column('Containers'), column('Images'), column('Pod Labels')],
    cells: ({ metadata, template }) => [
      metadata?.name ?? '',
      containerNames(template?.spec?.containers),
      containerImages(template?.spec?.containers),
      formatLabels(template?.metadata?.labels),
    ],
  },
})
