import { duplicate, type FieldError, invalid, notSupported, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import type { ValidatingAdmissionPolicyBinding } from '../../apimachinery/types/admissionregistration-v1.ts'
import { defineResource } from '../resource.ts'
import { bindingStrategy, bindingTable, setBindingDefaults, validateBinding } from './policy-binding.ts'

/** Sorted, as the message lists them. */
const ACTIONS = ['Audit', 'Deny', 'Warn']
const DENY_AND_WARN =
  'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)'

/** @see kubernetes pkg/apis/admissionregistration/validation/validation.go validateValidationActions */
function validateActions(actions: readonly string[], path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  const seen = new Set<string>()
  actions.forEach((action, i) => {
    if (!ACTIONS.includes(action)) errors.push(notSupported(path.index(i), action, ACTIONS))
    if (seen.has(action)) errors.push(duplicate(path.index(i), action))
    seen.add(action)
  })
  if (seen.has('Deny') && seen.has('Warn')) errors.push(invalid(path, actions, DENY_AND_WARN))
  if (seen.size === 0) errors.push(required(path, 'at least one validation action is required'))
  return errors
}

const validate = (binding: ValidatingAdmissionPolicyBinding): FieldError[] => [
  ...validateBinding(binding),
  ...validateActions(binding.spec?.validationActions ?? [], FieldPath.of('spec', 'validationActions')),
]

export const validatingAdmissionPolicyBindings = defineResource<ValidatingAdmissionPolicyBinding>({
  group: 'admissionregistration.k8s.io',
  resource: 'validatingadmissionpolicybindings',
  hubVersion: 'v1',
  defaults: setBindingDefaults,
  strategy: bindingStrategy(validate),
  table: bindingTable,
})
