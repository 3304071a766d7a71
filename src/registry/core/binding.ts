import type { FieldError } from '../../apimachinery/field-error.ts'
import { notSupported, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import type { Binding } from '../../apimachinery/types/core-v1.ts'
import { defineResource } from '../resource.ts'

/** @see kubernetes pkg/apis/core/validation/validation.go ValidatePodBinding */
export function validatePodBinding(binding: Binding): FieldError[] {
  const { kind = '', name = '' } = binding.target ?? {}
  const errors: FieldError[] = []
  if (kind !== '' && kind !== 'Node') {
    errors.push(notSupported(FieldPath.of('target', 'kind'), kind, ['Node', '<empty>']))
  }
  if (name === '') errors.push(required(FieldPath.of('target', 'name'), ''))
  return errors
}

/** Create-only and never stored: a binding does to the pod of its name what `pods/binding` does. */
export const bindings = defineResource<Binding>({
  group: '',
  resource: 'bindings',
  hubVersion: 'v1',
  strategy: { validate: validatePodBinding, validateUpdate: validatePodBinding },
})
