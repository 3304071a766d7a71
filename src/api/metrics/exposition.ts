export type Labels = Readonly<Record<string, string>>

/** One line of a metric. `suffix`: `_bucket`, `_sum`, `_count`. */
export interface Sample {
  readonly labels: Labels
  readonly value: number
  readonly suffix?: string
  /** When it was measured; unset: when it is asked for. */
  readonly timestampMs?: number
}

/** A metric as it stands when it is asked for. */
export interface Metric {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary'
  samples(): Iterable<Sample>
}

/** Content type of {@link expose}'s text, as upstream names it. */
export const EXPOSITION_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores'

/** Prometheus' text format. */
export function expose(metrics: Iterable<Metric>): string {
  const lines: string[] = []
  for (const { name, help, type, samples } of metrics) {
    const values = [...samples()]
    if (values.length === 0) continue
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
    for (const { labels, value, suffix = '', timestampMs } of values) {
      const at = timestampMs === undefined ? '' : ` ${timestampMs}`
      lines.push(`${name}${suffix}${labelText(labels)} ${value}${at}`)
    }
  }
  return `${lines.join('\n')}\n`
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

const escapeLabel = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
