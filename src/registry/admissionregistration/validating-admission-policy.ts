import { duplicate, type FieldError, invalid, notSupported, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goAny, goList, goString, goStruct, goStructValue } from '../../apimachinery/go-struct.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type {
  AuditAnnotation,
  ExpressionWarning,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicySpec,
  Validation,
} from '../../apimachinery/types/admissionregistration-v1.ts'
import { byteLength, invalidEach, isQualifiedName } from '../../apimachinery/validation/names.ts'
import {
  nameIsDNSSubdomain,
  validateConditions,
  validateObjectMeta,
} from '../../apimachinery/validation/object-meta.ts'
import { type AnyResourceEntry, defineResource, type Strategy, type UpdateStrategy } from '../resource.ts'
import { resetObjectMetaForStatus } from '../status-metadata.ts'
import { age, ageColumn, column, nameColumn } from '../table-cells.ts'
import type { ExpressionChecker } from './expression-checker.ts'
import { jsonPathProblem } from './json-path.ts'
import { expressionsOf, validateMatchConditions } from './match-conditions.ts'
import { checkPolicyExpression, type PolicyExpressions, validateVariables } from './policy-expressions.ts'
import {
  formatParamKind,
  setMatchResourcesDefaults,
  validateFailurePolicy,
  validateMatchConstraints,
  validateParamKind,
} from './policy-matching.ts'
import { staticSuffixWarnings, staticSuffixWarningsOnCreate, validateStaticSuffix } from './static-suffix.ts'

const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge']
const MAX_AUDIT_ANNOTATIONS = 20
const MAX_VALUE_EXPRESSION_BYTES = 5 * 1024
const NOTHING_TO_DO = 'validations or auditAnnotations must contain at least one item'

function setDefaults(policy: ValidatingAdmissionPolicy): void {
  policy.spec ??= {}
  policy.spec.failurePolicy ??= 'Fail'
  setMatchResourcesDefaults(policy.spec.matchConstraints)
}

/** Expressions of the stored policy, by place: those stay valid whatever newer rules say. */
interface Stored {
  readonly matchConditions: ReadonlySet<string>
  readonly validations: ReadonlySet<string>
  readonly messages: ReadonlySet<string>
  readonly auditValues: ReadonlySet<string>
}

function storedExpressions(spec: ValidatingAdmissionPolicySpec | undefined): Stored {
  const validations = spec?.validations ?? []
  return {
    matchConditions: new Set(expressionsOf(spec?.matchConditions)),
    validations: new Set(validations.map(({ expression }) => expression ?? '')),
    messages: new Set(validations.flatMap(({ messageExpression }) => messageExpression || [])),
    auditValues: new Set((spec?.auditAnnotations ?? []).map(({ valueExpression }) => valueExpression ?? '')),
  }
}

/** @see kubernetes pkg/apis/admissionregistration/validation/validation.go validateValidatingAdmissionPolicySpec */
function validatePolicy(
  policy: ValidatingAdmissionPolicy,
  old: ValidatingAdmissionPolicy | undefined,
  checker: ExpressionChecker,
): FieldError[] {
  const spec = policy.spec ?? {}
  const path = FieldPath.of('spec')
  const stored = storedExpressions(old?.spec)
  const hasParams = spec.paramKind !== undefined
  const expressions: PolicyExpressions = { checker, hasParams, variables: spec.variables?.length ? [] : undefined }
  const errors = [
    ...validateObjectMeta(policy.metadata, false, nameIsDNSSubdomain, FieldPath.of('metadata')),
    ...validateFailurePolicy(spec.failurePolicy, path.child('failurePolicy')),
    ...(spec.paramKind ? validateParamKind(spec.paramKind, path.child('paramKind')) : []),
    ...validateMatchConstraints(spec.matchConstraints, path.child('matchConstraints')),
  ]
  if (!old || !keepsMatchConditions(spec, old.spec ?? {})) {
    const options = { checker, hasParams, stored: stored.matchConditions }
    errors.push(...validateMatchConditions(spec.matchConditions, options, path.child('matchConditions')))
  }
  const variableOptions = { stored: stored.validations, path: path.child('variables') }
  errors.push(...validateVariables(spec.variables, expressions, variableOptions))
  if (!spec.validations?.length && !spec.auditAnnotations?.length) {
    errors.push(required(path.child('validations'), NOTHING_TO_DO))
    errors.push(required(path.child('auditAnnotations'), NOTHING_TO_DO))
    return errors
  }
  spec.validations?.forEach((validation, i) => {
    errors.push(...validateValidation(validation, expressions, { stored, path: path.child('validations').index(i) }))
  })
  return errors.concat(validateAuditAnnotations(policy, expressions, { stored, path: path.child('auditAnnotations') }))
}

const keepsMatchConditions = (spec: ValidatingAdmissionPolicySpec, old: ValidatingAdmissionPolicySpec): boolean =>
  semanticEqual(spec.paramKind, old.paramKind) && semanticEqual(spec.matchConditions, old.matchConditions)

interface Place {
  readonly stored: Stored
  readonly path: FieldPath
}

