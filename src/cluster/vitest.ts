import { test as base, type TestAPI } from 'vitest'
import type { Cluster, CreateClusterOptions } from './library-api.ts'

/** What tests made by {@link clusterTest} are given. */
export interface ClusterFixtures {
  /** The file's cluster, in the state that it was ready in (or that of its `baseline()`). */
  readonly cluster: Cluster
}

/**
 * vitest's `test` with a cluster: one for each file, started when a test first asks for it, reset after each test that
 * had it, stopped at the end. Tests that share it must not run concurrently.
 *
 *     const test = clusterTest({ nodes: 2 })
 *     test('runs', async ({ cluster }) => { await cluster.apply(manifests) })
 *
 * @param prepare Called once, before the first test: what it makes is there in each of them.
 */
export function clusterTest(
  options: CreateClusterOptions = {},
  prepare?: (cluster: Cluster) => Promise<unknown>,
): TestAPI<ClusterFixtures> {
  return base.extend<ClusterFixtures & { fileCluster: Cluster }>({
    fileCluster: [
      // biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are wanted
      async ({}, use) => {
        const { createCluster } = await import('./create-cluster.ts')
        const cluster = await createCluster(options)
        try {
          if (prepare) {
            await prepare(cluster)
            await cluster.baseline()
          }
          await use(cluster)
        } finally {
          await cluster.stop()
        }
      },
      { scope: 'file' },
    ],
    cluster: async ({ fileCluster }, use) => {
      await use(fileCluster)
      await fileCluster.reset()
    },
  }) as TestAPI<ClusterFixtures>
}
