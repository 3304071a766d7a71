// Writes dist/types: the type declarations of the library, and of nothing that they do not refer to.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'

const root = join(import.meta.dirname, '..')
const out = join(root, 'dist/types')
const ENTRIES = ['src/cluster/library.ts', 'src/cluster/vitest.ts']

const folder = mkdtempSync(join(tmpdir(), 'kubemu-types-'))
try {
  const config = join(folder, 'tsconfig.json')
  const compilerOptions = {
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    rootDir: root,
    outDir: join(folder, 'out'),
    typeRoots: [join(root, 'node_modules/@types')],
  }
  const files = ENTRIES.map((entry) => join(root, entry))
  writeFileSync(config, JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions, include: [], files }))
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  execFileSync(process.execPath, [tsc, '-p', config], { cwd: root, stdio: 'inherit' })
  rmSync(out, { recursive: true, force: true })
  const seen = new Set()
  for (const entry of ENTRIES) copy(join(folder, 'out', entry))

  /** Copies a declaration and those that it imports, under the names that their modules have as JavaScript. */
  function copy(source) {
    if (seen.has(source)) return
    seen.add(source)
    const text = readFileSync(source.replace(/\.ts$/, '.d.ts'), 'utf8')
    const target = join(out, relative(join(folder, 'out/src'), source))
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target.replace(/\.ts$/, '.d.ts'), text.replace(/(['"])(\.{1,2}\/[^'"]+)\.ts\1/g, '$1$2.js$1'))
    for (const [, , path] of text.matchAll(/(['"])(\.{1,2}\/[^'"]+\.ts)\1/g)) copy(resolve(dirname(source), path))
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
