import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import WebSocket from 'ws'
import { CommandLine, helmBinary, kubectlBinary } from '../suites/kubectl.ts'
import { type KubemuProcess, startUp } from '../suites/kubemu-process.ts'

const TIMEOUT = '--timeout=90s'
const POLL = { timeout: 60_000, interval: 200 }

const PODS = `
apiVersion: v1
kind: Pod
metadata: {name: two, labels: {app: two}}
spec:
  containers:
  - name: first
    image: busybox
    command: [sh, -c, 'echo a1; echo a2; while true; do sleep 1; echo tick; done']
    resources: {requests: {cpu: 500m, memory: 256Mi}}
  - name: second
    image: busybox
    command: [sh, -c, 'echo b1; sleep infinity']
    ports: [{containerPort: 8080}]
---
apiVersion: v1
kind: Pod
metadata: {name: crashing}
spec:
  containers: [{name: main, image: busybox, command: [sh, -c, 'echo run; exit 3']}]
---
apiVersion: v1
kind: Pod
metadata: {name: reader}
spec:
  restartPolicy: Never
  containers: [{name: main, image: busybox, command: [cat], stdin: true, stdinOnce: true}]
`

const SERVICE = `
apiVersion: v1
kind: Service
metadata: {name: two, labels: {kubernetes.io/cluster-service: 'true'}}
spec:
  selector: {app: two}
  ports: [{name: http, port: 80, targetPort: 8080}]
`

