import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fc } from '../suites/property.ts'
import { seedOfRun } from '../suites/seeded-random.ts'
import { startTestServer, type TestServer } from '../suites/server.ts'
import { isUnexpected } from './expected-failures.ts'
import { describeRequest, FuzzClient } from './fuzz-client.ts'
import { fuzzRequest } from './fuzz-request.ts'
import { attack, rawAttack } from './raw-attacks.ts'

const seed = seedOfRun()

let server: TestServer
let client: FuzzClient

beforeAll(async () => {
  server = await startTestServer()
  client = new FuzzClient(server.url)
})

afterAll(async () => {
  client.close()
  await server.stop()
})

const isHealthy = async (): Promise<boolean> =>
  (await client.send({ method: 'GET', path: '/readyz', headers: {}, body: undefined })).status === 200

describe(`hostile requests (seed ${seed})`, () => {
  test('requests of any kind: no failure of the server, nothing logged as one', async () => {
    await fc.assert(
      fc.asyncProperty(fuzzRequest, async (request) => {
        const answer = await client.send(request)
        if (isUnexpected(request, answer))
          throw new Error(`${describeRequest(request)} → ${answer.status} ${answer.text}`)
      }),
      { numRuns: 3_000, endOnFailure: false },
    )
    expect(server.errors).toEqual([])
    expect(await isHealthy()).toBe(true)
  })

  test('bytes that are no requests: refused or dropped, others are served meanwhile', async () => {
    const port = Number(new URL(server.url).port)
    await fc.assert(
      fc.asyncProperty(rawAttack, async (message) => {
        for (const status of await attack(port, message)) expect([501, 505].includes(status) || status < 500).toBe(true)
      }),
      { numRuns: 300 },
    )
    expect(server.errors).toEqual([])
    expect(await isHealthy()).toBe(true)
  })
})
