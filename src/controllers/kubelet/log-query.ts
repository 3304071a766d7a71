import type { LogLine } from './container-log.ts'

/** What of a log somebody wants, as `kubectl logs` asks. */
export interface LogQuery {
  readonly tailLines?: number
  /** Lines since then, in milliseconds since the epoch. */
  readonly sinceMs?: number
  readonly timestamps: boolean
  /** `Stdout` or `Stderr`; undefined or `All`: both. */
  readonly stream?: string
}

/** The lines that a query wants of what there is. */
export function selectedLines(lines: readonly LogLine[], query: LogQuery): readonly LogLine[] {
  const wanted = lines.filter((line) => isWanted(line, query))
  return query.tailLines === undefined ? wanted : wanted.slice(Math.max(wanted.length - query.tailLines, 0))
}

export function isWanted({ timeMs, stream }: LogLine, { sinceMs, stream: only }: LogQuery): boolean {
  if (sinceMs !== undefined && timeMs < sinceMs) return false
  return only === undefined || only === 'All' || only.toLowerCase() === stream
}

/** A line as it is sent, with its newline; the time has nine digits of a second. */
export function formatLine({ timeMs, text }: LogLine, { timestamps }: LogQuery): string {
  return timestamps ? `${new Date(timeMs).toISOString().slice(0, 23)}000000Z ${text}\n` : `${text}\n`
}
