import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import WebSocket from 'ws'
import type { Pod } from '../../src/apimachinery/types/core-v1.ts'
import { apiserverOptions } from '../../src/cli/apiserver.ts'
import { type RunningCluster, startCluster } from '../../src/cluster/cluster.ts'
import type { Typed } from '../../src/controllers/runtime/client.ts'
import { CONFIG_MAPS, PODS } from '../../src/controllers/runtime/resources.ts'

const POLL = { timeout: 30_000, interval: 50 }

let cluster: RunningCluster

beforeAll(async () => {
  const server = apiserverOptions([
    '--memory',
    '--bind-address=127.0.0.1',
    '--insecure-port=0',
    '--authorization-mode=AlwaysAllow',
    '--disable-admission-plugins=ServiceAccount',
    '--service-cluster-ip-range=10.0.0.0/24',
  ])
  cluster = await startCluster({ server, nodes: { count: 1 } }, pino({ level: 'silent' }))
  await cluster.client.create(CONFIG_MAPS, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'settings', namespace: 'default' },
    data: { 'app.conf': 'color=blue\n', MODE: 'fast' },
  })
  await cluster.client.create(PODS, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default', labels: { app: 'web' } },
    spec: {
      containers: [
        {
          name: 'main',
          image: 'busybox',
          command: ['sh', '-c', 'echo one; echo two; sleep infinity'],
          ports: [{ containerPort: 80 }],
          readinessProbe: { httpGet: { port: 80 }, initialDelaySeconds: 0 },
          env: [{ name: 'MODE', valueFrom: { configMapKeyRef: { name: 'settings', key: 'MODE' } } }],
          volumeMounts: [{ name: 'settings', mountPath: '/etc/settings' }],
        },
      ],
      volumes: [{ name: 'settings', configMap: { name: 'settings' } }],
    },
  } as Typed<Pod>)
  await ready('web')
})

afterAll(async () => {
  await cluster?.close()
})

async function ready(name: string): Promise<void> {
  const { items, resourceVersion } = await cluster.client.list(PODS, { namespace: 'default' })
  await new Promise<void>((resolve) => {
    const check = (pod: Typed<Pod>): void => {
      const isReady = pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True')
      if (pod.metadata.name === name && isReady) resolve()
    }
    items.forEach(check)
    cluster.client.watch(
      PODS,
      { namespace: 'default', resourceVersion },
      { event: (e) => 'object' in e && check(e.object), end: () => {} },
    )
  })
}

const path = (sub: string): string => `/api/v1/namespaces/default/pods/web/${sub}`

interface Answer {
  readonly out: string
  readonly err: string
  readonly status: { readonly status: string; readonly details?: { readonly causes: { readonly message: string }[] } }
}

async function exec(command: readonly string[], { stdin = '', tty = false } = {}): Promise<Answer> {
  const query = new URLSearchParams(command.map((c): [string, string] => ['command', c]))
  query.append('stdout', 'true')
  query.append('stderr', 'true')
  query.append('tty', String(tty))
  if (stdin !== '') query.append('stdin', 'true')
  const url = `${cluster.url.replace('http', 'ws')}${path('exec')}?${query}`
  const socket = new WebSocket(url, ['v5.channel.k8s.io'])
  const parts: Record<number, string> = { 1: '', 2: '', 3: '' }
  return await new Promise<Answer>((resolve, reject) => {
    socket.on('open', () => {
      if (stdin === '') return
      socket.send(Buffer.concat([Buffer.from([0]), Buffer.from(stdin)]))
      socket.send(Buffer.from([255, 0]))
    })
    socket.on('message', (data: Buffer) => {
      parts[data[0]!] += data.subarray(1).toString()
    })
    socket.on('unexpected-response', (_request, response) => reject(new Error(`answered ${response.statusCode}`)))
    socket.on('error', reject)
    socket.on('close', () => resolve({ out: parts[1]!, err: parts[2]!, status: JSON.parse(parts[3]!) }))
  })
}

