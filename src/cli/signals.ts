import { failWith } from './failure.ts'

/** A SIGINT that comes so soon after the first is the same keypress: npm passes on what the terminal has sent already. */
const SAME_KEYPRESS_MS = 500

/** Ends the process in order at SIGINT or SIGTERM, at once when it is asked again. */
export function endOnSignal(stop: () => Promise<void>): void {
  let askedAt: number | undefined
  const end = (exitCode: number, sameMs: number): void => {
    if (askedAt === undefined) {
      askedAt = performance.now()
      stop().then(() => process.exit(0), failWith)
    } else if (performance.now() - askedAt >= sameMs) process.exit(exitCode)
  }
  process.on('SIGINT', () => end(130, SAME_KEYPRESS_MS))
  process.on('SIGTERM', () => end(143, 0))
}
