/** What made a component write: the changes that woke it. */
export interface Cause {
  /** Revisions of these changes, in the order in which they were heard of; at most {@link MAX_CAUSE_REVISIONS}. */
  readonly revisions: readonly number[]
  /**
   * How they did, where not at once: `timer` after a time that the component had set itself, `retry` after a failure.
   */
  readonly trigger?: CauseTrigger
}

export type CauseTrigger = 'timer' | 'retry'

/** Changes that are named at most. What acts on state has seen the newest, so that the oldest are left out. */
export const MAX_CAUSE_REVISIONS = 16

/** Header by which a client names the cause of a write: `4711,4713` or `4711;timer`. */
export const CAUSE_HEADER = 'kubemu-cause'

const CAUSE = /^(\d{1,15}(?:,\d{1,15}){0,15})(?:;(timer|retry))?$/

export function formatCause({ revisions, trigger }: Cause): string {
  const changes = revisions.length === 0 ? NO_CHANGE : revisions.join(',')
  return trigger === undefined ? changes : `${changes};${trigger}`
}

/** Stands for a component that acts by itself: no write has this revision. */
const NO_CHANGE = '0'

/** Undefined where the text is none: what a write is caused by never decides about it. */
export function parseCause(text: string): Cause | undefined {
  const match = CAUSE.exec(text)
  if (!match) return undefined
  const [, changes = '', trigger] = match
  const revisions = changes.split(',').map(Number)
  return {
    revisions: revisions.filter((revision) => revision > 0),
    ...(trigger === undefined ? {} : { trigger: trigger as CauseTrigger }),
  }
}

/** A change of an object, which its resourceVersion names, as a cause. */
export function causedByChange(object: { readonly metadata: { readonly resourceVersion?: string } }): Cause {
  const revision = Number(object.metadata.resourceVersion ?? '')
  return { revisions: revision > 0 ? [revision] : [] }
}

/** The same cause, acted on later. */
export function later({ revisions }: Cause, trigger: CauseTrigger): Cause {
  return { revisions, trigger }
}

/** Collects what wakes something until it is dealt with. */
export class CauseCollector {
  #revisions: number[] = []
  #trigger: CauseTrigger | undefined
  #isEmpty = true

  /** A change that woke it directly outweighs a timer: then it would have acted anyhow. */
  add({ revisions, trigger }: Cause): void {
    this.#trigger = this.#isEmpty || this.#trigger === trigger ? trigger : undefined
    this.#isEmpty = false
    for (const revision of revisions) {
      if (this.#revisions.includes(revision)) continue
      if (this.#revisions.length === MAX_CAUSE_REVISIONS) this.#revisions.shift()
      this.#revisions.push(revision)
    }
  }

  /** What was collected, which is forgotten. */
  take(): Cause {
    const revisions = this.#revisions
    const trigger = this.#trigger
    this.#revisions = []
    this.#trigger = undefined
    this.#isEmpty = true
    return trigger === undefined ? { revisions } : { revisions, trigger }
  }
}
