// Builds dist/: the program in a few bundled files, so that a start loads a few files instead of two thousand, and the
// type declarations of the library.
import { chmodSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '..')
const out = join(root, 'dist')
rmSync(out, { recursive: true, force: true })

await build({
  absWorkingDir: root,
  entryPoints: { kubemu: 'src/cli/main.ts', index: 'src/cluster/library.ts', vitest: 'src/cluster/vitest.ts' },
  outdir: out,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  // What is imported on demand stays in files of its own.
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // Shorter text is parsed sooner; names stay, for stack traces.
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'external',
  external: [
    // Native code is loaded from its own package; swagger-ui and etcd3 read files that lie beside their code.
    ...['classic-level', '@fastify/swagger-ui', '@fastify/swagger', 'etcd3'],
    // Wanted by few starts, but at once then: see lazyModule.
    ...['protobufjs', 're2js', 'yaml'],
    // Validators and serializers of Fastify's schemas are never asked for; vitest is who runs the tests.
    ...['@fastify/ajv-compiler', '@fastify/fast-json-stringify-compiler', 'vitest'],
  ],
  // CommonJS packages inside the bundle want require, __filename and __dirname.
  banner: {
    js: [
      "import { createRequire as __createRequire } from 'node:module';",
      "import { fileURLToPath as __fileURLToPath } from 'node:url';",
      "import { dirname as __pathDirname } from 'node:path';",
      'const require = __createRequire(import.meta.url);',
      'const __filename = __fileURLToPath(import.meta.url);',
      'const __dirname = __pathDirname(__filename);',
    ].join('\n'),
  },
  logLevel: 'warning',
})
chmodSync(join(out, 'kubemu.mjs'), 0o755)
await import('./declarations.mjs')
