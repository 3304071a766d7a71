// Builds dist/: the program in one bundled file with what loads it, so that a start reads one file instead of two
// thousand, and the type declarations of the library.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '..')
const out = join(root, 'dist')
rmSync(out, { recursive: true, force: true })
/** Large packages that few starts want, each in a file of its own. */
const PARTS = ['@peculiar/x509', 'pino-pretty', 'prom-client']
const partOf = (name) => `./parts/${name.replace(/^.*\//, '')}.cjs`

/** Has what is imported by some names looked for in another file of dist. */
const redirect = (name, filter, pathOf) => ({
  name,
  setup: ({ onResolve }) => onResolve({ filter }, ({ path }) => ({ path: pathOf(path), external: true })),
})

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20',
  // Shorter text is parsed sooner; names stay, for stack traces.
  minifySyntax: true,
  minifyWhitespace: true,
  logLevel: 'warning',
}

const { outputFiles } = await build({
  ...common,
  // Each is run when it is first asked for. What is imported on demand is run on demand as well.
  stdin: {
    contents: `
      export const cli = () => require('./src/cli/main.ts')
      export const library = () => require('./src/cluster/library.ts')
      export const initialObjects = () => require('./src/cluster/bootstrap/initial-objects.ts').initialObjects`,
    resolveDir: root,
  },
  outfile: join(out, 'kubemu.cjs'),
  write: false,
  format: 'cjs',
  define: { 'import.meta.url': '__filename', 'import.meta.dirname': '__dirname' },
  // What is compiled from a cache can't import, without a warning of Node's; it can require.
  supported: { 'dynamic-import': false },
  legalComments: 'external',
  plugins: [redirect('parts', new RegExp(`^(${PARTS.join('|')})$`), partOf)],
  external: [
    // Native code is loaded from its own package; swagger-ui and etcd3 read files that lie beside their code.
    ...['classic-level', '@fastify/swagger-ui', '@fastify/swagger', 'etcd3'],
    // Wanted by few starts, but at once then: see lazyModule.
    ...['protobufjs', 're2js', 'yaml'],
    // Validators and serializers of Fastify's schemas are never asked for; vitest is who runs the tests.
    ...['@fastify/ajv-compiler', '@fastify/fast-json-stringify-compiler', 'vitest'],
  ],
})
const { text: written } = outputFiles.find(({ path }) => path.endsWith('.cjs'))
// ASCII is read fastest. Beyond it are a few regular expressions: in strings, esbuild escapes it itself.
const text = written.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
const legal = outputFiles.find(({ path }) => path.endsWith('.LEGAL.txt'))
const bundleName = `kubemu-${createHash('sha256').update(text).digest('hex').slice(0, 16)}.cjs`

await build({
  ...common,
  entryPoints: PARTS.map((name) => ({ in: name, out: partOf(name).replace('.cjs', '') })),
  outdir: out,
  outExtension: { '.js': '.cjs' },
  format: 'cjs',
  legalComments: 'external',
})
await build({
  ...common,
  entryPoints: { load: 'scripts/load-bundle.mjs', vitest: 'src/cluster/vitest.ts' },
  outdir: out,
  outExtension: { '.js': '.mjs' },
  format: 'esm',
  define: { BUNDLE_NAME: JSON.stringify(bundleName) },
  external: ['vitest'],
  plugins: [redirect('library', /\/create-cluster\.ts$/, () => './index.mjs')],
})
writeFileSync(join(out, bundleName), text)
if (legal) writeFileSync(join(out, `${bundleName}.LEGAL.txt`), legal.contents)
writeFileSync(join(out, 'kubemu.mjs'), "#!/usr/bin/env node\nimport { bundle } from './load.mjs'\n\nbundle.cli()\n")
chmodSync(join(out, 'kubemu.mjs'), 0o755)

const library = { entryPoints: ['src/cluster/library.ts'], outdir: out, format: 'esm', write: false, metafile: true }
const { metafile } = await build({ ...common, ...library, bundle: false })
const names = Object.values(metafile.outputs)[0].exports
writeFileSync(
  join(out, 'index.mjs'),
  `import { bundle } from './load.mjs'\n\nexport const { ${names.join(', ')} } = bundle.library()\n`,
)
await import('./declarations.mjs')
for (const step of ['write-initial-objects', 'warm-code-cache'])
  execFileSync(process.execPath, [join(root, `scripts/${step}.mjs`)], { stdio: 'ignore', timeout: 120_000 })