describe('logs', () => {
  test('what the container has written, cut as asked', async () => {
    expect(await (await fetch(cluster.url + path('log'))).text()).toBe('one\ntwo\n')
    expect(await (await fetch(`${cluster.url + path('log')}?tailLines=1`)).text()).toBe('two\n')
    expect(await (await fetch(`${cluster.url + path('log')}?limitBytes=5`)).text()).toBe('one\nt')
    expect(await (await fetch(`${cluster.url + path('log')}?timestamps=true&tailLines=1`)).text()).toMatch(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z two\n$/,
    )
  })

  test.each([
    [[], 'Buffer', ''],
    [['binary.k8s.io'], 'Buffer', 'binary.k8s.io'],
    [['base64.binary.k8s.io'], 'string', 'base64.binary.k8s.io'],
    [['other', 'base64.binary.k8s.io'], 'string', 'base64.binary.k8s.io'],
  ])('over a WebSocket that offers %j: messages of type %s', async (protocols, type, selected) => {
    const socket = new WebSocket(`${cluster.url.replace('http', 'ws')}${path('log')}?limitBytes=8`, protocols)
    const messages: (Buffer | string)[] = []
    socket.on('message', (data: Buffer, isBinary) => messages.push(isBinary ? data : data.toString()))
    expect(await new Promise((resolve) => socket.once('close', resolve))).toBe(1000)
    expect(socket.protocol).toBe(selected)
    expect(messages.every((m) => (type === 'string' ? typeof m === 'string' : Buffer.isBuffer(m)))).toBe(true)
    // The first message is empty: it says that the stream has begun.
    expect(messages[0]!.length).toBe(0)
    const bytes = messages.map((m) => (typeof m === 'string' ? Buffer.from(m, 'base64') : m))
    expect(Buffer.concat(bytes).toString()).toBe('one\ntwo\n')
  })

  test('over a WebSocket: followed until the client leaves; refusals are told in HTTP', async () => {
    const url = `${cluster.url.replace('http', 'ws')}${path('log')}`
    const socket = new WebSocket(`${url}?follow=true&tailLines=1`)
    let text = ''
    socket.on('message', (data: Buffer) => {
      text += data.toString()
    })
    await vi.waitFor(() => expect(text).toBe('two\n'), POLL)
    socket.send('nobody listens')
    await (await fetch(cluster.url + path('proxy/followed'))).text()
    await vi.waitFor(() => expect(text).toMatch(/"GET \/followed HTTP\/1\.1"/), POLL)
    socket.terminate()
    const refused = (path: string, protocols: string[]): Promise<number | undefined> =>
      new Promise((resolve) =>
        new WebSocket(url + path, protocols)
          .on('error', () => {})
          .once('unexpected-response', (_request, response) => resolve(response.statusCode)),
      )
    expect(await refused('', ['v4.channel.k8s.io'])).toBe(403)
    expect(await refused('?previous=true', [])).toBe(400)
  })

  test('of a run that never was: 400', async () => {
    const response = await fetch(`${cluster.url + path('log')}?previous=true`)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      message: 'previous terminated container "main" in pod "web" not found',
    })
  })
})

