import type { FieldError } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import type { MutatingAdmissionPolicyBinding } from '../../apimachinery/types/admissionregistration-v1.ts'
import { defineResource } from '../resource.ts'
import { bindingStrategy, bindingTable, setBindingDefaults, validateBinding } from './policy-binding.ts'
import { validateMutatingOperations } from './policy-matching.ts'
import { sameFieldsAsV1 } from './served-versions.ts'

const validate = (binding: MutatingAdmissionPolicyBinding): FieldError[] => [
  ...validateBinding(binding),
  ...validateMutatingOperations(binding.spec?.matchResources, FieldPath.of('spec', 'matchResources')),
]

export const mutatingAdmissionPolicyBindings = defineResource<MutatingAdmissionPolicyBinding>({
  group: 'admissionregistration.k8s.io',
  resource: 'mutatingadmissionpolicybindings',
  hubVersion: 'v1',
  defaults: setBindingDefaults,
  strategy: bindingStrategy(validate),
  views: [sameFieldsAsV1('v1beta1'), sameFieldsAsV1('v1alpha1')],
  table: bindingTable,
})
