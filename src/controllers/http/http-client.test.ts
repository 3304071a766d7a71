import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { systemClock } from '../../apimachinery/clock.ts'
import { ManualClock } from '../../apimachinery/manual-clock.ts'
import { silentLogger } from '../runtime/logger.ts'
import { CONFIG_MAPS } from '../runtime/resources.ts'
import { HttpClient, type HttpClientOptions } from './http-client.ts'
import { noRequestMetrics } from './request-metrics.ts'
import { ServiceAccountTokens } from './service-account-tokens.ts'

/** An answer of a server: a list, or the reason why not. */
type Answer = { readonly items: readonly string[]; readonly next?: string } | { readonly expired: true }

let server: Server | undefined
let client: HttpClient | undefined
afterEach(async () => {
  client?.close()
  server?.closeAllConnections()
  await new Promise((resolve) => server?.close(resolve) ?? resolve(undefined))
  server = undefined
})

/** A client of a server that answers as the listener does. */
async function serving(listener: RequestListener, more: Partial<HttpClientOptions> = {}): Promise<HttpClient> {
  server = createServer(listener)
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  client = HttpClient.connect({
    access: { server: url, skipVerify: false },
    clock: systemClock,
    userAgent: 'test/1',
    ...more,
  })
  return client
}

/** A client of a server that answers lists as told, and the queries that it was sent. */
async function listing(answers: readonly Answer[]): Promise<{ client: HttpClient; queries: Record<string, string>[] }> {
  const queries: Record<string, string>[] = []
  const client = await serving((request, response) => {
    const answer = answers[queries.length]!
    queries.push(Object.fromEntries(new URL(request.url!, 'http://server').searchParams))
    if ('expired' in answer) {
      response.writeHead(410, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ kind: 'Status', status: 'Failure', reason: 'Expired', code: 410, message: 'old' }))
      return
    }
    const items = answer.items.map((name) => ({ metadata: { name } }))
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ metadata: { resourceVersion: '7', continue: answer.next }, items }))
  })
  return { client, queries }
}

const names = (list: { readonly items: readonly { readonly metadata: { readonly name?: string } }[] }) =>
  list.items.map((item) => item.metadata.name)

test('a list is read in pages of 500, the first at the revision that was asked for', async () => {
  const { client, queries } = await listing([
    { items: ['a', 'b'], next: 'c1' },
    { items: ['c'], next: 'c2' },
    { items: ['d'] },
  ])
  const list = await client.list(CONFIG_MAPS, { resourceVersion: '0', labelSelector: 'x=y' })
  expect(names(list)).toEqual(['a', 'b', 'c', 'd'])
  expect([list.resourceVersion, list.continueToken]).toEqual(['7', undefined])
  expect(queries).toEqual([
    { resourceVersion: '0', labelSelector: 'x=y', limit: '500' },
    { labelSelector: 'x=y', limit: '500', continue: 'c1' },
    { labelSelector: 'x=y', limit: '500', continue: 'c2' },
  ])
})

test('where the pages expire half-way, the whole list is read at once', async () => {
  const { client, queries } = await listing([{ items: ['a'], next: 'c1' }, { expired: true }, { items: ['a', 'b'] }])
  expect(names(await client.list(CONFIG_MAPS))).toEqual(['a', 'b'])
  expect(queries).toEqual([{ limit: '500' }, { limit: '500', continue: 'c1' }, {}])
})

test('a page that was asked for, and a list no older than a revision, are one request', async () => {
  const { client, queries } = await listing([{ items: ['a'], next: 'c1' }, { items: ['a'] }])
  expect((await client.list(CONFIG_MAPS, { limit: 1 })).continueToken).toBe('c1')
  await client.list(CONFIG_MAPS, { resourceVersion: '5' })
  expect(queries).toEqual([{ limit: '1' }, { resourceVersion: '5' }])
})

const KEY = { namespace: 'default', name: 'a' }
const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: KEY }

