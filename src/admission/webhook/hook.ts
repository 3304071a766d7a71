import type { KubeObject } from '../../apimachinery/kube-object.ts'
import { labelSelectorAsSelector, type Selector } from '../../apimachinery/label-selector.ts'
import type {
  MatchCondition,
  MutatingWebhook,
  MutatingWebhookConfiguration,
  RuleWithOperations,
  ValidatingWebhook,
} from '../../apimachinery/types/admissionregistration-v1.ts'
import type { ObjectReader } from '../object-reader.ts'
import type { WebhookEndpoint } from './webhook-client.ts'

/** A webhook made ready to be called. */
export interface Hook {
  /** Tells webhooks apart: names can be taken twice in old configurations. */
  readonly uid: string
  readonly name: string
  /** Name of its configuration. */
  readonly configuration: string
  readonly endpoint: WebhookEndpoint
  readonly rules: readonly RuleWithOperations[]
  readonly matchesEquivalents: boolean
  /** Made when first asked for. @throws {LabelSelectorError} */
  readonly namespaceSelector: () => Selector
  readonly objectSelector: () => Selector
  readonly matchConditions: readonly MatchCondition[]
  /** failurePolicy Ignore: a call that fails counts as allowed. */
  readonly failsOpen: boolean
  readonly reinvoked: boolean
  readonly allowsDryRun: boolean
  readonly timeoutMs: number
  readonly reviewVersions: readonly string[]
}

type HookResource = 'mutatingwebhookconfigurations' | 'validatingwebhookconfigurations'

/** Hooks of a configuration are made once per revision of it. */
const hooksOf = new WeakMap<KubeObject, readonly Hook[]>()

const NO_HOOKS: readonly Hook[] = []

/** All webhooks of one kind, by the name of their configuration, then in its order. */
export async function currentHooks(reader: ObjectReader, resource: HookResource): Promise<readonly Hook[]> {
  const configurations = await reader.list('admissionregistration.k8s.io', resource)
  if (configurations.length === 0) return NO_HOOKS
  if (configurations.length === 1) return compiled(configurations[0]!)
  return configurations.flatMap(compiled)
}

function compiled(object: KubeObject): readonly Hook[] {
  let hooks = hooksOf.get(object)
  if (!hooks) {
    hooks = compile(object)
    hooksOf.set(object, hooks)
  }
  return hooks
}

function compile(object: KubeObject): readonly Hook[] {
  const { metadata, webhooks = [] } = object as unknown as MutatingWebhookConfiguration
  const configuration = metadata.name!
  const seen = new Map<string, number>()
  return webhooks.map((webhook) => {
    const count = seen.get(webhook.name) ?? 0
    seen.set(webhook.name, count + 1)
    return hookOf(webhook, configuration, `${configuration}/${webhook.name}/${count}`)
  })
}

function hookOf(
  webhook: ValidatingWebhook & Pick<MutatingWebhook, 'reinvocationPolicy'>,
  configuration: string,
  uid: string,
): Hook {
  return {
    uid,
    name: webhook.name,
    configuration,
    endpoint: webhook.clientConfig,
    rules: webhook.rules ?? [],
    matchesEquivalents: webhook.matchPolicy === 'Equivalent',
    namespaceSelector: once(() => labelSelectorAsSelector(webhook.namespaceSelector)),
    objectSelector: once(() => labelSelectorAsSelector(webhook.objectSelector)),
    matchConditions: webhook.matchConditions ?? [],
    failsOpen: webhook.failurePolicy === 'Ignore',
    reinvoked: webhook.reinvocationPolicy === 'IfNeeded',
    allowsDryRun: webhook.sideEffects === 'None' || webhook.sideEffects === 'NoneOnDryRun',
    timeoutMs: (webhook.timeoutSeconds ?? 10) * 1000,
    reviewVersions: webhook.admissionReviewVersions ?? [],
  }
}

function once<T>(make: () => T): () => T {
  let value: T | undefined
  return () => {
    value ??= make()
    return value
  }
}
