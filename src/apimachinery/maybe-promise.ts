/** A value that is there, or will be: what is there needs no turn of the event loop. */
export type MaybePromise<T> = T | Promise<T>

/** Goes on with a value: at once where it is there. */
export function andThen<T, U>(value: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return value instanceof Promise ? value.then(next) : next(value)
}

/**
 * Asks each member in turn until one answers; undefined where none does. Waits only for those that answer with a
 * promise. What a member throws goes to `failed`, which throws it again or has the next one asked.
 */
export function firstAnswer<M, A>(
  members: readonly M[],
  ask: (member: M) => MaybePromise<A | undefined>,
  failed: (error: unknown) => void,
  from = 0,
): MaybePromise<A | undefined> {
  for (let i = from; i < members.length; i++) {
    try {
      const answer = ask(members[i]!)
      if (answer instanceof Promise) {
        const rest = (): MaybePromise<A | undefined> => firstAnswer(members, ask, failed, i + 1)
        return waitFor(answer, failed, rest)
      }
      if (answer !== undefined) return answer
    } catch (error) {
      failed(error)
    }
  }
  return undefined
}

async function waitFor<A>(
  pending: Promise<A | undefined>,
  failed: (error: unknown) => void,
  rest: () => MaybePromise<A | undefined>,
): Promise<A | undefined> {
  try {
    const answer = await pending
    if (answer !== undefined) return answer
  } catch (error) {
    failed(error)
  }
  return await rest()
}
