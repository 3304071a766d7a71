import type { GroupVersionKind, GroupVersionResource } from '../apimachinery/group-version.ts'
import type { JsonObject, KubeObject } from '../apimachinery/kube-object.ts'
import type { UserInfo } from '../apimachinery/user-info.ts'

export type AdmissionOperation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'

/** What one plugin, or one webhook that it called, did. */
export interface AdmissionStep {
  readonly plugin: string
  readonly phase: 'mutating' | 'validating'
  /** As the plugin left it: shared, neither to be kept nor to be written into. */
  readonly object: KubeObject | undefined
  readonly durationMs: number
  /** The request was refused here. */
  readonly refused: boolean
  /** Name of the webhook that was called, and of the object that configures it. */
  readonly webhook?: string
  readonly configuration?: string
}

/** Follows one request through admission. Must not throw. */
export interface AdmissionTrace {
  /** Wants to hear of each plugin. */
  readonly isDetailed: boolean
  /** Value of the header by which those who are asked on the way can tell the request. */
  readonly traceparent: string
  /** The mutating phase begins; the object is shared. */
  admitting(object: KubeObject | undefined): void
  /** A plugin, or a webhook of one, is done. */
  ran(step: AdmissionStep): void
}

/**
 * What a plugin sees of a request. Objects are in the hub version of the resource, defaulted, zero values left out;
 * a mutating plugin changes `object` in place.
 */
export interface AdmissionAttributes {
  readonly operation: AdmissionOperation
  readonly kind: GroupVersionKind
  readonly resource: GroupVersionResource
  readonly subresource: string
  readonly namespace: string
  /** '' for a create that generates its name. */
  readonly name: string
  /** New state; the options of a CONNECT; undefined for DELETE. */
  readonly object: KubeObject | undefined
  /** State before; undefined for CREATE and CONNECT. Shared: never write into it. */
  readonly oldObject: KubeObject | undefined
  /** CreateOptions, UpdateOptions or DeleteOptions as an object with kind and apiVersion; undefined for CONNECT. */
  readonly options: JsonObject | undefined
  readonly dryRun: boolean
  /** Undefined where the server itself acts. */
  readonly user: UserInfo | undefined
  readonly trace?: AdmissionTrace | undefined
  /** Adds a `Warning` header to the answer. */
  addWarning(text: string): void
  /**
   * Adds an annotation to the audit event; the key is made unique by its prefix, as `pod-security.kubernetes.io/…`.
   * `level` Request: only where the event holds the request's object as well; default: Metadata.
   */
  addAuditAnnotation(key: string, value: string, level?: 'Metadata' | 'Request'): void
  /** Hears how many milliseconds webhooks took; set where somebody wants to know. */
  spent?(layer: 'mutating-webhook' | 'validating-webhook', ms: number): void
  /** Milliseconds until the request is out of time; 0 or less: nobody waits for it any more. */
  timeLeftMs(): number
}

/**
 * One admission plugin. Refuses by throwing an `ApiError` (mostly `forbidden`).
 *
 * @see apiserver pkg/admission/interfaces.go
 */
export interface AdmissionPlugin {
  readonly name: string
  handles(operation: AdmissionOperation): boolean
  /** Mutating phase. */
  admit?(attributes: AdmissionAttributes): void | Promise<void>
  /** Asked once the mutating phase is through: whether it is to run once more, as the object has become another one. */
  wantsAnotherRound?(attributes: AdmissionAttributes): boolean
  /** Validating phase. */
  validate?(attributes: AdmissionAttributes): void | Promise<void>
}