describe('exec', () => {
  test('output, and success on the error channel', async () => {
    expect(await exec(['sh', '-c', 'echo out; echo err >&2'])).toMatchObject({
      out: 'out\n',
      err: 'err\n',
      status: { status: 'Success' },
    })
  })

  test('the exit code as a cause, as kubectl reads it', async () => {
    const { status } = await exec(['sh', '-c', 'exit 3'])
    expect(status).toMatchObject({
      status: 'Failure',
      reason: 'NonZeroExitCode',
      details: { causes: [{ reason: 'ExitCode', message: '3' }] },
    })
  })

  test('mounted ConfigMaps and the environment are there', async () => {
    expect((await exec(['cat', '/etc/settings/app.conf'])).out).toBe('color=blue\n')
    expect((await exec(['sh', '-c', 'echo $MODE on $(hostname)'])).out).toBe('fast on web\n')
  })

  test('input goes to the process, and files stay for the next one', async () => {
    expect((await exec(['cat'], { stdin: 'hello\n' })).out).toBe('hello\n')
    await exec(['sh', '-c', 'cat > /tmp/note'], { stdin: 'kept\n' })
    expect((await exec(['cat', '/tmp/note'])).out).toBe('kept\n')
  })

  test('a terminal echoes and prompts', async () => {
    const { out } = await exec(['sh'], { stdin: 'echo hi\rexit\r', tty: true })
    expect(out).toContain('/ # ')
    expect(out).toContain('/ # echo hi\r\n')
    expect(out.endsWith('\nhi\r\n')).toBe(true)
  })

  test('a program that the image lacks: 500 as the runtime words it', async () => {
    const { status } = await exec(['no-such-program'])
    expect(JSON.stringify(status)).toContain('exec: \\"no-such-program\\": executable file not found in $PATH')
  })

  test('without an upgrade: 400', async () => {
    const response = await fetch(`${cluster.url + path('exec')}?command=ls&stdout=true`)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ message: 'Upgrade request required' })
  })
})

