/** How clients are told apart and what they may do, as the command line says it. */
export interface AuthOptions {
  /** Authorizers in order (`--authorization-mode`). */
  readonly authorizationModes: readonly string[]
  readonly anonymousAuth: boolean
  readonly tokenAuthFile?: string | undefined
}
