import type { AdmissionAttributes, AdmissionOperation, AdmissionPlugin } from './admission.ts'
import type { LevelVersion } from './pod-security/policy-version.ts'

export type AdmissionPhase = 'admit' | 'validate'

/** Sees the chain at work: for metrics. */
export interface ChainObserver {
  /** Called after each plugin of each phase. */
  ran(
    plugin: AdmissionPlugin,
    phase: AdmissionPhase,
    operation: AdmissionOperation,
    rejected: boolean,
    durationMs: number,
  ): void
  /** Called after each round over all plugins. */
  stepped(phase: AdmissionPhase, operation: AdmissionOperation, rejected: boolean, durationMs: number): void
}

/** One call of a webhook that is over. */
export interface WebhookOutcome {
  readonly webhook: string
  readonly type: 'admit' | 'validating'
  readonly operation: AdmissionOperation
  readonly durationMs: number
  /** Why the request is refused; undefined: it goes on. */
  readonly rejection: 'calling_webhook_error' | 'apiserver_internal_error' | 'no_error' | undefined
  /** 200, the code of the refusal or failure, or 0 where the failure was the server's own. */
  readonly code: number
  /** The call failed, which counts as a yes. */
  readonly failedOpen: boolean
}

/** Sees webhooks being called. */
export interface WebhookObserver {
  called(outcome: WebhookOutcome): void
}

/** Counts what pod security decides. */
export interface PodSecurityObserver {
  evaluated(
    decision: 'allow' | 'deny',
    policy: LevelVersion,
    mode: 'enforce' | 'audit' | 'warn',
    attributes: AdmissionAttributes,
  ): void
  exempted(attributes: AdmissionAttributes): void
  /** `fatal`: the request was refused for it. */
  failed(fatal: boolean, attributes: AdmissionAttributes): void
}

/** All that can be seen of admission. */
export type AdmissionObserver = ChainObserver & WebhookObserver & PodSecurityObserver

/** Looks away. */
export const NO_OBSERVER: AdmissionObserver = {
  ran() {},
  stepped() {},
  called() {},
  evaluated() {},
  exempted() {},
  failed() {},
}
