import { type FieldError, invalid, notSupported, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicySpec,
  Mutation,
} from '../../apimachinery/types/admissionregistration-v1.ts'
import { nameIsDNSSubdomain, validateObjectMeta } from '../../apimachinery/validation/object-meta.ts'
import { type AnyResourceEntry, defineResource, type Strategy } from '../resource.ts'
import { age, ageColumn, column, nameColumn } from '../table-cells.ts'
import type { ExpressionChecker } from './expression-checker.ts'
import { expressionsOf, validateMatchConditions } from './match-conditions.ts'
import { checkPolicyExpression, type PolicyExpressions, validateVariables } from './policy-expressions.ts'
import {
  formatParamKind,
  setMatchResourcesDefaults,
  validateFailurePolicy,
  validateMatchConstraints,
  validateMutatingOperations,
  validateParamKind,
} from './policy-matching.ts'
import { sameFieldsAsV1 } from './served-versions.ts'
import { staticSuffixWarnings, staticSuffixWarningsOnCreate, validateStaticSuffix } from './static-suffix.ts'

const REINVOCATION_POLICIES = ['IfNeeded', 'Never']
const PATCH_TYPES = ['ApplyConfiguration', 'JSONPatch']
const NONE: ReadonlySet<string> = new Set()

function setDefaults(policy: MutatingAdmissionPolicy): void {
  policy.spec ??= {}
  policy.spec.failurePolicy ??= 'Fail'
  setMatchResourcesDefaults(policy.spec.matchConstraints)
}

/** @see kubernetes pkg/apis/admissionregistration/validation/validation.go validateMutatingAdmissionPolicySpec */
function validatePolicy(
  policy: MutatingAdmissionPolicy,
  old: MutatingAdmissionPolicy | undefined,
  checker: ExpressionChecker,
): FieldError[] {
  const spec = policy.spec ?? {}
  const path = FieldPath.of('spec')
  const hasParams = spec.paramKind !== undefined
  const expressions: PolicyExpressions = { checker, hasParams, variables: [] }
  const matchPath = path.child('matchConstraints')
  const errors = [
    ...validateObjectMeta(policy.metadata, false, nameIsDNSSubdomain, FieldPath.of('metadata')),
    ...validateFailurePolicy(spec.failurePolicy, path.child('failurePolicy')),
    ...(spec.paramKind ? validateParamKind(spec.paramKind, path.child('paramKind')) : []),
    ...validateMatchConstraints(spec.matchConstraints, matchPath),
    ...validateMutatingOperations(spec.matchConstraints, matchPath),
  ]
  if (!old || !keepsMatchConditions(spec, old.spec ?? {})) {
    const options = { checker, hasParams, stored: new Set(expressionsOf(old?.spec?.matchConditions)) }
    errors.push(...validateMatchConditions(spec.matchConditions, options, path.child('matchConditions')))
  }
  errors.push(...validateVariables(spec.variables, expressions, { stored: NONE, path: path.child('variables') }))
  const stored = new Set((old?.spec?.mutations ?? []).flatMap(({ applyConfiguration: a }) => a?.expression ?? []))
  if (!spec.mutations?.length) {
    errors.push(required(path.child('mutations'), 'mutations must contain at least one item'))
  }
  spec.mutations?.forEach((mutation, i) => {
    errors.push(...validateMutation(mutation, expressions, { stored, path: path.child('mutations').index(i) }))
  })
  return errors.concat(validateReinvocationPolicy(spec.reinvocationPolicy ?? '', path.child('reinvocationPolicy')))
}

const keepsMatchConditions = (spec: MutatingAdmissionPolicySpec, old: MutatingAdmissionPolicySpec): boolean =>
  semanticEqual(spec.paramKind, old.paramKind) && semanticEqual(spec.matchConditions, old.matchConditions)

function validateReinvocationPolicy(policy: string, path: FieldPath): FieldError[] {
  if (policy === '') return [required(path, '')]
  return REINVOCATION_POLICIES.includes(policy) ? [] : [notSupported(path, policy, REINVOCATION_POLICIES)]
}

interface Place {
  readonly stored: ReadonlySet<string>
  readonly path: FieldPath
}

function validateMutation(mutation: Mutation, policy: PolicyExpressions, { stored, path }: Place): FieldError[] {
  const { patchType = '' } = mutation
  if (patchType === '') return [required(path.child('patchType'), '')]
  if (!PATCH_TYPES.includes(patchType)) return [notSupported(path.child('patchType'), patchType, PATCH_TYPES)]
  const [own, other] =
    patchType === 'JSONPatch'
      ? (['jsonPatch', 'applyConfiguration'] as const)
      : (['applyConfiguration', 'jsonPatch'] as const)
  const errors: FieldError[] = []
  const patch = mutation[own]
  if (!patch) errors.push(required(path.child(own), `must be specified when patchType is ${patchType}`))
  else {
    const expression = (patch.expression ?? '').trim()
    const expressionPath = path.child(own, 'expression')
    if (expression === '') errors.push(required(expressionPath, ''))
    else errors.push(...checkPolicyExpression(policy, expression, own, { stored, path: expressionPath }))
  }
  if (mutation[other]) {
    errors.push(invalid(path.child(other), `{${other}}`, `must not be specified when patchType is ${patchType}`))
  }
  return errors
}

function policyStrategy(checker: ExpressionChecker): Strategy<MutatingAdmissionPolicy> {
  return {
    prepareForCreate(policy) {
      policy.metadata.generation = 1
    },
    prepareForUpdate(policy, old) {
      if (!semanticEqual(old.spec, policy.spec)) policy.metadata.generation = (old.metadata.generation ?? 0) + 1
    },
    validate: (policy, context) => [
      ...validatePolicy(policy, undefined, checker),
      ...validateStaticSuffix(policy.metadata, context),
    ],
    validateUpdate: (policy, old) => validatePolicy(policy, old, checker),
    warningsOnCreate: ({ metadata }, context) => staticSuffixWarningsOnCreate(metadata, context),
    warningsOnUpdate: ({ metadata }) => staticSuffixWarnings(metadata),
  }
}

/** Whether the writer may read the parameters that a policy names is for authorization to judge. */
export function mutatingAdmissionPolicies(checker: ExpressionChecker): AnyResourceEntry {
  return defineResource<MutatingAdmissionPolicy>({
    group: 'admissionregistration.k8s.io',
    resource: 'mutatingadmissionpolicies',
    hubVersion: 'v1',
    defaults: setDefaults,
    strategy: policyStrategy(checker),
    views: [sameFieldsAsV1('v1beta1'), sameFieldsAsV1('v1alpha1')],
    table: {
      columns: [nameColumn, column('Mutations', 'integer'), column('ParamKind'), ageColumn],
      cells: (policy, now) => [
        policy.metadata.name ?? '',
        policy.spec?.mutations?.length ?? 0,
        formatParamKind(policy.spec?.paramKind),
        age(policy, now),
      ],
    },
  })
}
