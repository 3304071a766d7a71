import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['*.test.mjs'],
    testTimeout: 30_000,
    // Only here, where the package lies beside the tests: elsewhere it is in node_modules and loaded as it is.
    server: { deps: { external: [/\/dist\//] } },
  },
})
