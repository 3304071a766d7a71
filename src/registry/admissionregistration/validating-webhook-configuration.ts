import type { ValidatingWebhookConfiguration } from '../../apimachinery/types/admissionregistration-v1.ts'
import { type AnyResourceEntry, defineResource } from '../resource.ts'
import type { ExpressionChecker } from './expression-checker.ts'
import { setWebhookDefaults, webhookConfigurationStrategy, webhookConfigurationTable } from './webhook-configuration.ts'

export function validatingWebhookConfigurations(checker: ExpressionChecker): AnyResourceEntry {
  return defineResource<ValidatingWebhookConfiguration>({
    group: 'admissionregistration.k8s.io',
    resource: 'validatingwebhookconfigurations',
    hubVersion: 'v1',
    defaults: ({ webhooks }) => setWebhookDefaults(webhooks),
    strategy: webhookConfigurationStrategy(checker),
    table: webhookConfigurationTable,
  })
}