test('a request that nobody answers ends after its time, and says which it was', async () => {
  const client = await serving(() => {})
  const url = `http://127.0.0.1:${(server!.address() as AddressInfo).port}`
  await expect(client.within(50).get(CONFIG_MAPS, KEY)).rejects.toThrow(
    `Get "${url}/api/v1/namespaces/default/configmaps/a": no answer within 0.05 s`,
  )
  await expect(client.within(50).create(CONFIG_MAPS, configMap)).rejects.toThrow(
    `Post "${url}/api/v1/namespaces/default/configmaps": no answer within 0.05 s`,
  )
})

test('an answer that stops half-way ends after its time, too', async () => {
  const client = await serving((_request, response) => {
    response.writeHead(200, { 'content-length': '100' })
    response.write('{')
  })
  await expect(client.within(50).get(CONFIG_MAPS, KEY)).rejects.toThrow('no answer within 0.05 s')
})

test('a server that is not there is named as Go names it', async () => {
  const client = await serving(() => {})
  const { port } = server!.address() as AddressInfo
  await new Promise((resolve) => server!.close(resolve))
  await expect(client.update(CONFIG_MAPS, configMap)).rejects.toThrow(
    `Put "http://127.0.0.1:${port}/api/v1/namespaces/default/configmaps/a": dial tcp 127.0.0.1:${port}: connect: connection refused`,
  )
})

test('what is no API server is told from one, also in a watch', async () => {
  const client = await serving((_request, response) => response.end('<html>It works!</html>\n'))
  await expect(client.get(CONFIG_MAPS, KEY)).rejects.toThrow('is no JSON: <html>It works!</html>')
  const end = await new Promise<Error | undefined>((resolve) => {
    client.watch(CONFIG_MAPS, { resourceVersion: '1' }, { event: () => {}, end: resolve })
  })
  expect(end?.message).toMatch(/^Get ".*watch=true.*": Unexpected token/)
})

test('a read whose connection is cut off is made again, a write is not', async () => {
  let requests = 0
  const clock = new ManualClock()
  const client = await serving(
    (request, response) => {
      requests++
      if (request.method === 'GET' && requests > 1) response.end(JSON.stringify(configMap))
      else request.socket.destroy()
    },
    { clock },
  )
  const read = client.get(CONFIG_MAPS, KEY)
  while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve))
  clock.advance(1000)
  expect(await read).toEqual(configMap)
  await expect(client.create(CONFIG_MAPS, configMap)).rejects.toThrow(/^Post ".*": EOF$/)
  expect(requests).toBe(3)
})

test('requests are counted as client-go counts them', async () => {
  const counts: string[] = []
  const metrics = {
    ...noRequestMetrics,
    answered: (code: string, method: string, host: string) => counts.push(`${method} ${code} ${host}`),
    took: (method: string, _host: string, ms: number) => counts.push(`${method} took ${ms > 0}`),
    sizes: (method: string, _host: string, sent: number, received: number) =>
      counts.push(`${method} ${sent} ${received}`),
  }
  const client = await serving(
    (request, response) => {
      response.statusCode = request.method === 'POST' ? 201 : 200
      response.end('{}')
    },
    { metrics },
  )
  const { port } = server!.address() as AddressInfo
  await client.create(CONFIG_MAPS, configMap)
  const size = JSON.stringify(configMap).length
  expect(counts).toEqual([`POST 201 127.0.0.1:${port}`, `POST ${size} 2`, 'POST took true'])
  counts.length = 0
  const ended = new Promise((resolve) => {
    client.watch(CONFIG_MAPS, { resourceVersion: '1' }, { event: () => {}, end: resolve })
  })
  await ended
  expect(counts).toEqual([`GET 200 127.0.0.1:${port}`])
})

test('beyond its rate an identity waits, others do not wait for it', async () => {
  const clock = new ManualClock()
  let requests = 0
  const client = await serving(
    (_request, response) => {
      requests++
      response.end('{}')
    },
    { clock, rate: { perSecond: 2, burst: 3 }, impersonate: true },
  )
  const done = Promise.all(Array.from({ length: 5 }, () => client.get(CONFIG_MAPS, KEY)))
  await client.as('jane').get(CONFIG_MAPS, KEY)
  while (requests < 4) await new Promise((resolve) => setImmediate(resolve))
  clock.advance(499)
  await client.as('jane').get(CONFIG_MAPS, KEY)
  expect(requests).toBe(5)
  clock.advance(1)
  while (requests < 6) await new Promise((resolve) => setImmediate(resolve))
  clock.advance(500)
  await done
  expect(requests).toBe(7)
})

