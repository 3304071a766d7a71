import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { systemClock } from '../../apimachinery/clock.ts'
import { CONFIG_MAPS } from '../runtime/resources.ts'
import { HttpClient } from './http-client.ts'

/** An answer of a server: a list, or the reason why not. */
type Answer = { readonly items: readonly string[]; readonly next?: string } | { readonly expired: true }

let server: Server | undefined
let client: HttpClient | undefined
afterEach(async () => {
  client?.close()
  await new Promise((resolve) => server?.close(resolve) ?? resolve(undefined))
})

/** A client of a server that answers lists as told, and the queries that it was sent. */
async function listing(answers: readonly Answer[]): Promise<{ client: HttpClient; queries: Record<string, string>[] }> {
  const queries: Record<string, string>[] = []
  server = createServer((request, response) => {
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
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  client = HttpClient.connect({
    access: { server: url, skipVerify: false },
    clock: systemClock,
    userAgent: 'test/1',
    impersonate: false,
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
