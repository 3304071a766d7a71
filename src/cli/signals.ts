/** Ends the process in order at SIGINT or SIGTERM; a second signal finds no handler and ends it at once. */
export function endOnSignal(stop: () => Promise<void>): void {
  const end = async (): Promise<void> => {
    await stop()
    process.exit(0)
  }
  process.once('SIGINT', () => void end())
  process.once('SIGTERM', () => void end())
}
