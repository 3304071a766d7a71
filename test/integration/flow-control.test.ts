import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CONFIG_MAPS, configMap, type HttpServer, head, RawConnection, startHttpServer } from '../suites/http-server.ts'

let http: HttpServer

const ask = (path: string, token: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`http://127.0.0.1:${http.port}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  })

/** A create whose body is not sent: it holds its place until it is. */
async function hold(token: string): Promise<() => Promise<string>> {
  const body = configMap(`held-${Math.random().toString(36).slice(2)}`)
  const connection = await RawConnection.open(http.port)
  connection.write(
    head('POST', CONFIG_MAPS, {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'content-length': body.length,
    }),
  )
  return async () => {
    connection.write(body)
    const answer = await connection.until(/^HTTP\/1\.1 \d+ [\s\S]*\r\n\r\n/)
    connection.socket.destroy()
    return answer
  }
}

async function metric(line: string): Promise<number> {
  const text = await (await ask('/metrics', 'admin-token')).text()
  return Number(
    text
      .split('\n')
      .find((l) => l.startsWith(line))
      ?.split(' ')
      .at(-1) ?? 0,
  )
}

const executing = (): Promise<number> =>
  metric('apiserver_flowcontrol_current_executing_requests{priority_level="global-default"')
const waiting = (): Promise<number> =>
  metric('apiserver_flowcontrol_current_inqueue_requests{priority_level="global-default"')

describe('by flow schemas and priority levels', () => {
  beforeAll(async () => {
    // Two seats: one for each level of each share, of which workload-low and workload-high lend theirs.
    http = await startHttpServer('--max-requests-inflight=1', '--max-mutating-requests-inflight=1')
  })

  afterAll(() => http.stop())

  test('every answer names the objects that it was classified by', async () => {
    const answer = await ask('/api/v1/namespaces', 'jane-token')
    const uid = async (resource: string): Promise<string> => {
      const path = `/apis/flowcontrol.apiserver.k8s.io/v1/${resource}/global-default`
      const object = (await (await ask(path, 'admin-token')).json()) as { metadata: { uid: string } }
      return object.metadata.uid
    }
    expect(answer.headers.get('x-kubernetes-pf-flowschema-uid')).toBe(await uid('flowschemas'))
    expect(answer.headers.get('x-kubernetes-pf-prioritylevel-uid')).toBe(await uid('prioritylevelconfigurations'))
  })

  test('who is not authenticated is not classified', async () => {
    const answer = await ask('/api/v1/namespaces', 'wrong')
    expect(answer.status).toBe(401)
    expect(answer.headers.has('x-kubernetes-pf-flowschema-uid')).toBe(false)
  })

  test('a user who takes all seats and queues for more does not keep another out', async () => {
    const bob = [await hold('bob-token'), await hold('bob-token'), await hold('bob-token')]
    await expect.poll(executing).toBe(3)
    for (let i = 0; i < 20; i++) bob.push(await hold('bob-token'))
    await expect.poll(waiting).toBe(20)
    const jane = ask('/api/v1/namespaces', 'jane-token')
    await expect.poll(waiting).toBe(21)
    // The first free seat goes to bob, who waits longer; the second to jane, past nineteen of bob's.
    expect(await bob[0]!()).toMatch(/^HTTP\/1\.1 201/)
    expect(await bob[1]!()).toMatch(/^HTTP\/1\.1 201/)
    expect((await jane).status).toBe(200)
    expect(await waiting()).toBeGreaterThan(15)
    // Administrators and health checks have not been waiting at all.
    expect((await ask('/readyz', 'bob-token')).status).toBe(200)
    for (const finish of bob.slice(2)) expect(await finish()).toMatch(/^HTTP\/1\.1 201/)
    await expect.poll(executing).toBe(0)
  })

  test('a watch gives its seat back once it has begun', async () => {
    const watch = await RawConnection.open(http.port)
    watch.write(head('GET', `${CONFIG_MAPS}?watch=1`, { authorization: 'Bearer jane-token' }))
    await watch.until(/^HTTP\/1\.1 200/)
    expect(await executing()).toBe(0)
    watch.socket.destroy()
  })

  test('a change of the configuration counts from the next request on', async () => {
    const path = '/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas'
    const spec = {
      priorityLevelConfiguration: { name: 'exempt' },
      matchingPrecedence: 10,
      rules: [
        {
          subjects: [{ kind: 'User', user: { name: 'jane' } }],
          resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }],
        },
      ],
    }
    const body = JSON.stringify({ kind: 'FlowSchema', metadata: { name: 'jane' }, spec })
    const made = (await (await ask(path, 'admin-token', { method: 'POST', body })).json()) as {
      metadata: { uid: string }
    }
    const answer = await ask('/api/v1/namespaces', 'jane-token')
    expect(answer.headers.get('x-kubernetes-pf-flowschema-uid')).toBe(made.metadata.uid)
  })

  test('as a Table, flow schemas stand in the order in which they are tried', async () => {
    const answer = await fetch(`http://127.0.0.1:${http.port}/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas`, {
      headers: { authorization: 'Bearer admin-token', accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
    })
    const { rows } = (await answer.json()) as { rows: { cells: unknown[] }[] }
    const names = rows.map((row) => row.cells[0]).filter((name) => name !== 'jane')
    expect(names.slice(0, 4)).toEqual(['exempt', 'probes', 'system-leader-election', 'system-node-high'])
    expect(names.slice(-2)).toEqual(['global-default', 'catch-all'])
  })
})

describe('by the two limits alone', () => {
  beforeAll(async () => {
    http = await startHttpServer('--enable-priority-and-fairness=false', '--max-mutating-requests-inflight=1')
  })

  afterAll(() => http.stop())

  test('past the limit → 429 in text with Retry-After; reading goes on', async () => {
    const finish = await hold('bob-token')
    await expect.poll(() => metric('apiserver_current_inflight_requests{request_kind="mutating"}')).toBe(1)
    const refused = await ask(CONFIG_MAPS, 'jane-token', { method: 'POST', body: configMap('more') })
    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toBe('1')
    expect(refused.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(await refused.text()).toBe('Too many requests, please try again later.\n')
    expect((await ask(CONFIG_MAPS, 'jane-token')).status).toBe(200)
    expect((await ask(CONFIG_MAPS, 'admin-token', { method: 'POST', body: configMap('more') })).status).toBe(201)
    expect(await finish()).toMatch(/^HTTP\/1\.1 201/)
  })
})
