/** A timer that can be called off; calling it off twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void
}

/** Everything that waits uses the clock that it was given: tests replace it and jump ahead an hour. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Calls `callback` once, `delayMs` from now. A timer never keeps the process alive. */
  setTimer(callback: () => void, delayMs: number): Timer
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(callback, delayMs) {
    const handle = setTimeout(callback, Math.min(delayMs, MAX_DELAY_MS))
    handle.unref()
    return { cancel: () => clearTimeout(handle) }
  },
}

/** Calls `work` again and again until it is called off. */
export function every(clock: Clock, intervalMs: number, work: () => void): Timer {
  let timer = clock.setTimer(run, intervalMs)
  function run(): void {
    timer = clock.setTimer(run, intervalMs)
    work()
  }
  return { cancel: () => timer.cancel() }
}

/** Node's longest timer: 2^31 - 1 ms. */
const MAX_DELAY_MS = 2_147_483_647

let lastSecond = Number.NaN
let lastText = ''

/** RFC 3339 in UTC with whole seconds: metav1.Time. */
export function formatTime(epochMs: number): string {
  const second = Math.floor(epochMs / 1000)
  if (second !== lastSecond) {
    lastText = `${new Date(epochMs).toISOString().slice(0, 19)}Z`
    lastSecond = second
  }
  return lastText
}

/** RFC 3339 in UTC with six digits of a second: metav1.MicroTime. */
export function formatMicroTime(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 23)}000Z`
}

/** Milliseconds since the epoch of an RFC 3339 text; NaN where it is none. */
export function parseTime(text: string): number {
  return Date.parse(text)
}