describe('proxies', () => {
  const get = async (path: string) => {
    const response = await fetch(cluster.url + path)
    const text = await response.text()
    return { status: response.status, text, type: response.headers.get('content-type') }
  }
  const ofKubelet = (path: string) => get(`/api/v1/nodes/node-0/proxy${path}`)
  const json = async (path: string) => JSON.parse((await ofKubelet(path)).text)

  beforeAll(async () => {
    const service = await fetch(`${cluster.url}/api/v1/namespaces/default/services`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        metadata: { name: 'web' },
        spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 8080, targetPort: 80 }] },
      }),
    })
    expect(service.status).toBe(201)
  })

  const services = '/api/v1/namespaces/default/services'

  test('a service leads to a pod that is ready', async () => {
    await vi.waitFor(async () => expect((await get(`${services}/web:8080/proxy/`)).status).toBe(200), POLL)
    const { text } = await get(`${services}/web:http/proxy/some/path?x=1`)
    expect(text).toContain('Pod: default/web\nNode: node-0\nRequest: GET /some/path?x=1')
    expect((await get(`${services}/https:web:http/proxy/`)).status).toBe(200)
    expect(JSON.parse((await get(`${services}/web/proxy/`)).text)).toMatchObject({
      code: 503,
      message: 'no endpoints available for service "web"',
    })
    expect(JSON.parse((await get(`${services}/kubernetes:https/proxy/`)).text).code).toBeGreaterThan(403)
  })

  test('a simulated WebSocket is an echo', async () => {
    const socket = new WebSocket(`${cluster.url.replace('http', 'ws')}${services}/web:8080/proxy/ws`)
    const received: string[] = []
    socket.on('message', (data: Buffer) => received.push(data.toString()))
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    socket.send('hello')
    await vi.waitFor(() => expect(received).toEqual(['hello']), POLL)
    socket.close()
    await new Promise((resolve) => socket.once('close', resolve))
  })

  test('a port that nobody listens at: 503', async () => {
    const { status, text } = await get('/api/v1/namespaces/default/pods/web:81/proxy/')
    expect([status, JSON.parse(text).message]).toEqual([
      503,
      expect.stringMatching(
        /^error trying to reach service: dial tcp 10\.244\.\d+\.\d+:81: connect: connection refused$/,
      ),
    ])
    const node = await get('/api/v1/nodes/node-0:81/proxy/')
    expect([node.status, JSON.parse(node.text).message]).toEqual([
      503,
      expect.stringMatching(/^error trying to reach service: dial tcp [\d.]+:81: connect: connection refused$/),
    ])
  })

  test('a kubelet tells of its pods', async () => {
    const pods = await json('/pods')
    expect(pods).toMatchObject({ kind: 'PodList', apiVersion: 'v1', metadata: {} })
    const web = pods.items.find((item: Pod) => item.metadata.name === 'web')
    expect(web).toMatchObject({
      metadata: { annotations: { 'kubernetes.io/config.source': 'api' } },
      spec: { nodeName: 'node-0' },
      status: { phase: 'Running' },
    })
    expect(web.kind).toBeUndefined()
    const running = await json('/runningpods/')
    expect(running.items).toContainEqual({
      metadata: { name: 'web', namespace: 'default', uid: web.metadata.uid },
      spec: { containers: [{ name: 'main', image: expect.stringMatching(/busybox@sha256:/), resources: {} }] },
      status: {},
    })
  })

  test('its health and its configuration', async () => {
    expect((await ofKubelet('/healthz')).text).toBe('ok')
    expect((await ofKubelet('/healthz?verbose')).text).toBe(
      '[+]ping ok\n[+]log ok\n[+]syncloop ok\nhealthz check passed\n',
    )
    expect((await ofKubelet('/healthz/syncloop')).text).toBe('ok')
    expect((await json('/configz')).kubeletconfig).toMatchObject({ port: 10250, maxPods: 110, syncFrequency: '1m0s' })
    expect(await ofKubelet('/nothing')).toMatchObject({ status: 404, text: '404 page not found\n' })
  })

  test('what it measures: /stats/summary, with and without what only some want', async () => {
    const { node, pods } = await json('/stats/summary')
    const { memory, cpu } = node
    expect(node).toMatchObject({ nodeName: 'node-0', rlimit: { maxpid: 4194304 }, swap: { swapUsageBytes: 0 } })
    expect(cpu.usageNanoCores).toBeGreaterThanOrEqual(51_000_000)
    expect(memory.workingSetBytes + memory.availableBytes).toBe(16 * 2 ** 30)
    expect(node.systemContainers.map((c: { name: string }) => c.name)).toEqual(['kubelet', 'runtime', 'pods'])
    const web = pods.find((pod: { podRef: { name: string } }) => pod.podRef.name === 'web')
    expect(web.containers[0]).toMatchObject({ name: 'main', cpu: { usageNanoCores: 1_000_000 } })
    expect(web.containers[0].logs.usedBytes).toBeGreaterThanOrEqual('one\ntwo\n'.length)
    const short = await json('/stats/summary?only_cpu_and_memory=true')
    expect(Object.keys(short.node).sort()).toEqual(['cpu', 'memory', 'nodeName', 'startTime', 'swap'])
    expect(short.node.cpu.usageCoreNanoSeconds).toBeGreaterThanOrEqual(cpu.usageCoreNanoSeconds)
  })

  test('its metrics, by upstream’s names', async () => {
    const resource = await ofKubelet('/metrics/resource')
    expect(resource.type).toBe('text/plain; version=0.0.4; charset=utf-8; escaping=underscores')
    const names = (text: string) => new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name))
    expect([...names(resource.text)].sort()).toEqual([
      'container_cpu_usage_seconds_total',
      'container_memory_working_set_bytes',
      'container_start_time_seconds',
      'container_swap_usage_bytes',
      'node_cpu_usage_seconds_total',
      'node_memory_working_set_bytes',
      'node_swap_usage_bytes',
      'pod_cpu_usage_seconds_total',
      'pod_memory_working_set_bytes',
      'pod_swap_usage_bytes',
      'resource_scrape_error',
    ])
    const used = /^container_memory_working_set_bytes{container="main",namespace="default",pod="web"} 16777216 \d{13}$/m
    expect(resource.text).toMatch(used)
    const cadvisor = names((await ofKubelet('/metrics/cadvisor')).text)
    for (const name of ['container_cpu_usage_seconds_total', 'container_memory_rss', 'machine_cpu_cores']) {
      expect(cadvisor).toContain(name)
    }
    expect((await ofKubelet('/metrics')).text).toMatch(/^kubelet_node_name{node="node-0"} 1$/m)
    expect((await ofKubelet('/metrics')).text).toMatch(/^kubelet_running_pods \d+$/m)
    expect((await ofKubelet('/metrics/slis')).text).toContain(
      'kubernetes_healthcheck{name="syncloop",type="healthz"} 1',
    )
    expect((await ofKubelet('/metrics/probes')).text).toMatch(
      /^prober_probe_total{container="main",namespace="default",pod="web",pod_uid="[0-9a-f-]+",probe_type="Readiness",result="successful"} [1-9]/m,
    )
  })

  test('its logs: folders as pages, files as the runtime writes them', async () => {
    const root = await ofKubelet('/logs/')
    expect(root.text).toContain('<a href="containers/">containers/</a>\n<a href="pods/">pods/</a>')
    const [folder] = /default_web_[0-9a-f-]+\//.exec((await ofKubelet('/logs/pods/')).text)!
    const file = await ofKubelet(`/logs/pods/${folder}main/0.log`)
    expect(file.text).toMatch(/^\S+Z stdout F one\n\S+Z stdout F two\n/)
    for (const path of ['/logs/none', '/logs/..%2f..%2fetc/passwd', '/logs/pods/__proto__']) {
      expect((await ofKubelet(path)).status).toBe(404)
    }
  })

  test('its containers: logs, a command, a checkpoint', async () => {
    expect((await ofKubelet('/containerLogs/default/web/main?tailLines=100')).text).toMatch(/^one\ntwo\n/)
    expect(await ofKubelet('/containerLogs/default/web/other')).toMatchObject({ status: 404 })
    const post = async (path: string) => {
      const response = await fetch(`${cluster.url}/api/v1/nodes/node-0/proxy${path}`, { method: 'POST' })
      return [response.status, await response.text()]
    }
    expect(await post('/run/default/web/main?cmd=echo%20hello%20there')).toEqual([200, '"hello there\\n"\n'])
    expect(await post('/run/default/web/main?cmd=none')).toEqual([500, expect.stringContaining('executable file not')])
    expect(await post('/checkpoint/default/web/main')).toEqual([
      200,
      expect.stringMatching(/^{"items":\["\/var\/lib\/kubelet\/checkpoints\/checkpoint-web_default-main-.*Z.tar"\]}$/),
    ])
    expect(await post('/checkpoint/default/none/main')).toEqual([404, 'pod does not exist'])
    expect(await post('/checkpoint/default/web/none')).toEqual([404, 'container none does not exist'])
  })

  test('an upgrade loses its query on the way, as upstream: the kubelet hears of no command', async () => {
    const url = `${cluster.url.replace('http', 'ws')}/api/v1/nodes/node-0/proxy/exec/default/web/main`
    const socket = new WebSocket(`${url}?command=echo&output=1`, ['v4.channel.k8s.io'])
    const refused = await new Promise<string>((resolve, reject) => {
      socket.once('open', () => reject(new Error('it was let in')))
      socket.once('unexpected-response', (_request, response) => {
        response.setEncoding('utf8').on('data', (text: string) => resolve(`${response.statusCode} ${text}`))
      })
    })
    expect(refused).toMatch(/^400 .*you must specify at least 1 command/)
  })
})

describe('ports', () => {
  test('proxy reaches a port that the container declares, and no other', async () => {
    const response = await fetch(cluster.url + path('proxy/some/path'))
    expect(await response.text()).toContain('Request: GET /some/path')
  })

  test('a forwarded port speaks HTTP', async () => {
    const url = `${cluster.url.replace('http', 'ws')}${path('portforward')}?ports=80`
    const socket = new WebSocket(url, ['v4.channel.k8s.io'])
    let received = ''
    let data = Buffer.alloc(0)
    await new Promise<void>((resolve, reject) => {
      socket.on('error', reject)
      socket.on('open', () =>
        socket.send(
          Buffer.concat([Buffer.from([0]), Buffer.from('GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')]),
        ),
      )
      socket.on('message', (message: Buffer) => {
        if (message[0] !== 0) return
        data = Buffer.concat([data, message.subarray(1)])
        received = data.subarray(2).toString()
        if (received.includes('Request: GET /x')) resolve()
      })
    })
    expect([data[0], data[1]]).toEqual([80, 0])
    expect(received).toMatch(/^HTTP\/1\.1 200 OK/)
    socket.close()
  })
})
