export type Labels = Readonly<Record<string, string>>

/** One line of a metric. `suffix`: `_bucket`, `_sum`, `_count`. */
export interface Sample {
  /** Samples that share an object follow each other: its text is made once. */
  readonly labels: Labels
  /** The label `le` of a histogram's bucket. */
  readonly le?: string
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
    let last: Labels | undefined
    let text = ''
    for (const { labels, le, value, suffix = '', timestampMs } of values) {
      if (labels !== last) text = labelText(labels)
      last = labels
      const at = timestampMs === undefined ? '' : ` ${timestampMs}`
      lines.push(`${name}${suffix}${braced(text, le)} ${value}${at}`)
    }
  }
  return `${lines.join('\n')}\n`
}

function braced(text: string, le: string | undefined): string {
  if (le === undefined) return text === '' ? '' : `{${text}}`
  return text === '' ? `{le="${le}"}` : `{${text},le="${le}"}`
}

function labelText(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabel(value)}"`)
    .join(',')
}

const ESCAPED = /[\\\n"]/

const escapeLabel = (value: string): string =>
  ESCAPED.test(value) ? value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"') : value
