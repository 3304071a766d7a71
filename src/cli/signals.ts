import { failWith } from './failure.ts'

/** Signals that come so soon after the first are the same keypress: npm passes on what the terminal has sent already. */
const SAME_KEYPRESS_MS = 500

/** Ends the process in order at SIGINT or SIGTERM, at once when it is asked again. */
export function endOnSignal(stop: () => Promise<void>): void {
  let askedAt: number | undefined
  const end = (): void => {
    if (askedAt === undefined) {
      askedAt = performance.now()
      stop().then(() => process.exit(0), failWith)
    } else if (performance.now() - askedAt > SAME_KEYPRESS_MS) process.exit(130)
  }
  process.on('SIGINT', end)
  process.on('SIGTERM', end)
}
