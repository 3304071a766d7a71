/** What is wrong with a CEL expression that selects devices. */
interface DeviceExpressionProblem {
  readonly type: 'required' | 'invalid' | 'internal' | 'tooComplex'
  /** Empty for `tooComplex`. */
  readonly detail: string
}

/** What the kinds of this group need of the rest of the server. */
export interface DeviceEnvironment {
  /**
   * What is wrong with an expression; undefined where it selects devices. `isStored`: the stored object has it
   * already, so that the wider rules for stored expressions hold.
   */
  checkExpression(expression: string, isStored: boolean): DeviceExpressionProblem | undefined
  /** Whether a namespace carries the label `resource.kubernetes.io/admin-access: "true"`. */
  allowsAdminAccess(namespace: string): boolean
}

/** Lets any expression in and admin access nowhere: for servers without CEL. */
export const restrictedEnvironment: DeviceEnvironment = {
  checkExpression: () => undefined,
  allowsAdminAccess: () => false,
}