function validateValidation(validation: Validation, policy: PolicyExpressions, { stored, path }: Place): FieldError[] {
  const { expression = '', message = '', messageExpression = '', reason } = validation
  const errors: FieldError[] = []
  const expressionPath = path.child('expression')
  if (expression.trim() === '') errors.push(required(expressionPath, 'expression is not specified'))
  else {
    const place = { stored: stored.validations, path: expressionPath }
    errors.push(...checkPolicyExpression(policy, expression, 'validation', place))
  }
  const messagePath = path.child('messageExpression')
  if (messageExpression.trim() !== '') {
    const place = { stored: stored.messages, path: messagePath }
    errors.push(...checkPolicyExpression(policy, messageExpression, 'messageExpression', place))
  } else if (messageExpression !== '') {
    errors.push(invalid(messagePath, messageExpression, 'must be non-empty if specified'))
  }
  if (message !== '' && message.trim() === '') {
    errors.push(invalid(path.child('message'), message, 'must be non-empty if specified'))
  } else if (/[\n\r]/.test(message.trim())) {
    errors.push(invalid(path.child('message'), message, 'must not contain line breaks'))
  }
  if (reason !== undefined && !REASONS.includes(reason)) {
    errors.push(notSupported(path.child('reason'), reason, REASONS))
  }
  return errors
}

const goAuditAnnotations = goList(goStruct(['Key', 'key', goString], ['ValueExpression', 'valueExpression', goAny]))

function validateAuditAnnotations(
  { metadata, spec }: ValidatingAdmissionPolicy,
  policy: PolicyExpressions,
  { stored, path }: Place,
): FieldError[] {
  const annotations = spec?.auditAnnotations ?? []
  const errors: FieldError[] = []
  if (annotations.length > MAX_AUDIT_ANNOTATIONS) {
    const detail = `must not have more than ${MAX_AUDIT_ANNOTATIONS} auditAnnotations`
    errors.push(invalid(path, goStructValue(goAuditAnnotations, annotations), detail))
  }
  const keys = new Set<string>()
  annotations.forEach((annotation, i) => {
    const { key = '' } = annotation
    const at = path.index(i)
    errors.push(...validateAuditKey(metadata.name ?? '', key, at.child('key')))
    errors.push(...validateAuditValue(annotation, policy, { stored, path: at.child('valueExpression') }))
    if (keys.has(key)) errors.push(duplicate(at.child('key'), key))
    keys.add(key)
  })
  return errors
}

/** Audit annotations are named after the policy. */
function validateAuditKey(policyName: string, key: string, path: FieldPath): FieldError[] {
  if (policyName === '') return [invalid(path, key, 'requires metadata.name be non-empty')]
  const name = `${policyName}/${key}`
  return invalidEach(path, name, isQualifiedName(name))
}

function validateAuditValue(
  annotation: AuditAnnotation,
  policy: PolicyExpressions,
  { stored, path }: Place,
): FieldError[] {
  const expression = annotation.valueExpression ?? ''
  const trimmed = expression.trim()
  if (trimmed === '') return [required(path, 'valueExpression is not specified')]
  if (byteLength(trimmed) > MAX_VALUE_EXPRESSION_BYTES) {
    return [required(path, `must not exceed ${MAX_VALUE_EXPRESSION_BYTES} bytes in length`)]
  }
  return checkPolicyExpression(policy, expression, 'auditAnnotation', { stored: stored.auditValues, path })
}

/** @see kubernetes pkg/apis/admissionregistration/validation/validation.go validateValidatingAdmissionPolicyStatus */
function validateStatus({ status }: ValidatingAdmissionPolicy): FieldError[] {
  const path = FieldPath.of('status')
  const warningsPath = path.child('typeChecking', 'expressionWarnings')
  const warnings = status?.typeChecking?.expressionWarnings ?? []
  return [
    ...warnings.flatMap((warning, i) => validateExpressionWarning(warning, warningsPath.index(i))),
    ...validateConditions(status?.conditions, path.child('conditions')),
  ]
}

function validateExpressionWarning({ fieldRef = '', warning = '' }: ExpressionWarning, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  const ref = fieldRef.trim()
  if (warning === '') errors.push(required(path.child('warning'), ''))
  if (ref === '') return [...errors, required(path.child('fieldRef'), '')]
  const problem = jsonPathProblem(`{${ref}}`)
  return problem ? [...errors, invalid(path.child('fieldRef'), ref, `invalid JSONPath: ${problem}`)] : errors
}

function policyStrategy(checker: ExpressionChecker): Strategy<ValidatingAdmissionPolicy> {
  return {
    prepareForCreate(policy) {
      policy.status = {}
      policy.metadata.generation = 1
    },
    prepareForUpdate(policy, old) {
      policy.status = old.status
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

const statusStrategy: UpdateStrategy<ValidatingAdmissionPolicy> = {
  prepareForUpdate(policy, old) {
    policy.spec = old.spec
    resetObjectMetaForStatus(policy.metadata, old.metadata)
  },
  validateUpdate: validateStatus,
  warningsOnUpdate: ({ metadata }) => staticSuffixWarnings(metadata),
}

/** Whether the writer may read the parameters that a policy names is for authorization to judge. */
export function validatingAdmissionPolicies(checker: ExpressionChecker): AnyResourceEntry {
  return defineResource<ValidatingAdmissionPolicy>({
    group: 'admissionregistration.k8s.io',
    resource: 'validatingadmissionpolicies',
    hubVersion: 'v1',
    defaults: setDefaults,
    strategy: policyStrategy(checker),
    subresourceStrategies: { status: statusStrategy },
    table: {
      columns: [nameColumn, column('Validations', 'integer'), column('ParamKind'), ageColumn],
      cells: (policy, now) => [
        policy.metadata.name ?? '',
        policy.spec?.validations?.length ?? 0,
        formatParamKind(policy.spec?.paramKind),
        age(policy, now),
      ],
    },
  })
}
