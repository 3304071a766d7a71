/** Node's longest timer, in milliseconds. */
const MAX_TIMER_MS = 2_147_483_647

/** Keeps the process alive for as long as something takes: the timers that it may wait for do not. */
export async function held<T>(work: Promise<T>): Promise<T> {
  const hold = setTimeout(() => {}, MAX_TIMER_MS)
  try {
    return await work
  } finally {
    clearTimeout(hold)
  }
}
