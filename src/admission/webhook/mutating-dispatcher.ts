import { internalError } from '../../apimachinery/api-error.ts'
import { cloneJson } from '../../apimachinery/clone.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { JsonPatchOperation } from '../../apimachinery/patch/json-patch.ts'
import { DecodeError } from '../../apimachinery/schema/json-text.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { AdmissionAttributes } from '../admission.ts'
import { requestTimedOut } from '../chain.ts'
import { patchAnnotation, patched, patchOf } from './apply-patch.ts'
import { CallFailure } from './call-failure.ts'
import type { Hook } from './hook.ts'
import type { HookCaller } from './hook-caller.ts'
import type { HookMatcher, Invocation } from './hook-matcher.ts'
import { ReviewedVersions } from './reviewed-objects.ts'
import type { VersionedObjects } from './versioned-objects.ts'

interface MutatingDispatcherOptions {
  readonly caller: HookCaller
  readonly versions: VersionedObjects
  readonly matcher: HookMatcher
}

/** What the first round over a request leaves for the second. */
interface Rounds {
  round: 0 | 1
  /** Asked to be called again should a later webhook change the object. */
  readonly reinvocable: Set<string>
  /** To be called again. */
  readonly again: Set<string>
  changed: boolean
  /** The object as the webhooks left it. */
  output: KubeObject | undefined
}

/**
 * Lets webhooks change a request's object, in their order. Where one did, the whole mutating phase runs a second time,
 * in which the webhooks with reinvocationPolicy IfNeeded that came before a change are called again.
 *
 * @see apiserver pkg/admission/plugin/webhook/mutating/dispatcher.go, reinvocationcontext.go
 */
export class MutatingDispatcher {
  readonly #options: MutatingDispatcherOptions
  readonly #rounds = new WeakMap<AdmissionAttributes, Rounds>()

  constructor(options: MutatingDispatcherOptions) {
    this.#options = options
  }

  /** True once, after a round in which a webhook changed the object. */
  wantsAnotherRound(attributes: AdmissionAttributes): boolean {
    const rounds = this.#rounds.get(attributes)
    if (!rounds?.changed || rounds.round === 1) return false
    rounds.round = 1
    return true
  }

  async dispatch(attributes: AdmissionAttributes, hooks: readonly Hook[]): Promise<void> {
    const { matcher, versions } = this.#options
    const rounds = this.#roundsOf(attributes)
    if (rounds.round === 1 && !semanticEqual(rounds.output, attributes.object)) requireAgain(rounds)
    const reviewed = new ReviewedVersions(attributes, versions)
    for (const [index, hook] of hooks.entries()) {
      const invocation = await matcher.match(hook, attributes)
      if (!invocation) continue
      if (rounds.round === 1 && !rounds.again.has(hook.uid)) continue
      await this.#call(attributes, invocation, reviewed, rounds, index)
    }
    if (rounds.changed && rounds.round === 0) rounds.output = cloneJson(attributes.object)
  }

  #roundsOf(attributes: AdmissionAttributes): Rounds {
    let rounds = this.#rounds.get(attributes)
    if (!rounds) {
      rounds = { round: 0, reinvocable: new Set(), again: new Set(), changed: false, output: undefined }
      this.#rounds.set(attributes, rounds)
    }
    return rounds
  }

  async #call(
    attributes: AdmissionAttributes,
    invocation: Invocation,
    reviewed: ReviewedVersions,
    rounds: Rounds,
    index: number,
  ): Promise<void> {
    const { hook } = invocation
    const position = `round_${rounds.round}_index_${index}`
    let changed = false
    try {
      changed = await this.#mutate(attributes, invocation, reviewed, position)
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error
      if (!hook.failsOpen) throw error.toApiError()
      attributes.addAuditAnnotation(`failed-open.mutation.webhook.admission.k8s.io/${position}`, hook.name)
      if (attributes.timeLeftMs() <= 0) throw requestTimedOut()
    } finally {
      const mutation = { configuration: hook.configuration, webhook: hook.name, mutated: changed }
      attributes.addAuditAnnotation(`mutation.webhook.admission.k8s.io/${position}`, JSON.stringify(mutation))
    }
    if (changed) {
      rounds.changed = true
      requireAgain(rounds)
    }
    if (hook.reinvoked) rounds.reinvocable.add(hook.uid)
  }

  /** Resolves with whether the object is another one now. */
  async #mutate(
    attributes: AdmissionAttributes,
    invocation: Invocation,
    reviewed: ReviewedVersions,
    position: string,
  ): Promise<boolean> {
    const { kind, hook } = invocation
    const texts = () => reviewed.texts(kind)
    return await this.#options.caller.call(attributes, invocation, texts, (response) => {
      const operations = patchOf(response, invocation)
      if (operations.length === 0) return false
      const before = reviewed.object(kind)
      if (!before) {
        const why = `admission webhook ${goQuote(hook.name)} attempted to modify the object, which is not supported for this operation`
        throw internalError(why)
      }
      const object = this.#decodePatched(before, operations, attributes, invocation)
      const changed = !semanticEqual(attributes.object, object)
      const annotation = patchAnnotation(hook, response.patch)
      attributes.addAuditAnnotation(`patch.webhook.admission.k8s.io/${position}`, annotation, 'Request')
      replaceContent(attributes.object!, object)
      reviewed.changed()
      return changed
    })
  }

  #decodePatched(
    before: KubeObject,
    operations: readonly JsonPatchOperation[],
    { resource }: AdmissionAttributes,
    { kind }: Invocation,
  ): KubeObject {
    const document = patched(before, operations, kind)
    try {
      return this.#options.versions.fromVersion(document, resource, kind)
    } catch (error) {
      if (error instanceof DecodeError) throw internalError(error.message, { cause: error })
      throw error
    }
  }
}

function requireAgain({ reinvocable, again }: Rounds): void {
  for (const uid of reinvocable) again.add(uid)
  reinvocable.clear()
}

/** The request goes on with the object that it has always had. */
function replaceContent(target: KubeObject, source: KubeObject): void {
  for (const key of Object.keys(target)) delete (target as Record<string, unknown>)[key]
  Object.assign(target, source)
}
