import type { AdmissionAttributes, AdmissionOperation, AdmissionPlugin } from './admission.ts'

/** Sees each plugin at work: for traces and metrics. */
export interface AdmissionObserver {
  /** Called after each plugin of each phase, whether it refused or not. */
  ran(plugin: AdmissionPlugin, phase: 'admit' | 'validate', attributes: AdmissionAttributes, durationMs: number): void
}

/** The plugins in their order: first the mutating phase of all, then the validating phase of all. */
export class AdmissionChain {
  readonly plugins: readonly AdmissionPlugin[]
  readonly #reinvoking: readonly AdmissionPlugin[]
  readonly #mutating: Readonly<Record<AdmissionOperation, readonly AdmissionPlugin[]>>
  readonly #validating: Readonly<Record<AdmissionOperation, readonly AdmissionPlugin[]>>
  readonly #observer: AdmissionObserver | undefined

  constructor(plugins: readonly AdmissionPlugin[], observer?: AdmissionObserver) {
    this.plugins = plugins
    this.#reinvoking = plugins.filter((p) => p.wantsAnotherRound !== undefined)
    this.#mutating = byOperation(plugins.filter((p) => p.admit !== undefined))
    this.#validating = byOperation(plugins.filter((p) => p.validate !== undefined))
    this.#observer = observer
  }

  /** Mutating phase: plugins may change the object. It runs twice where one asks for it. */
  async admit(attributes: AdmissionAttributes): Promise<void> {
    await this.#admitRound(attributes)
    if (!this.#reinvoking.some((plugin) => plugin.wantsAnotherRound!(attributes))) return
    await this.#admitRound(attributes)
  }

  async #admitRound(attributes: AdmissionAttributes): Promise<void> {
    for (const plugin of this.#mutating[attributes.operation]) {
      await this.#observed(plugin, 'admit', attributes, () => plugin.admit!(attributes))
    }
  }

  /** Validating phase: the object is final. */
  async validate(attributes: AdmissionAttributes): Promise<void> {
    for (const plugin of this.#validating[attributes.operation]) {
      await this.#observed(plugin, 'validate', attributes, () => plugin.validate!(attributes))
    }
  }

  async #observed(
    plugin: AdmissionPlugin,
    phase: 'admit' | 'validate',
    attributes: AdmissionAttributes,
    work: () => void | Promise<void>,
  ): Promise<void> {
    const observer = this.#observer
    if (!observer) {
      const result = work()
      if (result) await result
      return
    }
    const start = performance.now()
    try {
      await work()
    } finally {
      observer.ran(plugin, phase, attributes, performance.now() - start)
    }
  }
}

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
