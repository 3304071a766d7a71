import fc from 'fast-check'
import { startTestServer } from '../suites/server.ts'
import { isUnexpected } from './expected-failures.ts'
import { describeRequest, FuzzClient } from './fuzz-client.ts'
import { fuzzRequest } from './fuzz-request.ts'
import { attack, rawAttack } from './raw-attacks.ts'

/**
 * `npm run fuzz -- [--requests N] [--seed N]`: many hostile requests against one server, in batches. Fails with the
 * first requests that upstream would have answered better, and where memory or connections do not come back.
 */

const BATCH = 2_000
const CONCURRENCY = 16
/** What the heap may have grown by between the second batch, when all is warm, and the end. */
const MAX_GROWTH_BYTES = 128 * 1024 * 1024

const requests = option('requests', 100_000)
const seed = option('seed', Date.now() % 2 ** 31)
const statuses = new Map<number, number>()
const unexpected: string[] = []

function option(name: string, otherwise: number): number {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? otherwise : Number(process.argv[at + 1])
}

const server = await startTestServer()
const client = new FuzzClient(server.url)
const port = Number(new URL(server.url).port)

async function runBatch(batchSeed: number, size: number): Promise<void> {
  const queue = fc.sample(fuzzRequest, { seed: batchSeed, numRuns: size })
  const worker = async (): Promise<void> => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const answer = await client.send(next)
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
      if (isUnexpected(next, answer))
        unexpected.push(`${describeRequest(next)}\n  → ${answer.status} ${answer.text.slice(0, 500)}`)
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, worker))
  for (const message of fc.sample(rawAttack, { seed: batchSeed, numRuns: Math.ceil(size / 40) }))
    await attack(port, message)
  await server.compact()
}

/** Bytes of the heap in use, after a collection where node was started with `--expose-gc`. */
function heap(): number {
  ;(globalThis as { gc?: () => void }).gc?.()
  return process.memoryUsage().heapUsed
}

console.info(`seed ${seed}`)
let warm = 0
const start = performance.now()
for (let done = 0, batch = 0; done < requests; done += BATCH, batch++) {
  await runBatch(seed + batch, Math.min(BATCH, requests - done))
  const used = heap()
  if (batch === 1) warm = used
  console.info(
    `${Math.min(done + BATCH, requests)} requests, heap ${Math.round(used / 2 ** 20)} MiB, ${unexpected.length} unexpected`,
  )
  if (unexpected.length >= 20) break
}
const seconds = (performance.now() - start) / 1000
const grown = warm === 0 ? 0 : heap() - warm
client.close()
console.info(
  `answers: ${[...statuses]
    .sort(([a], [b]) => a - b)
    .map(([status, count]) => `${status}: ${count}`)
    .join(', ')}`,
)
console.info(`${Math.round(requests / seconds)} requests/s, heap grew by ${Math.round(grown / 2 ** 20)} MiB`)
for (const text of unexpected) console.error(text)
for (const line of server.errors.slice(0, 20)) console.error(line.slice(0, 2_000))
const failed = unexpected.length > 0 || server.errors.length > 0 || grown > MAX_GROWTH_BYTES
await server.stop()
process.exitCode = failed ? 1 : 0
