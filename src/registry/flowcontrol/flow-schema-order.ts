import type { FlowSchema } from '../../apimachinery/types/flowcontrol-v1.ts'

/** The order in which flow schemas are tried and shown: by precedence, then by name. */
export function compareFlowSchemas(a: FlowSchema, b: FlowSchema): number {
  const difference = (a.spec?.matchingPrecedence ?? 0) - (b.spec?.matchingPrecedence ?? 0)
  if (difference !== 0) return difference
  return (a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1
}
