import { type FieldError, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type {
  MutatingAdmissionPolicyBinding,
  ValidatingAdmissionPolicyBinding,
} from '../../apimachinery/types/admissionregistration-v1.ts'
import { invalidEach } from '../../apimachinery/validation/names.ts'
import { nameIsDNSSubdomain, validateObjectMeta } from '../../apimachinery/validation/object-meta.ts'
import type { Strategy, TableDefinition } from '../resource.ts'
import { age, ageColumn, column, nameColumn } from '../table-cells.ts'
import {
  formatParamRef,
  setMatchResourcesDefaults,
  validateMatchResources,
  validateParamRef,
} from './policy-matching.ts'
import { staticSuffixWarnings, staticSuffixWarningsOnCreate, validateStaticSuffix } from './static-suffix.ts'

type PolicyBinding = ValidatingAdmissionPolicyBinding | MutatingAdmissionPolicyBinding

export function setBindingDefaults(binding: PolicyBinding): void {
  setMatchResourcesDefaults(binding.spec?.matchResources)
}

/** What both kinds of bindings have: the policy, its parameters and what it applies to. */
export function validateBinding(binding: PolicyBinding): FieldError[] {
  const path = FieldPath.of('spec')
  const { policyName = '', paramRef, matchResources } = binding.spec ?? {}
  const namePath = path.child('policyName')
  return [
    ...validateObjectMeta(binding.metadata, false, nameIsDNSSubdomain, FieldPath.of('metadata')),
    ...(policyName === ''
      ? [required(namePath, '')]
      : invalidEach(namePath, policyName, nameIsDNSSubdomain(policyName, false))),
    ...validateParamRef(paramRef, path.child('paramRef')),
    ...validateMatchResources(matchResources, path.child('matchResources')),
  ]
}

/** Whether the writer may read the parameters that a binding names is for authorization to judge. */
export function bindingStrategy<T extends PolicyBinding>(validate: (binding: T) => FieldError[]): Strategy<T> {
  return {
    prepareForCreate(binding) {
      binding.metadata.generation = 1
    },
    prepareForUpdate(binding, old) {
      if (!semanticEqual(old.spec, binding.spec)) binding.metadata.generation = (old.metadata.generation ?? 0) + 1
    },
    validate: (binding, context) => [...validate(binding), ...validateStaticSuffix(binding.metadata, context)],
    validateUpdate: validate,
    warningsOnCreate: ({ metadata }, context) => staticSuffixWarningsOnCreate(metadata, context),
    warningsOnUpdate: ({ metadata }) => staticSuffixWarnings(metadata),
  }
}

export const bindingTable: TableDefinition<PolicyBinding> = {
  columns: [nameColumn, column('PolicyName'), column('ParamRef'), ageColumn],
  cells: (binding, now) => [
    binding.metadata.name ?? '',
    binding.spec?.policyName ?? '',
    formatParamRef(binding.spec?.paramRef),
    age(binding, now),
  ],
}
