import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import type { Pod } from '../../src/apimachinery/types/core-v1.ts'
import { apiserverOptions } from '../../src/cli/apiserver.ts'
import { type RunningCluster, startCluster } from '../../src/cluster/cluster.ts'
import type { Typed } from '../../src/controllers/runtime/client.ts'
import { CONFIG_MAPS, PODS } from '../../src/controllers/runtime/resources.ts'

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
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      containers: [
        {
          name: 'main',
          image: 'busybox',
          command: ['sh', '-c', 'echo one; echo two; sleep infinity'],
          ports: [{ containerPort: 80 }],
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
