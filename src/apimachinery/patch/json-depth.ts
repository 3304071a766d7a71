import { badRequest } from '../api-error.ts'
import { MAX_VALUE_DEPTH } from '../schema/json-text.ts'

/**
 * Refuses a value that is nested deeper than recursion may follow it.
 *
 * @throws {ApiError} 400 with upstream's words for JSON that is too deep
 */
export function checkDepth(value: unknown): void {
  if (isDeeperThan(value, MAX_VALUE_DEPTH)) throw badRequest('exceeded max depth')
}

function isDeeperThan(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (depth === 0) return true
  for (const key in value) {
    if (isDeeperThan((value as Record<string, unknown>)[key], depth - 1)) return true
  }
  return false
}
