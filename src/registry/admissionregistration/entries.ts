import type { AnyResourceEntry } from '../resource.ts'
import { acceptAnyExpression, type ExpressionChecker } from './expression-checker.ts'
import { mutatingAdmissionPolicies } from './mutating-admission-policy.ts'
import { mutatingAdmissionPolicyBindings } from './mutating-admission-policy-binding.ts'
import { mutatingWebhookConfigurations } from './mutating-webhook-configuration.ts'
import { validatingAdmissionPolicies } from './validating-admission-policy.ts'
import { validatingAdmissionPolicyBindings } from './validating-admission-policy-binding.ts'
import { validatingWebhookConfigurations } from './validating-webhook-configuration.ts'

/** admissionregistration.k8s.io, with `checker` judging the CEL expressions. */
function admissionregistrationEntriesWith(checker: ExpressionChecker): readonly AnyResourceEntry[] {
  return [
    mutatingAdmissionPolicies(checker),
    mutatingAdmissionPolicyBindings,
    mutatingWebhookConfigurations(checker),
    validatingAdmissionPolicies(checker),
    validatingAdmissionPolicyBindings,
    validatingWebhookConfigurations(checker),
  ]
}

/** admissionregistration.k8s.io, with any CEL expression let in. */
export const admissionregistrationEntries: readonly AnyResourceEntry[] =
  admissionregistrationEntriesWith(acceptAnyExpression)
