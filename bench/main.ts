/**
 * `npm run bench -- <name> [--quick]`: measures, prints the tables and writes them into `bench/README.md`, unless they were
 * measured quickly. `all` runs every benchmark in a process of its own and puts the figures that count on one page.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Benchmark, type Headline, type Report, round, sectionOf, writeSection } from './report.ts'

const BENCHMARKS: Readonly<Record<string, () => Promise<Benchmark>>> = {
  storage: () => import('./storage.ts'),
  api: () => import('./api.ts'),
  http2: () => import('./http2.ts'),
  write: () => import('./write.ts'),
  apply: () => import('./apply.ts'),
  auth: () => import('./auth.ts'),
  admission: () => import('./admission.ts'),
  controllers: () => import('./controllers.ts'),
  library: () => import('./library.ts'),
  trace: () => import('./trace.ts'),
}

/** Where a benchmark that is run for the page leaves its headlines. */
const HEADLINES_FILE = 'KUBEMU_BENCH_HEADLINES'

async function one(name: string, quick: boolean): Promise<void> {
  const { measure } = await BENCHMARKS[name]!()
  const report = await measure({ quick })
  const text = sectionOf(report)
  console.log(text)
  if (!quick) await writeSection(name, text)
  const file = process.env[HEADLINES_FILE]
  if (file) writeFileSync(file, JSON.stringify(report.headlines))
}

async function all(quick: boolean): Promise<void> {
  const began = performance.now()
  const folder = mkdtempSync(join(tmpdir(), 'kubemu-bench-'))
  const file = join(folder, 'headlines.json')
  const rows: string[][] = []
  try {
    for (const name of Object.keys(BENCHMARKS)) {
      const args = [...process.execArgv, fileURLToPath(import.meta.url), name, ...(quick ? ['--quick'] : [])]
      execFileSync(process.execPath, args, { stdio: 'inherit', env: { ...process.env, [HEADLINES_FILE]: file } })
      const headlines = JSON.parse(readFileSync(file, 'utf8')) as Headline[]
      rows.push(...headlines.map(([what, figure], i) => [i === 0 ? name : '', what, figure]))
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  const minutes = round((performance.now() - began) / 60_000)
  const report: Report = {
    tables: [{ title: 'The figures that count', columns: ['benchmark', 'what', 'figure'], rows }],
    conditions: `All in one go, in ${minutes} minutes; load of the machine in the end: ${round(loadavg()[1]!)}.`,
    headlines: [],
  }
  const text = sectionOf(report)
  console.log(text)
  if (!quick) await writeSection('all', text)
}

const [name = '', ...flags] = process.argv.slice(2)
const quick = flags.includes('--quick')
if (name !== 'all' && !Object.hasOwn(BENCHMARKS, name)) {
  console.error(`usage: npm run bench -- <all|${Object.keys(BENCHMARKS).join('|')}> [--quick]`)
  process.exitCode = 2
} else if (!existsSync(new URL('../dist/kubemu.mjs', import.meta.url))) {
  console.error('the program is measured as it is built: npm run build')
  process.exitCode = 2
} else if (name === 'all') await all(quick)
else await one(name, quick)
