import { type ApiError, applyConflict } from '../api-error.ts'
import { goQuote } from '../go-quote.ts'
import { forEachPath } from './field-set.ts'
import type { ManagerEntry } from './managed-fields.ts'
import { printPath } from './path-element.ts'
import type { ConflictsError } from './updater.ts'

interface Conflict {
  readonly owner: string
  readonly path: string
}

/**
 * 409 with a cause per field: what kubectl prints.
 *
 * @see apimachinery pkg/util/managedfields/internal/conflict.go
 */
export function applyConflictOf({ conflicts }: ConflictsError): ApiError {
  const all: Conflict[] = []
  for (const id of [...conflicts.keys()].sort()) {
    const { owner, fields } = conflicts.get(id)!
    forEachPath(fields, (path) => all.push({ owner: printManager(owner), path: printPath(path) }))
  }
  const causes = all.map(({ owner, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${owner}`,
    field: path,
  }))
  return applyConflict(causes, conflictMessage(all))
}

function conflictMessage(all: readonly Conflict[]): string {
  const [first] = all
  if (first && all.length === 1) return `Apply failed with 1 conflict: conflict with ${first.owner}: ${first.path}`
  const lines: string[] = []
  let owner: string | undefined
  for (const conflict of all) {
    if (conflict.owner !== owner) lines.push(`conflicts with ${conflict.owner}:`)
    owner = conflict.owner
    lines.push(`- ${conflict.path}`)
  }
  return `Apply failed with ${all.length} conflicts: ${lines.join('\n')}`
}

function printManager({ manager, operation, apiVersion, subresource }: ManagerEntry): string {
  const name = subresource === '' ? goQuote(manager) : `${goQuote(manager)} with subresource ${goQuote(subresource)}`
  return operation === 'Update' ? `${name} using ${apiVersion}` : name
}
