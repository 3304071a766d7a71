import type { MutatingWebhookConfiguration } from '../../apimachinery/types/admissionregistration-v1.ts'
import { type AnyResourceEntry, defineResource } from '../resource.ts'
import type { ExpressionChecker } from './expression-checker.ts'
import { setWebhookDefaults, webhookConfigurationStrategy, webhookConfigurationTable } from './webhook-configuration.ts'

export function mutatingWebhookConfigurations(checker: ExpressionChecker): AnyResourceEntry {
  return defineResource<MutatingWebhookConfiguration>({
    group: 'admissionregistration.k8s.io',
    resource: 'mutatingwebhookconfigurations',
    hubVersion: 'v1',
    defaults({ webhooks }) {
      setWebhookDefaults(webhooks)
      for (const webhook of webhooks ?? []) webhook.reinvocationPolicy ??= 'Never'
    },
    strategy: webhookConfigurationStrategy(checker),
    table: webhookConfigurationTable,
  })
}
