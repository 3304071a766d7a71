import { Agent, request as httpRequest, type RequestOptions } from 'node:https'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createCluster } from '../../src/cluster/create-cluster.ts'
import type { Cluster } from '../../src/cluster/library-api.ts'

let cluster: Cluster
let agent: Agent

beforeAll(async () => {
  cluster = await createCluster({ nodes: 0, controllers: false })
  agent = new Agent({ keepAlive: true, ca: cluster.ca })
})

afterEach(async () => {
  await cluster.reset()
})

afterAll(async () => {
  agent.destroy()
  await cluster.stop()
})

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: { readonly reason?: string; readonly message?: string; readonly details?: object }
}

const MAPS = '/api/v1/namespaces/default/configmaps'

function options(method: string, path: string, token: string): RequestOptions {
  const { hostname, port } = new URL(cluster.url)
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return { agent, hostname, port, method, path, headers }
}

function call(method: string, path: string, body?: object, token = cluster.token): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(options(method, path, token), (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('error', reject)
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: JSON.parse(text) }),
      )
    })
    sent.on('error', reject)
    sent.end(body && JSON.stringify(body))
  })
}

const map = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } })

/** A watch and what came of it. */
class Watch {
  readonly lines: string[] = []
  readonly ended: Promise<'end' | 'broken'>
  readonly opened: Promise<void>

  constructor(query: string) {
    let opened = (): void => {}
    this.opened = new Promise((resolve) => {
      opened = resolve
    })
    this.ended = new Promise((resolve) => {
      const sent = httpRequest(options('GET', `${MAPS}?watch=true&${query}`, cluster.token), (response) => {
        opened()
        let rest = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          const parts = (rest + chunk).split('\n')
          rest = parts.pop() ?? ''
          this.lines.push(...parts)
        })
        response.on('end', () => resolve('end'))
        response.on('error', () => resolve('broken'))
      })
      sent.on('error', () => {
        opened()
        resolve('broken')
      })
      sent.end()
    })
  }
}

describe('answers in place of service', () => {
  test.each([
    [409, 'AlreadyExists', 'configmaps "" already exists'],
    [429, 'TooManyRequests', 'injected fault'],
    [500, 'InternalError', 'Internal error occurred: injected fault'],
    [503, 'ServiceUnavailable', 'injected fault'],
    [418, undefined, 'injected fault'],
  ])('%d on creates: a Status in upstream words, and nothing is written', async (status, reason, message) => {
    const fault = cluster.faults.add({ verb: 'create', resource: 'configmaps', status })
    const refused = await call('POST', MAPS, map('one'))
    expect(refused.status).toBe(status)
    expect(refused.body.reason).toBe(reason)
    expect(refused.body.message).toBe(message)
    expect(fault.hits).toBe(1)
    fault.remove()
    expect((await call('POST', MAPS, map('one'))).status).toBe(201)
    expect(fault.hits).toBe(1)
  })

  test('a conflict on updates, as many times as the rule says, then service', async () => {
    await call('POST', MAPS, map('one'))
    cluster.faults.add({ verb: ['update', 'patch'], name: 'one', status: 409, times: 2 })
    for (let i = 0; i < 2; i++) {
      const refused = await call('PUT', `${MAPS}/one`, map('one'))
      expect(refused.body).toMatchObject({
        code: 409,
        reason: 'Conflict',
        message: 'Operation cannot be fulfilled on configmaps "one": injected fault',
        details: { name: 'one', kind: 'configmaps' },
      })
    }
    expect((await call('PUT', `${MAPS}/one`, map('one'))).status).toBe(200)
  })

  test('Retry-After tells when to come again', async () => {
    cluster.faults.add({ status: 429, retryAfter: 7, times: 1 })
    cluster.faults.add({ status: 503, retryAfter: 3, times: 1, message: 'later' })
    const first = await call('GET', MAPS)
    expect([first.status, first.headers['retry-after'], first.body.details]).toEqual([
      429,
      '7',
      { retryAfterSeconds: 7 },
    ])
    const second = await call('GET', MAPS)
    expect([second.status, second.headers['retry-after'], second.body.message]).toEqual([503, '3', 'later'])
    expect((await call('GET', MAPS)).status).toBe(200)
  })

  test('only what fits is met: verb, resource, namespace, name, user', async () => {
    const jane = cluster.tokenFor('jane', ['system:masters'])
    const fault = cluster.faults.add({
      verb: 'get',
      group: '',
      resource: 'configmaps',
      subresource: '',
      namespace: 'default',
      name: ['one', 'two'],
      user: 'jane',
      status: 500,
    })
    await call('POST', MAPS, map('one'))
    await call('POST', MAPS, map('other'))
    expect((await call('GET', `${MAPS}/one`)).status).toBe(200)
    expect((await call('GET', `${MAPS}/other`, undefined, jane)).status).toBe(200)
    expect((await call('GET', MAPS, undefined, jane)).status).toBe(200)
    expect((await call('GET', `/api/v1/namespaces/kube-system/configmaps/one`, undefined, jane)).status).toBe(404)
    expect(fault.hits).toBe(0)
    expect((await call('GET', `${MAPS}/one`, undefined, jane)).status).toBe(500)
    expect((await call('GET', `${MAPS}/two`, undefined, jane)).status).toBe(500)
  })

  test('comes after authorization: who may not do it hears that', async () => {
    cluster.faults.add({ status: 500 })
    expect((await call('GET', MAPS, undefined, cluster.tokenFor('nobody'))).status).toBe(403)
    expect((await call('GET', MAPS, undefined, 'no-token')).status).toBe(401)
  })

  test('chance is the same with the same seed', async () => {
    const draw = async (seed: number): Promise<string> => {
      await using other = await createCluster({ nodes: 0, controllers: false, listen: false, seed })
      other.faults.add({ status: 500, probability: 0.5, after: 2 })
      const headers = { authorization: `Bearer ${other.token}` }
      const codes: string[] = []
      for (let i = 0; i < 24; i++) {
        codes.push((await other.app.inject({ url: MAPS, headers })).statusCode === 500 ? 'x' : '.')
      }
      return codes.join('')
    }
    const drawn = await draw(7)
    expect(drawn).toMatch(/^\.\.(?=.*x)(?=.*\.)[x.]{22}$/)
    expect(await draw(7)).toBe(drawn)
    expect(await draw(8)).not.toBe(drawn)
  })

  test('controllers and the client in the process do not meet faults', async () => {
    cluster.faults.add({ status: 500 })
    expect((await cluster.client.resource('v1', 'ConfigMap').create(map('inside'))).metadata.name).toBe('inside')
  })

  test.each([[{ probability: 2 }], [{ status: 200 }], [{ status: 1.5 }]])('refuses %j', (rule) => {
    expect(() => cluster.faults.add(rule)).toThrow(RangeError)
  })
})

