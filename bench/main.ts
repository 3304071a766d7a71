/** `npm run bench -- <name> [--quick]`: each benchmark prints its table and writes it into `bench/README.md`. */
const benchmarks: Readonly<Record<string, () => Promise<{ run(options: { quick: boolean }): Promise<void> }>>> = {
  storage: () => import('./storage.ts'),
  apply: () => import('./apply.ts'),
  api: () => import('./api.ts'),
  http2: () => import('./http2.ts'),
  admission: () => import('./admission.ts'),
  auth: () => import('./auth.ts'),
  controllers: () => import('./controllers.ts'),
  trace: () => import('./trace.ts'),
  library: () => import('./library.ts'),
}

const [name = '', ...flags] = process.argv.slice(2)
const load = benchmarks[name]
if (load === undefined) {
  console.error(`usage: npm run bench -- <${Object.keys(benchmarks).join('|')}> [--quick]`)
  process.exitCode = 2
} else {
  const { run } = await load()
  await run({ quick: flags.includes('--quick') })
}
