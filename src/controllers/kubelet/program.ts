/** What a simulated process does next. */
export type ProgramStep =
  | { readonly kind: 'write'; readonly stream: 'stdout' | 'stderr'; readonly data: Buffer }
  | { readonly kind: 'sleep'; readonly ms: number }
  /** Wants input: `next` is given what came, undefined at its end. */
  | { readonly kind: 'read' }

/** A simulated process: its steps, then its exit code. */
export type Program = Generator<ProgramStep, number, Buffer | undefined>
