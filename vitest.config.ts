import { defineConfig } from 'vitest/config'

/** Suites by kind, so that `npm run test:unit` stays quick; `npm test` runs them all. */
export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: ['default'],
    projects: [
      { extends: true, test: { name: 'unit', include: ['src/**/*.test.ts', 'openapi/**/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'storage',
          include: ['test/storage/**/*.test.ts', 'test/crash/**/*.test.ts'],
          testTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts', 'test/oracle/**/*.test.ts', 'test/attack/**/*.test.ts'],
        },
      },
      {
        extends: true,
        test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 120_000 },
      },
      { extends: true, test: { name: 'fuzz', include: ['test/fuzz/**/*.test.ts'], testTimeout: 240_000 } },
    ],
  },
})
