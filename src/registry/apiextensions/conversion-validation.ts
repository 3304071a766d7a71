import { type FieldError, forbidden, invalid, notSupported, required } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import { invalidEach, isDNS1035Label } from '../../apimachinery/validation/names.ts'
import { validateCaBundle, validateWebhookTarget } from '../webhook-client-config.ts'
import type { InternalConversion, InternalSpec } from './internal-spec.ts'
import type { Options } from './validation-options.ts'

const REVIEW_VERSIONS = ['v1', 'v1beta1']

/** @see apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go validateCustomResourceConversion */
export function validateConversion(spec: InternalSpec, options: Options, path: FieldPath): FieldError[] {
  const { conversion } = spec
  if (!conversion) return []
  const strategyPath = path.child('strategy')
  const errors: FieldError[] = []
  if (conversion.strategy !== 'None' && spec.preserveUnknownFields) {
    const detail = 'must be None if spec.preserveUnknownFields is true'
    errors.push(invalid(strategyPath, conversion.strategy, detail))
  }
  if (conversion.strategy === '') errors.push(required(strategyPath, ''))
  else if (conversion.strategy !== 'None' && conversion.strategy !== 'Webhook') {
    errors.push(notSupported(strategyPath, conversion.strategy, ['None', 'Webhook']))
  }
  if (conversion.strategy === 'Webhook') return errors.concat(validateWebhook(conversion, options, path))
  const detail = 'should not be set when strategy is not set to Webhook'
  if (conversion.webhookClientConfig) errors.push(forbidden(path.child('webhookClientConfig'), detail))
  if (conversion.conversionReviewVersions.length > 0) {
    errors.push(forbidden(path.child('conversionReviewVersions'), detail))
  }
  return errors
}

function validateWebhook(conversion: InternalConversion, options: Options, path: FieldPath): FieldError[] {
  const { webhookClientConfig: client, conversionReviewVersions } = conversion
  const clientPath = path.child('webhookClientConfig')
  const errors = client
    ? validateWebhookTarget(client, clientPath)
    : [required(clientPath, 'required when strategy is set to Webhook')]
  if (client?.caBundle && !options.allowInvalidCaBundle) {
    errors.push(...validateCaBundle(client.caBundle, clientPath.child('caBundle')))
  }
  const versionsPath = path.child('conversionReviewVersions')
  return errors.concat(validateReviewVersions(conversionReviewVersions, options, versionsPath))
}

function validateReviewVersions(versions: readonly string[], options: Options, path: FieldPath): FieldError[] {
  if (versions.length === 0) return [required(path, '')]
  const errors: FieldError[] = []
  const seen = new Set<string>()
  versions.forEach((version, i) => {
    if (seen.has(version)) errors.push(invalid(path.index(i), version, 'duplicate version'))
    else errors.push(...invalidEach(path.index(i), version, isDNS1035Label(version)))
    seen.add(version)
  })
  if (options.requireRecognizedReviewVersion && !versions.some((version) => REVIEW_VERSIONS.includes(version))) {
    errors.push(invalid(path, versions, `must include at least one of ${REVIEW_VERSIONS.join(', ')}`))
  }
  return errors
}
