/** Who makes a request: what authentication found out, authorization judges and admission sees. */
export interface UserInfo {
  readonly name: string
  /** '' where the authenticator knows none. */
  readonly uid: string
  readonly groups: readonly string[]
  readonly extra: Readonly<Record<string, readonly string[]>>
}