describe('connections', () => {
  test('reset before: the client hears nothing and nothing is written', async () => {
    cluster.faults.add({ verb: 'create', reset: 'before', times: 1 })
    await expect(call('POST', MAPS, map('lost'))).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect((await call('GET', `${MAPS}/lost`)).status).toBe(404)
  })

  test('reset after: the change is made and the client does not hear of it', async () => {
    cluster.faults.add({ verb: 'create', reset: 'after', times: 1 })
    await expect(call('POST', MAPS, map('made'))).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect((await call('GET', `${MAPS}/made`)).status).toBe(200)
    expect((await call('POST', MAPS, map('made'))).body.reason).toBe('AlreadyExists')
  })

  test('latency: the answer comes later, and other requests are not held up', async () => {
    cluster.faults.add({ verb: 'get', latency: [200, 250], times: 1 })
    const order: string[] = []
    await call('POST', MAPS, map('slow'))
    const slow = call('GET', `${MAPS}/slow`).then(() => order.push('slow'))
    await call('GET', MAPS).then(() => order.push('list'))
    await slow
    expect(order).toEqual(['list', 'slow'])
  })
})

describe('watches', () => {
  async function watchSeen(query = ''): Promise<Watch> {
    const watch = new Watch(query)
    await watch.opened
    return watch
  }

  test('cut with a reset: the stream breaks', async () => {
    const watch = await watchSeen()
    expect(cluster.faults.cutWatches({ resource: 'pods' })).toBe(0)
    expect(cluster.faults.cutWatches({ resource: 'configmaps' })).toBe(1)
    expect(await watch.ended).toBe('broken')
    expect(cluster.faults.cutWatches()).toBe(0)
  })

  test('cut with an end: the stream ends as by its timeout', async () => {
    const watch = await watchSeen()
    cluster.faults.cutWatches({}, 'end')
    expect(await watch.ended).toBe('end')
  })

  test('cut with 410: the client is told to list anew', async () => {
    const watch = await watchSeen()
    cluster.faults.cutWatches({}, 'expired')
    expect(await watch.ended).toBe('end')
    expect(JSON.parse(watch.lines.at(-1) ?? '')).toMatchObject({
      type: 'ERROR',
      object: { kind: 'Status', code: 410, reason: 'Expired' },
    })
  })

  test('a rule cuts each watch some time after it began', async () => {
    cluster.faults.add({ verb: 'watch', cutWatch: { afterMs: 30, how: 'end' }, times: 1 })
    expect(await new Watch('').ended).toBe('end')
  })

  test('compact: a watch from before is told that its revision is too old; one that runs goes on', async () => {
    const { metadata } = await cluster.client.resource('v1', 'ConfigMap').create(map('old'))
    const running = await watchSeen()
    await cluster.client.resource('v1', 'ConfigMap').create(map('newer'))
    await cluster.faults.compact()
    const late = new Watch(`resourceVersion=${Number(metadata.resourceVersion) - 1}`)
    expect(await late.ended).toBe('end')
    expect(JSON.parse(late.lines[0] ?? '')).toMatchObject({ type: 'ERROR', object: { code: 410 } })
    await cluster.client.resource('v1', 'ConfigMap').create(map('newest'))
    await cluster.settled()
    cluster.faults.cutWatches({}, 'end')
    await running.ended
    expect(running.lines.at(-1)).toContain('"name":"newest"')
  })
})
