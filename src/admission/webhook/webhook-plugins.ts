import { type ApiError, asApiError } from '../../apimachinery/api-error.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import { restoreManagedFields } from '../../apimachinery/field-manager/managed-fields.ts'
import type { AdmissionAttributes, AdmissionPlugin } from '../admission.ts'
import { NO_OBSERVER, type WebhookObserver } from '../admission-observer.ts'
import { requestTimedOut } from '../chain.ts'
import type { ObjectReader } from '../object-reader.ts'
import { CallFailure } from './call-failure.ts'
import { currentHooks } from './hook.ts'
import { HookCaller } from './hook-caller.ts'
import { HookMatcher, type Invocation, type MatchConditions } from './hook-matcher.ts'
import { MutatingDispatcher } from './mutating-dispatcher.ts'
import { ReviewedVersions } from './reviewed-objects.ts'
import { isAdmissionConfiguration } from './rule-matching.ts'
import type { ServiceResolver } from './service-resolver.ts'
import type { VersionedObjects } from './versioned-objects.ts'
import { WebhookClient } from './webhook-client.ts'
import type { CredentialsByTarget } from './webhook-kubeconfig.ts'

interface WebhookDependencies {
  readonly reader: ObjectReader
  readonly clock: Clock
  readonly versions: VersionedObjects
  readonly services: ServiceResolver
  /** Default: webhooks are not told who calls. */
  readonly credentials?: CredentialsByTarget
  /** Unset: a webhook with conditions refuses what its rules match. */
  readonly matchConditions?: MatchConditions
  readonly observer?: WebhookObserver
}

/**
 * Calls the webhooks of MutatingWebhookConfigurations, one after the other.
 *
 * @see apiserver pkg/admission/plugin/webhook/mutating
 */
export function mutatingWebhookPlugin(dependencies: WebhookDependencies): AdmissionPlugin {
  const { reader, clock, versions, services, credentials, matchConditions, observer = NO_OBSERVER } = dependencies
  const dispatcher = new MutatingDispatcher({
    caller: new HookCaller('admit', new WebhookClient(services, clock, credentials), observer),
    versions,
    matcher: new HookMatcher(reader, versions, matchConditions),
  })
  return {
    name: 'MutatingAdmissionWebhook',
    handles: () => true,
    async admit(attributes) {
      if (isAdmissionConfiguration(attributes)) return
      const hooks = await currentHooks(reader, 'mutatingwebhookconfigurations')
      if (hooks.length === 0) return
      const before = attributes.object?.metadata?.managedFields
      await timed(attributes, 'mutating-webhook', dispatcher.dispatch(attributes, hooks))
      if (!attributes.object?.metadata) return
      const warning = restoreManagedFields(attributes.object, before)
      if (warning !== undefined) attributes.addWarning(warning)
    },
    wantsAnotherRound: (attributes) => dispatcher.wantsAnotherRound(attributes),
  }
}

/**
 * Calls the webhooks of ValidatingWebhookConfigurations, all at once; where several refuse, the first in their order
 * is heard.
 *
 * @see apiserver pkg/admission/plugin/webhook/validating
 */
export function validatingWebhookPlugin(dependencies: WebhookDependencies): AdmissionPlugin {
  const { reader, clock, versions, services, credentials, matchConditions, observer = NO_OBSERVER } = dependencies
  const caller = new HookCaller('validating', new WebhookClient(services, clock, credentials), observer)
  const matcher = new HookMatcher(reader, versions, matchConditions)
  return {
    name: 'ValidatingAdmissionWebhook',
    handles: () => true,
    async validate(attributes) {
      if (isAdmissionConfiguration(attributes)) return
      const hooks = await currentHooks(reader, 'validatingwebhookconfigurations')
      if (hooks.length === 0) return
      const invocations: Invocation[] = []
      for (const hook of hooks) {
        const invocation = await matcher.match(hook, attributes)
        if (invocation) invocations.push(invocation)
      }
      if (invocations.length === 0) return
      if (attributes.timeLeftMs() <= 0) throw requestTimedOut()
      await timed(attributes, 'validating-webhook', askAll(caller, attributes, invocations, versions))
    },
  }
}

async function timed(
  attributes: AdmissionAttributes,
  layer: 'mutating-webhook' | 'validating-webhook',
  work: Promise<void>,
): Promise<void> {
  const start = performance.now()
  try {
    await work
  } finally {
    attributes.spent?.(layer, performance.now() - start)
  }
}

const noUse = (): void => {}

async function askAll(
  caller: HookCaller,
  attributes: AdmissionAttributes,
  invocations: readonly Invocation[],
  versions: VersionedObjects,
): Promise<void> {
  const reviewed = new ReviewedVersions(attributes, versions)
  const ask = async (invocation: Invocation, index: number): Promise<ApiError | undefined> => {
    try {
      await caller.call(attributes, invocation, () => reviewed.texts(invocation.kind), noUse)
      return undefined
    } catch (error) {
      if (!(error instanceof CallFailure)) return refusalOf(error)
      if (!invocation.hook.failsOpen) return error.toApiError()
      const key = `failed-open.validating.webhook.admission.k8s.io/round_0_index_${index}`
      attributes.addAuditAnnotation(key, invocation.hook.name)
      return undefined
    }
  }
  const refusals = await Promise.all(invocations.map(ask))
  const first = refusals.find((refusal) => refusal !== undefined)
  if (first) throw first
}

function refusalOf(error: unknown): ApiError {
  const refusal = asApiError(error)
  if (!refusal) throw error
  return refusal
}