describe('what runs in pods, by a real kubectl', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kubemu-streams-'))
  const kubeconfig = join(folder, 'kubeconfig')
  const kubectl = new CommandLine(kubectlBinary(), kubeconfig, folder)
  let up: KubemuProcess

  beforeAll(async () => {
    up = await startUp(folder, '--nodes=2')
    await kubectl.ok(['apply', '--filename=-'], { stdin: PODS })
    await kubectl.ok(['wait', '--for=condition=Ready', 'pod/two', 'pod/reader', TIMEOUT], { timeoutMs: 120_000 })
  })

  afterAll(async () => {
    await up?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  describe('logs', () => {
    test('of one container, of all, the last lines, those since', async () => {
      expect(await kubectl.ok(['logs', 'two', '--container=second'])).toBe('b1\n')
      expect(await kubectl.ok(['logs', 'two', '--container=first', '--since=1h'])).toMatch(/^a1\na2\n(tick\n)*$/)
      expect(await kubectl.ok(['logs', 'two', '--container=second', '--tail=0'])).toBe('')
      const stamped = await kubectl.ok(['logs', 'two', '--container=second', '--tail=1', '--timestamps'])
      expect(stamped).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z b1\n$/)
      const all = await kubectl.ok(['logs', '--selector=app=two', '--all-containers', '--prefix', '--tail=-1'])
      expect(all).toContain('[pod/two/first] a2\n')
      expect(all).toContain('[pod/two/second] b1\n')
    })

    test('go on with -f', async () => {
      const following = kubectl.background(['logs', 'two', '--container=first', '--follow', '--tail=1'])
      await following.printed(/tick\ntick\n/, 60_000)
      await following.stop()
    })

    test('of the run before', async () => {
      await vi.waitFor(async () => expect(await kubectl.ok(['logs', 'crashing', '--previous'])).toBe('run\n'), POLL)
      const reason = '--for=jsonpath={.status.containerStatuses[0].lastState.terminated.exitCode}=3'
      await kubectl.ok(['wait', reason, 'pod/crashing', TIMEOUT], { timeoutMs: 120_000 })
    })
  })

  describe('exec', () => {
    test('passes input, output and the exit code on', async () => {
      expect(await kubectl.ok(['exec', '--stdin', 'two', '--', 'cat'], { stdin: 'hello\n' })).toBe('hello\n')
      const failed = await kubectl.run(['exec', 'two', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7'])
      expect([failed.code, failed.stdout]).toEqual([7, 'out\n'])
      expect(failed.stderr).toContain('err\n')
      expect(failed.stderr).toContain('command terminated with exit code 7')
    })
  })

  test('attach writes to the input of a process and shows its output', async () => {
    const { stdout } = await kubectl.run(['attach', '--stdin', 'reader'], { stdin: 'one\ntwo\n' })
    expect(stdout).toBe('one\ntwo\n')
    await kubectl.ok(['wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/reader', TIMEOUT])
    expect(await kubectl.ok(['logs', 'reader'])).toBe('one\ntwo\n')
    const watching = kubectl.background(['attach', 'two', '--container=first'])
    await watching.printed(/tick\n/, 60_000)
    await watching.stop()
  })

  test('run -i hands its input to a pod and removes it', async () => {
    const run = ['run', 'once', '--stdin', '--rm', '--quiet', '--restart=Never', '--image=busybox', '--', 'cat']
    expect(await kubectl.ok(run, { stdin: 'passed on\n', timeoutMs: 90_000 })).toBe('passed on\n')
    expect(await kubectl.ok(['get', 'pod', 'once', '--ignore-not-found'])).toBe('')
  })

  test('cp copies files and folders both ways', async () => {
    const source = join(folder, 'source')
    mkdirSync(source)
    writeFileSync(join(source, 'one'), 'first\n')
    writeFileSync(join(source, 'two'), 'second\n')
    await kubectl.ok(['cp', source, 'two:/tmp/copied', '--container=first'])
    expect(await kubectl.ok(['exec', 'two', '--container=first', '--', 'cat', '/tmp/copied/two'])).toBe('second\n')
    const back = join(folder, 'back')
    await kubectl.ok(['cp', 'two:/tmp/copied', back, '--container=first'])
    expect(readFileSync(join(back, 'one'), 'utf8')).toBe('first\n')
  })

  test('port-forward reaches what a container listens on', async () => {
    const forwarding = kubectl.background(['port-forward', 'pod/two', ':8080'])
    const [, port] = await forwarding.printed(/Forwarding from 127\.0\.0\.1:(\d+) -> 8080/, 60_000)
    const answer = await (await fetch(`http://127.0.0.1:${port}/path`)).text()
    await forwarding.stop()
    expect(answer).toContain('Pod: default/two')
    expect(answer).toContain('Request: GET /path')
  })

  describe('proxies', () => {
    const service = '/api/v1/namespaces/default/services/two:http/proxy'
    const raw = (path: string): Promise<string> => kubectl.ok(['get', '--raw', path])

    beforeAll(async () => {
      await kubectl.ok(['apply', '--filename=-'], { stdin: SERVICE })
      await vi.waitFor(async () => expect(await raw(`${service}/`)).toContain('Pod: default/two'), POLL)
    })

    test('get --raw reaches a service, a pod and a kubelet', async () => {
      expect(await raw('/api/v1/namespaces/default/services/two:80/proxy/a?b=c')).toContain('Request: GET /a?b=c')
      expect(await raw('/api/v1/namespaces/default/pods/two:8080/proxy/x')).toContain('Request: GET /x')
      const failed = await kubectl.fails(['get', '--raw', '/api/v1/namespaces/default/services/two:81/proxy/'])
      expect(failed).toContain('no service port 81 found for service "two"')
      const node = await kubectl.ok(['get', 'pod', 'two', '--output=jsonpath={.spec.nodeName}'])
      const kubelet = `/api/v1/nodes/${node}/proxy`
      expect(await raw(`${kubelet}/healthz`)).toBe('ok')
      expect(JSON.parse(await raw(`${kubelet}/configz`)).kubeletconfig.maxPods).toBe(110)
      expect(JSON.parse(await raw(`${kubelet}/stats/summary`)).node.nodeName).toBe(node)
      const pods = JSON.parse(await raw(`${kubelet}/pods`))
      expect(pods.items.map((pod: { metadata: { name: string } }) => pod.metadata.name)).toContain('two')
      expect(await raw(`${kubelet}/metrics/resource`)).toMatch(/^container_cpu_usage_seconds_total\{.*pod="two"\} /m)
      expect(await raw(`${kubelet}/metrics`)).toContain(`kubelet_node_name{node="${node}"} 1`)
      expect(await raw(`${kubelet}/logs/pods/`)).toContain('default_two_')
    })

    test('cluster-info names the services of the cluster by their proxies', async () => {
      expect(await kubectl.ok(['cluster-info', '--namespace=default'])).toMatch(
        /two.* is running at .*https:\/\/.*\/api\/v1\/namespaces\/default\/services\/two:http\/proxy/,
      )
    })

    test('kubectl proxy: requests, WebSockets and watches of a browser', async () => {
      const proxy = kubectl.background(['proxy', '--port=0'])
      const [, address] = await proxy.printed(/Starting to serve on (127\.0\.0\.1:\d+)/, 60_000)
      const posted = await fetch(`http://${address}${service}/form`, { method: 'POST', body: 'x=1' })
      expect(await posted.text()).toContain('Request: POST /form')
      const redirected = await fetch(`http://${address}${service}`, { redirect: 'manual' })
      expect([redirected.status, redirected.headers.get('location')]).toEqual([301, `${service}/`])
      const echo = new WebSocket(`ws://${address}${service}/echo`)
      const heard: string[] = []
      echo.on('message', (data: Buffer) => heard.push(data.toString()))
      await new Promise((resolve, reject) => echo.once('open', resolve).once('error', reject))
      echo.send('hello')
      await vi.waitFor(() => expect(heard).toEqual(['hello']), POLL)
      echo.close()
      const watch = new WebSocket(`ws://${address}/api/v1/namespaces/default/pods?watch=true&resourceVersion=0`, {
        origin: `http://${address}`,
      })
      const seen: string[] = []
      watch.on('message', (data: Buffer) => seen.push(JSON.parse(data.toString()).object.metadata.name))
      await vi.waitFor(() => expect(seen).toContain('two'), POLL)
      watch.close()
      await proxy.stop()
    })
  })

  test('debug adds a container', async () => {
    await kubectl.ok([
      'debug',
      'two',
      '--image=busybox',
      '--container=helper',
      '--profile=general',
      '--',
      'echo',
      'help',
    ])
    await vi.waitFor(async () => expect(await kubectl.ok(['logs', 'two', '--container=helper'])).toBe('help\n'), POLL)
  })

  test('top shows what pods and nodes use', async () => {
    const pods = await kubectl.ok(['top', 'pod', 'two', '--containers', '--no-headers'])
    expect(pods).toMatch(/two +first +50m +128Mi/)
    expect(pods).toMatch(/two +second +1m +16Mi/)
    const nodes = await kubectl.ok(['top', 'nodes'])
    expect(nodes).toMatch(/node-0 +\d+m +\d+% +\d+Mi +\d+%/)
    expect(nodes).toMatch(/node-1 +\d+m +\d+% +\d+Mi +\d+%/)
  })

  test('describe shows the Events of a container', async () => {
    const path =
      '--field-selector=involvedObject.name=two,involvedObject.fieldPath=spec.containers{second},reason=Started'
    await vi.waitFor(async () => {
      expect(await kubectl.ok(['get', 'events', path, '--output=jsonpath={.items[*].message}'])).toBe(
        'Container started',
      )
    }, POLL)
  })

  test('helm installs, upgrades, rolls back, tests and uninstalls a chart', { timeout: 240_000 }, async () => {
    const helm = new CommandLine(helmBinary(), kubeconfig, folder)
    const chart = join(folder, 'shop')
    const wait = ['--wait', '--timeout=90s']
    const long = { timeoutMs: 120_000 }
    const replicas = ['get', 'deployment', 'shop', '--output=jsonpath={.status.readyReplicas}']
    await helm.ok(['create', chart])
    expect(await helm.ok(['install', 'shop', chart, ...wait], long)).toContain('STATUS: deployed')
    await helm.ok(['upgrade', 'shop', chart, '--set=replicaCount=3', ...wait], long)
    expect(await kubectl.ok(replicas)).toBe('3')
    expect(await helm.ok(['rollback', 'shop', '1', ...wait], long)).toContain('Rollback was a success')
    await kubectl.ok(['wait', '--for=jsonpath={.status.replicas}=1', 'deployment/shop', TIMEOUT], long)
    const tested = await helm.ok(['test', 'shop', '--timeout=90s', '--logs'], long)
    expect(tested).toMatch(/TEST SUITE: +shop-test-connection/)
    expect(tested).toMatch(/Phase: +Succeeded/)
    const history = JSON.parse(await helm.ok(['history', 'shop', '--output=json'])) as { status: string }[]
    expect(history.map(({ status }) => status)).toEqual(['superseded', 'superseded', 'deployed'])
    await helm.ok(['uninstall', 'shop', ...wait], long)
    expect(
      await kubectl.ok(['get', 'deployment,service,serviceaccount', '--selector=app.kubernetes.io/instance=shop']),
    ).toBe('')
  })
})
