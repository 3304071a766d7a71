/** Test support: runs an entry's strategy as the generic registry does, without a store. */
import { systemClock } from '../../apimachinery/clock.ts'
import { cloneJson } from '../../apimachinery/clone.ts'
import { type FieldError, fieldErrorMessage } from '../../apimachinery/field-error.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { AnyResourceEntry, RegistryConfig, StrategyContext } from '../resource.ts'

/** What a test writes of an object; kind and apiVersion do not matter to strategies. */
export type Manifest = Readonly<Record<string, unknown>>

const CONFIG: RegistryConfig = {
  allowPrivileged: false,
  serviceClusterIpRanges: ['10.0.0.0/24'],
  serviceNodePortRange: { first: 30_000, last: 32_767 },
  eventTtlSeconds: 3600,
  featureGates: {},
}

/** The time that strategies see. */
const NOW = Date.parse('2026-01-01T00:00:00Z')

function contextOf(featureGates: Readonly<Record<string, boolean>>): StrategyContext {
  const config = { ...CONFIG, featureGates }
  const clock = { ...systemClock, now: () => NOW }
  return { clock, config, namespace: 'n', user: undefined, newUid: () => 'new-uid', warn: () => {} }
}

export interface Outcome {
  readonly object: KubeObject
  /** Messages of the errors, with their fields; empty where the write is good. */
  readonly errors: readonly string[]
  readonly warnings: readonly string[]
}

/** Runs the strategies of one resource. */
export class StrategyRunner {
  readonly #entry: AnyResourceEntry
  readonly context: StrategyContext

  constructor(entry: AnyResourceEntry, featureGates: Readonly<Record<string, boolean>> = {}) {
    this.#entry = entry
    this.context = contextOf(featureGates)
  }

  /** An object as decoding and defaulting leave it. */
  read(manifest: Manifest): KubeObject {
    const object = cloneJson({ kind: '', apiVersion: '', ...manifest }) as KubeObject
    this.#entry.defaults?.(object)
    return object
  }

  create(manifest: Manifest): Outcome {
    const { strategy } = this.#entry
    const object = this.read(manifest)
    strategy.prepareForCreate?.(object, this.context)
    const errors = strategy.validate(object, this.context)
    const warnings = strategy.warningsOnCreate?.(object, this.context) ?? []
    if (errors.length === 0) strategy.canonicalize?.(object)
    return { object, errors: messages(errors), warnings }
  }

  /** `subresource`: '' for the object itself. `old` must come out as it went in. */
  update(manifest: Manifest, old: KubeObject, subresource = ''): Outcome {
    const strategy = subresource === '' ? this.#entry.strategy : this.#entry.subresourceStrategies![subresource]!
    const object = this.read(manifest)
    object.metadata.resourceVersion ??= '1'
    const before = JSON.stringify(old)
    strategy.prepareForUpdate?.(object, old, this.context)
    const errors = strategy.validateUpdate(object, old, this.context)
    const warnings = strategy.warningsOnUpdate?.(object, old, this.context) ?? []
    if (errors.length === 0) strategy.canonicalize?.(object)
    if (JSON.stringify(old) !== before) throw new Error('the strategy wrote into the old object')
    return { object, errors: messages(errors), warnings }
  }
}

const messages = (errors: readonly FieldError[]): string[] => [...new Set(errors.map(fieldErrorMessage))]
