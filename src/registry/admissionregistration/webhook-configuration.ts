import { duplicate, type FieldError, invalid, notSupported, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from '../../apimachinery/types/admissionregistration-v1.ts'
import { invalidEach, isDNS1035Label, isFullyQualifiedName } from '../../apimachinery/validation/names.ts'
import {
  nameIsDNSSubdomain,
  validateLabelSelector,
  validateObjectMeta,
} from '../../apimachinery/validation/object-meta.ts'
import type { Strategy, TableDefinition } from '../resource.ts'
import { age, ageColumn, column, nameColumn } from '../table-cells.ts'
import { validateWebhookTarget } from '../webhook-client-config.ts'
import type { ExpressionChecker } from './expression-checker.ts'
import { expressionsOf, validateMatchConditions } from './match-conditions.ts'
import { setRuleDefaults, validateRuleWithOperations } from './rules.ts'
import { staticSuffixWarnings, staticSuffixWarningsOnCreate, validateStaticSuffix } from './static-suffix.ts'

type Webhook = ValidatingWebhook & Pick<MutatingWebhook, 'reinvocationPolicy'>
type WebhookConfiguration = ValidatingWebhookConfiguration | MutatingWebhookConfiguration

const FAILURE_POLICIES = ['Fail', 'Ignore']
const MATCH_POLICIES = ['Equivalent', 'Exact']
const SIDE_EFFECTS = ['None', 'NoneOnDryRun', 'Some', 'Unknown']
const NO_SIDE_EFFECTS = ['None', 'NoneOnDryRun']
const REINVOCATION_POLICIES = ['IfNeeded', 'Never']
const REVIEW_VERSIONS = ['v1', 'v1beta1']

/** @see kubernetes pkg/apis/admissionregistration/v1/defaults.go */
export function setWebhookDefaults(webhooks: readonly Webhook[] | undefined): void {
  for (const webhook of webhooks ?? []) {
    webhook.failurePolicy ??= 'Fail'
    webhook.matchPolicy ??= 'Equivalent'
    webhook.namespaceSelector ??= {}
    webhook.objectSelector ??= {}
    webhook.timeoutSeconds ??= 10
    if (webhook.clientConfig?.service) webhook.clientConfig.service.port ??= 443
    setRuleDefaults(webhook.rules)
  }
}

/** What a stored configuration does wrong already may stay wrong. */
interface Options {
  readonly checker: ExpressionChecker
  readonly ignoreMatchConditions: boolean
  readonly requireNoSideEffects: boolean
  readonly requireRecognizedReviewVersion: boolean
  readonly requireUniqueNames: boolean
  readonly allowInvalidLabelValueInSelector: boolean
  readonly storedExpressions: ReadonlySet<string>
}

const webhooksOf = (configuration: WebhookConfiguration): readonly Webhook[] => configuration.webhooks ?? []

function createOptions(checker: ExpressionChecker): Options {
  return {
    checker,
    ignoreMatchConditions: false,
    requireNoSideEffects: true,
    requireRecognizedReviewVersion: true,
    requireUniqueNames: true,
    allowInvalidLabelValueInSelector: false,
    storedExpressions: new Set(),
  }
}

function updateOptions(
  checker: ExpressionChecker,
  configuration: WebhookConfiguration,
  old: WebhookConfiguration,
): Options {
  const webhooks = webhooksOf(configuration)
  const oldWebhooks = webhooksOf(old)
  return {
    checker,
    ignoreMatchConditions:
      webhooks.length === oldWebhooks.length &&
      oldWebhooks.every((webhook, i) => semanticEqual(webhook.matchConditions, webhooks[i]!.matchConditions)),
    requireNoSideEffects: oldWebhooks.every(({ sideEffects }) => NO_SIDE_EFFECTS.includes(sideEffects)),
    requireRecognizedReviewVersion: oldWebhooks.every(
      ({ admissionReviewVersions: versions }) =>
        !versions?.length || versions.some((version) => REVIEW_VERSIONS.includes(version)),
    ),
    requireUniqueNames: new Set(oldWebhooks.map(({ name }) => name)).size === oldWebhooks.length,
    allowInvalidLabelValueInSelector: oldWebhooks.some(hasInvalidSelector),
    storedExpressions: new Set(oldWebhooks.flatMap(({ matchConditions }) => expressionsOf(matchConditions))),
  }
}

function hasInvalidSelector({ namespaceSelector, objectSelector }: Webhook): boolean {
  const path = FieldPath.of('webhooks')
  return [namespaceSelector, objectSelector].some((selector) => validateLabelSelector(selector, {}, path).length > 0)
}

/** @see kubernetes pkg/apis/admissionregistration/validation/validation.go validateValidatingWebhookConfiguration */
function validateConfiguration(configuration: WebhookConfiguration, options: Options): FieldError[] {
  const errors = validateObjectMeta(configuration.metadata, false, nameIsDNSSubdomain, FieldPath.of('metadata'))
  const names = new Set<string>()
  webhooksOf(configuration).forEach((webhook, i) => {
    const path = FieldPath.of('webhooks').index(i)
    const { name = '' } = webhook
    errors.push(...validateWebhook(webhook, options, path))
    errors.push(...validateReviewVersions(webhook, options, path.child('admissionReviewVersions')))
    if (!options.requireUniqueNames || name === '') return
    if (names.has(name)) errors.push(duplicate(path.child('name'), name))
    names.add(name)
  })
  return errors
}

function validateWebhook(webhook: Webhook, options: Options, path: FieldPath): FieldError[] {
  const { failurePolicy, matchPolicy, reinvocationPolicy, timeoutSeconds } = webhook
  const selectorOptions = { allowInvalidLabelValueInSelector: options.allowInvalidLabelValueInSelector }
  const errors = isFullyQualifiedName(path.child('name'), webhook.name ?? '')
  webhook.rules?.forEach((rule, i) => {
    errors.push(...validateRuleWithOperations(rule, path.child('rules').index(i)))
  })
  errors.push(
    ...oneOf(failurePolicy, FAILURE_POLICIES, path.child('failurePolicy')),
    ...oneOf(matchPolicy, MATCH_POLICIES, path.child('matchPolicy')),
    ...validateSideEffects(webhook.sideEffects, options, path.child('sideEffects')),
  )
  if (timeoutSeconds !== undefined && (timeoutSeconds > 30 || timeoutSeconds < 1)) {
    const detail = 'the timeout value must be between 1 and 30 seconds'
    errors.push(invalid(path.child('timeoutSeconds'), timeoutSeconds, detail))
  }
  errors.push(
    ...validateLabelSelector(webhook.namespaceSelector, selectorOptions, path.child('namespaceSelector')),
    ...validateLabelSelector(webhook.objectSelector, selectorOptions, path.child('objectSelector')),
    ...oneOf(reinvocationPolicy, REINVOCATION_POLICIES, path.child('reinvocationPolicy')),
    ...validateWebhookTarget(webhook.clientConfig ?? {}, path.child('clientConfig')),
  )
  if (options.ignoreMatchConditions) return errors
  const { checker, storedExpressions: stored } = options
  const conditionOptions = { checker, hasParams: false, stored }
  return errors.concat(
    validateMatchConditions(webhook.matchConditions, conditionOptions, path.child('matchConditions')),
  )
}

function oneOf(value: string | undefined, supported: readonly string[], path: FieldPath): FieldError[] {
  return value === undefined || supported.includes(value) ? [] : [notSupported(path, value, supported)]
}

function validateSideEffects(value: string | null | undefined, options: Options, path: FieldPath): FieldError[] {
  const allowed = options.requireNoSideEffects ? NO_SIDE_EFFECTS : SIDE_EFFECTS
  if (value === undefined || value === null) return [required(path, `must specify one of ${allowed.join(', ')}`)]
  return oneOf(value, allowed, path)
}

function validateReviewVersions(webhook: Webhook, options: Options, path: FieldPath): FieldError[] {
  const versions = webhook.admissionReviewVersions ?? []
  const known = REVIEW_VERSIONS.join(', ')
  if (versions.length === 0) return [required(path, `must specify one of ${known}`)]
  const errors: FieldError[] = []
  const seen = new Set<string>()
  versions.forEach((version, i) => {
    if (seen.has(version)) errors.push(invalid(path.index(i), version, 'duplicate version'))
    else errors.push(...invalidEach(path.index(i), version, isDNS1035Label(version)))
    seen.add(version)
  })
  if (options.requireRecognizedReviewVersion && !versions.some((version) => REVIEW_VERSIONS.includes(version))) {
    errors.push(invalid(path, versions, `must include at least one of ${known}`))
  }
  return errors
}

/** Validating and mutating configurations differ in defaults and in `reinvocationPolicy` only. */
export function webhookConfigurationStrategy<T extends WebhookConfiguration>(checker: ExpressionChecker): Strategy<T> {
  return {
    prepareForCreate(configuration) {
      configuration.metadata.generation = 1
    },
    prepareForUpdate(configuration, old) {
      if (semanticEqual(old.webhooks, configuration.webhooks)) return
      configuration.metadata.generation = (old.metadata.generation ?? 0) + 1
    },
    validate: (configuration, context) => [
      ...validateConfiguration(configuration, createOptions(checker)),
      ...validateStaticSuffix(configuration.metadata, context),
    ],
    validateUpdate: (configuration, old) =>
      validateConfiguration(configuration, updateOptions(checker, configuration, old)),
    warningsOnCreate: ({ metadata }, context) => staticSuffixWarningsOnCreate(metadata, context),
    warningsOnUpdate: ({ metadata }) => staticSuffixWarnings(metadata),
  }
}

export const webhookConfigurationTable: TableDefinition<WebhookConfiguration> = {
  columns: [nameColumn, column('Webhooks', 'integer'), ageColumn],
  cells: (configuration, now) => [
    configuration.metadata.name ?? '',
    webhooksOf(configuration).length,
    age(configuration, now),
  ],
}