/** A server that gives out tokens and shows who asks for what. */
async function withTokens(clock: ManualClock) {
  const seen: string[] = []
  const state = { issued: 0, knowsAccount: false, known: (_token: string) => true, fails: false }
  const client = await serving(
    (request, response) => {
      const authorization = request.headers.authorization ?? ''
      seen.push(`${request.method} ${request.url} ${authorization}`.trim())
      const answer = (code: number, body: object): void => {
        response.writeHead(code, { 'content-type': 'application/json' })
        response.end(JSON.stringify(body))
      }
      const failure = (code: number, reason: string) => answer(code, { kind: 'Status', code, reason, message: reason })
      const url = request.url ?? ''
      if (url.endsWith('/token')) {
        if (state.fails) return failure(500, 'InternalError')
        const expirationTimestamp = new Date(clock.now() + 3_600_000).toISOString()
        return answer(201, { status: { token: `t${++state.issued}`, expirationTimestamp } })
      }
      if (url.includes('/serviceaccounts')) {
        if (request.method === 'POST') state.knowsAccount = true
        return state.knowsAccount ? answer(200, {}) : failure(404, 'NotFound')
      }
      if (authorization !== '' && !state.known(authorization)) return failure(401, 'Unauthorized')
      return answer(200, {})
    },
    {
      clock,
      serviceAccounts: (client) =>
        new ServiceAccountTokens({ client, clock, logger: silentLogger, namespace: 'kube-system' }),
    },
  )
  return { client, seen, state }
}

test('a service account is created where it is missing, and acts with a token that is renewed in time', async () => {
  const clock = new ManualClock()
  const { client, seen, state } = await withTokens(clock)
  const account = client.as('system:serviceaccount:kube-system:deployment-controller')
  await Promise.all([account.get(CONFIG_MAPS, KEY), account.get(CONFIG_MAPS, KEY)])
  const accounts = '/api/v1/namespaces/kube-system/serviceaccounts'
  const read = 'GET /api/v1/namespaces/default/configmaps/a'
  expect(seen).toEqual([
    `GET ${accounts}/deployment-controller`,
    'GET /api/v1/namespaces/kube-system',
    `POST ${accounts}`,
    `POST ${accounts}/deployment-controller/token`,
    `${read} Bearer t1`,
    `${read} Bearer t1`,
  ])
  clock.advance(0.8 * 3_600_000 - 1)
  seen.length = 0
  await account.get(CONFIG_MAPS, KEY)
  clock.advance(1)
  await account.get(CONFIG_MAPS, KEY)
  expect(seen.filter((line) => line.startsWith(read))).toEqual([`${read} Bearer t1`, `${read} Bearer t2`])
  await client.get(CONFIG_MAPS, KEY)
  await client.as('system:serviceaccount:default:other').get(CONFIG_MAPS, KEY)
  expect(seen.slice(-2)).toEqual([read, read])
  expect(state.issued).toBe(2)
})

test('a token that the server refuses is not used again; one that cannot be renewed goes on being used', async () => {
  const clock = new ManualClock()
  const { client, state } = await withTokens(clock)
  const account = client.as('system:serviceaccount:kube-system:job-controller')
  await account.get(CONFIG_MAPS, KEY)
  state.known = (token) => token !== 'Bearer t1'
  clock.advance(1000)
  await expect(account.get(CONFIG_MAPS, KEY)).rejects.toMatchObject({ code: 401 })
  await account.get(CONFIG_MAPS, KEY)
  expect(state.issued).toBe(2)
  state.fails = true
  clock.advance(3_000_000)
  let isDone = false
  const done = account.get(CONFIG_MAPS, KEY).then(() => {
    isDone = true
  })
  while (!isDone) {
    clock.advance(500)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await done
  expect(state.issued).toBe(2)
})
