import { asApiError, isNotFound } from '../../apimachinery/api-error.ts'

/** True where a create was refused because its namespace is being deleted, or is gone: no use in trying again. */
export function isRefusedByNamespace(error: unknown): boolean {
  if (isNotFound(error)) return true
  return asApiError(error)?.details?.causes?.some((c) => c.reason === 'NamespaceTerminating') ?? false
}
