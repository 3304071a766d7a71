// Installs the dependencies of a fresh clone, so that `npm start` and `npm test` need nothing else.
import { execFileSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const stamp = join(root, 'node_modules/.package-lock.json')
const isFresh = existsSync(stamp) && statSync(stamp).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs
if (!isFresh) {
  const npm = process.env.npm_execpath
  const args = ['ci', '--no-audit', '--no-fund']
  // npm names its own script file, which node can run on every system.
  if (npm?.endsWith('.js')) execFileSync(process.execPath, [npm, ...args], { cwd: root, stdio: 'inherit' })
  else execFileSync('npm', args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' })
}
