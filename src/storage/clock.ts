/** A timer that can be called off; cancelling one that has fired does nothing. */
export interface TimerHandle {
  cancel(): void
}

/** The time, as storage sees it: tests pass their own and jump ahead. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Calls `fn` once, `ms` milliseconds from now. */
  setTimeout(fn: () => void, ms: number): TimerHandle
}

/** Node refuses longer timers (it fires them at once). */
const longestTimerMs = 2 ** 31 - 1

/** The machine's own clock. Its timers do not keep the process alive; delays past 24.8 days fire early. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimeout(fn, ms) {
    const timer = setTimeout(fn, Math.min(ms, longestTimerMs))
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
}
