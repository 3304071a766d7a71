// npm run crash -- --cycles 500 [--seed 1]
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { cycles: { type: 'string', default: '20' }, seed: { type: 'string' } } })
const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
const { status } = spawnSync(process.execPath, [vitest, 'run', '--project', 'storage', 'test/crash/crash.test.ts'], {
  cwd: fileURLToPath(new URL('../..', import.meta.url)),
  env: { ...process.env, CRASH_CYCLES: values.cycles, ...(values.seed === undefined ? {} : { SEED: values.seed }) },
  stdio: 'inherit',
})
process.exit(status ?? 1)
