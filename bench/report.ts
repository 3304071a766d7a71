import { readFile, writeFile } from 'node:fs/promises'
import { arch, cpus, platform, totalmem } from 'node:os'

/** A table of results; cells are text already rounded for readers. */
export interface Table {
  readonly title: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** One of the figures that count: what was measured, and the figure with its unit. */
export type Headline = readonly [what: string, figure: string]

/** What a benchmark has found. */
export interface Report {
  readonly tables: readonly Table[]
  /** Under which circumstances, besides the machine. */
  readonly conditions?: string
  readonly headlines: readonly Headline[]
}

export interface Benchmark {
  /** `quick`: everything once, shortly; the figures say little then. */
  measure(options: { readonly quick: boolean }): Promise<Report>
}

const readme = new URL('./README.md', import.meta.url)

/** What the figures were measured on: no names, only what makes figures comparable. */
function machine(): string {
  const gibibytes = Math.round(totalmem() / 2 ** 30)
  return `${cpus().length} cores, ${gibibytes} GiB memory, ${platform()} ${arch()}, Node.js ${process.version}`
}

function toMarkdown({ title, columns, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const rule = columns.map((_, i) => (i === 0 ? '---' : '---:'))
  return [`### ${title}`, '', line(columns), line(rule), ...rows.map(line), ''].join('\n')
}

/** A report as its section in `bench/README.md` shows it. */
export function sectionOf({ tables, conditions }: Report): string {
  const measured = [`Measured on: ${machine()}.`, ...(conditions ? [conditions] : [])].join(' ')
  return [measured, '', ...tables.map(toMarkdown)].join('\n')
}

/** Replaces the section between the markers of that name in `bench/README.md`. */
export async function writeSection(name: string, text: string): Promise<void> {
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`]
  const document = await readFile(readme, 'utf8')
  const [from, to] = [document.indexOf(begin), document.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`bench/README.md has no section ${name}`)
  await writeFile(readme, `${document.slice(0, from + begin.length)}\n\n${text.trim()}\n\n${document.slice(to)}`)
}

/** A number as people read it: 12,345 or 12.3 or 0.123. */
export function round(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en-US')
  return value >= 10 ? value.toFixed(1) : value.toPrecision(3)
}
