import { timeoutError } from '../apimachinery/api-error.ts'
import type { AdmissionAttributes, AdmissionOperation, AdmissionPlugin } from './admission.ts'
import { type AdmissionPhase, type ChainObserver, NO_OBSERVER } from './admission-observer.ts'

/** The plugins in their order: first the mutating phase of all, then the validating phase of all. */
export class AdmissionChain {
  readonly plugins: readonly AdmissionPlugin[]
  readonly #reinvoking: readonly AdmissionPlugin[]
  readonly #phases: Readonly<Record<AdmissionPhase, Readonly<Record<AdmissionOperation, readonly AdmissionPlugin[]>>>>
  readonly #observer: ChainObserver

  constructor(plugins: readonly AdmissionPlugin[], observer: ChainObserver = NO_OBSERVER) {
    this.plugins = plugins
    this.#reinvoking = plugins.filter((p) => p.wantsAnotherRound !== undefined)
    this.#phases = {
      admit: byOperation(plugins.filter((p) => p.admit !== undefined)),
      validate: byOperation(plugins.filter((p) => p.validate !== undefined)),
    }
    this.#observer = observer
  }

  /** Mutating phase: plugins may change the object. It runs twice where one asks for it. */
  async admit(attributes: AdmissionAttributes): Promise<void> {
    attributes.trace?.admitting(attributes.object)
    await this.#run('admit', attributes)
    if (!this.#reinvoking.some((plugin) => plugin.wantsAnotherRound!(attributes))) return
    await this.#run('admit', attributes)
  }

  /** Validating phase: the object is final. Errors: also 504, where no time is left to write it. */
  async validate(attributes: AdmissionAttributes): Promise<void> {
    await this.#run('validate', attributes)
    if (attributes.timeLeftMs() <= 0) throw requestTimedOut()
  }

  async #run(phase: AdmissionPhase, attributes: AdmissionAttributes): Promise<void> {
    const { operation, trace, object } = attributes
    const observer = this.#observer
    const traced = trace?.isDetailed ? trace : undefined
    const began = performance.now()
    let start = began
    let plugin: AdmissionPlugin | undefined
    try {
      for (plugin of this.#phases[phase][operation]) {
        const result = phase === 'admit' ? plugin.admit!(attributes) : plugin.validate!(attributes)
        if (result) await result
        const now = performance.now()
        observer.ran(plugin, phase, operation, false, now - start)
        traced?.ran({ plugin: plugin.name, phase: PHASES[phase], object, durationMs: now - start, refused: false })
        start = traced ? performance.now() : now
      }
      observer.stepped(phase, operation, false, start - began)
    } catch (error) {
      const now = performance.now()
      observer.ran(plugin!, phase, operation, true, now - start)
      traced?.ran({ plugin: plugin!.name, phase: PHASES[phase], object, durationMs: now - start, refused: true })
      observer.stepped(phase, operation, true, now - began)
      throw error
    }
  }
}

const PHASES = { admit: 'mutating', validate: 'validating' } as const

/** The request is out of time, whatever it was waiting for. */
export const requestTimedOut = (): Error => timeoutError('request did not complete within requested timeout')

function byOperation(
  plugins: readonly AdmissionPlugin[],
): Readonly<Record<AdmissionOperation, readonly AdmissionPlugin[]>> {
  const handling = (operation: AdmissionOperation) => plugins.filter((p) => p.handles(operation))
  return {
    CREATE: handling('CREATE'),
    UPDATE: handling('UPDATE'),
    DELETE: handling('DELETE'),
    CONNECT: handling('CONNECT'),
  }
}
