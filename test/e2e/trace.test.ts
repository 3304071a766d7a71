import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Trace, TraceNode } from '../../src/api/trace/trace-record.ts'
import { patchAnswer, WebhookServer } from '../integration/webhook-server.ts'
import { servingCertificate } from '../suites/certificates.ts'
import { type BackgroundCommand, CommandLine, kubectlBinary } from '../suites/kubectl.ts'

const PROGRAM = join(import.meta.dirname, '../../dist/kubemu.mjs')

/** A `kubemu up` of its own, with kubectl and `kubemu` for it. */
class Setup {
  readonly folder = mkdtempSync(join(tmpdir(), 'kubemu-trace-'))
  readonly kubeconfig = join(this.folder, 'data', 'kubeconfig')
  readonly kubectl = new CommandLine(kubectlBinary(), this.kubeconfig, this.folder)
  readonly #node = new CommandLine(process.execPath, this.kubeconfig, this.folder)
  readonly #background: BackgroundCommand[] = []

  async up(...flags: string[]): Promise<void> {
    const dataDir = join(this.folder, 'data')
    await this.start(['up', '--memory', '--port', '0', '--data-dir', dataDir, ...flags]).printed(
      /ready in \d+ ms/,
      60_000,
    )
  }

  start(args: readonly string[]): BackgroundCommand {
    const command = this.#node.background([PROGRAM, ...args])
    this.#background.push(command)
    return command
  }

  async kubemu(...args: string[]): Promise<string> {
    return await this.#node.ok([PROGRAM, ...args])
  }

  async kubemuFails(...args: string[]): Promise<string> {
    return await this.#node.fails([PROGRAM, ...args])
  }

  async stop(): Promise<void> {
    await Promise.all(this.#background.map((command) => command.stop()))
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Asks again and again until the answer is as wanted. */
async function until<T>(ask: () => Promise<T>, isWanted: (answer: T) => boolean): Promise<T> {
  const deadline = Date.now() + 60_000
  for (;;) {
    const answer = await ask()
    if (isWanted(answer) || Date.now() > deadline) return answer
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

describe('kubemu trace', () => {
  const setup = new Setup()
  const { kubectl } = setup
  const trace = (...args: string[]) => setup.kubemu('trace', ...args)

  beforeAll(async () => {
    await setup.up('--nodes', '1')
    await kubectl.ok(['create', 'deployment', 'web', '--image=nginx:1.27', '--replicas=2'])
    await kubectl.ok(['rollout', 'status', 'deployment/web', '--timeout=60s'])
  })
  afterAll(() => setup.stop())

  test('prints what `kubectl create deployment` set off, down to the Running pods', async () => {
    const text = await until(
      () => trace('deployment/web'),
      (printed) => printed.includes('Available False → True'),
    )
    const lines = text.split('\n')
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3}Z {2}kubernetes-admin created deployment\/web in default {2}@\d+$/)
    expect(lines[1]).toMatch(/^│ {2}201 in [\d.]+ \S+ · kubectl\/v1\.35\S* · audit \S+ · trace [0-9a-f]{32}$/)
    expect(text).toMatch(
      /│ {2}authentication +\S+ \S+ {2}x509: kubernetes-admin \(system:masters, system:authenticated\)/,
    )
    expect(text).toMatch(/│ {2}authorization +\S+ \S+ {2}allowed by SystemMasters/)
    expect(text).toMatch(/\n[├└]─ \+[\d.]+ \S+ {2}deployment-controller created replicaset\/web-\S+ {2}@\d+\n/)
    expect(text.match(/\n(?:│|├|└| {3}).{5}[^\n]* replicaset-controller created pod\/web-\S+/g)).toHaveLength(2)
    expect(text.match(/kube-scheduler bound pod\/web-\S+ {2}\+nodeName=node-0/g)).toHaveLength(2)
    expect(text.match(/kubelet of node-0 updated status of pod\/web-\S+ {2}phase Pending → Running/g)).toHaveLength(2)
    expect(text).not.toContain('event/')
    expect(await trace('deploy', 'web', '--events')).toMatch(/default-scheduler|Scheduled: Successfully assigned/)
  })

  test('prints the steps of every write with -v, JSON with -o json, and the last requests without an object', async () => {
    expect((await trace('deployment/web', '-v')).match(/· kube-scheduler\/\S+ · audit/g)?.length).toBe(2)
    const parsed = JSON.parse(await trace('deployment/web', '-o', 'json')) as Trace
    expect(parsed).toMatchObject({ kind: 'Trace', roots: [{ record: { verb: 'create', code: 201 } }] })
    expect(await trace()).toContain('kubernetes-admin created deployment/web in default')
  })

  test('shows what a mutating webhook changed', async () => {
    const hooks = await WebhookServer.start(await servingCertificate('hooks.default.svc'))
    hooks.on('/add', () => patchAnswer({ op: 'add', path: '/data/team', value: 'a' }))
    const configuration = {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: 'teams' },
      webhooks: [
        {
          name: 'add.example.com',
          clientConfig: { url: hooks.url('/add'), caBundle: hooks.certificate.caBundle },
          rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }],
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
        },
      ],
    }
    try {
      await kubectl.ok(['create', '-f', '-'], { stdin: JSON.stringify(configuration) })
      await kubectl.ok(['create', 'configmap', 'settings', '--from-literal=a=b'])
      await kubectl.ok(['delete', 'mutatingwebhookconfiguration', 'teams'])
      expect(await trace('cm/settings')).toMatch(
        /│? +MutatingAdmissionWebhook: add\.example\.com of teams {2}[\d.]+ \S+\n.* \+data\.team=a\n/,
      )
    } finally {
      await hooks.close()
    }
  })

  test('shows a 403 and a 409 behind what worked', async () => {
    await kubectl.fails(['--as=bob', 'delete', 'deployment', 'web'])
    const stale = JSON.parse(await kubectl.ok(['get', 'deployment', 'web', '-o', 'json'])) as {
      metadata: { resourceVersion: string }
    }
    stale.metadata.resourceVersion = '1'
    await kubectl.fails(['replace', '-f', '-'], { stdin: JSON.stringify(stale) })
    const text = await trace('deployment/web')
    expect(text).toMatch(/\n\S+Z {2}bob delete deployments\/web in default {2}✗ 403 Forbidden: /)
    expect(text).toContain('x509: kubernetes-admin as bob')
    expect(text).toMatch(/\n\S+Z {2}kubernetes-admin update deployments\/web in default {2}✗ 409 Conflict: /)
  })

  test('goes on with what comes with --follow', async () => {
    const following = setup.start(['trace', 'deployment/web', '--follow'])
    await following.printed(/created deployment\/web/)
    await kubectl.ok(['scale', 'deployment/web', '--replicas=3'])
    await following.printed(/\n\S+Z {2}kubernetes-admin scaled deployment\/web in default {2}replicas 2 → 3 {2}@\d+\n/)
    await following.printed(
      /\n {3}\+\S+ \S+ {2}deployment-controller updated replicaset\/\S+ {2}replicas 2 → 3.* ← @\d+\n/,
    )
    await following.printed(
      /\n {12}\+.* kubelet of node-0 updated status of pod\/\S+ {2}phase Pending → Running.*\n/,
      60_000,
    )
    await following.stop()
  })

  test.each([
    [
      ['deployment/none'],
      /^kubemu: no write of deployment "none" in the namespace "default" has been recorded since \S+\n$/,
    ],
    [['web'], /^kubemu: the object must be given as TYPE\/NAME or TYPE NAME, not as "web"\n$/],
    [['--kubeconfig', '/none', 'deployment/web'], /^kubemu: [^\n]*\/none[^\n]*\n$/],
  ] as [string[], RegExp][])('%j is answered in one sentence', async (args, sentence) => {
    expect(await setup.kubemuFails('trace', ...args)).toMatch(sentence)
  })
})

test('causes are true over HTTP, where controllers and scheduler run in processes of their own', async () => {
  const setup = new Setup()
  try {
    await setup.up('--no-controllers')
    const { kubectl, kubeconfig } = setup
    for (const part of ['controller-manager', 'scheduler']) {
      setup.start([part, '--kubeconfig', kubeconfig, '--leader-elect=false'])
    }
    setup.start(['nodes', '--kubeconfig', kubeconfig, '--leader-elect=false', '--port', '0'])
    await until(
      () => kubectl.run(['get', 'serviceaccount', 'default']),
      ({ code }) => code === 0,
    )
    await kubectl.ok(['create', 'deployment', 'web', '--image=nginx:1.27'])
    await kubectl.ok(['rollout', 'status', 'deployment/web', '--timeout=90s'])
    const text = await setup.kubemu('trace', 'deployment/web', '-o', 'json')
    const { roots } = JSON.parse(text) as Trace
    const nodesOf = (node: TraceNode): TraceNode[] => [node, ...node.children.flatMap(nodesOf)]
    const path = (node: TraceNode): string[] => {
      const { verb, subresource, writes } = node.record
      return [`${verb} ${writes[0]?.kind}${subresource ? `/${subresource}` : ''}`, ...node.children.flatMap(path)]
    }
    expect(roots).toHaveLength(1)
    for (const node of nodesOf(roots[0]!).slice(1)) expect(node.record.cause?.revisions.length).toBeGreaterThan(0)
    const seen = path(roots[0]!)
    expect(seen[0]).toBe('create Deployment')
    for (const step of ['create ReplicaSet', 'create Pod', 'create Pod/binding', 'update Pod/status']) {
      expect(seen).toContain(step)
    }
    const userAgents = new Set(nodesOf(roots[0]!).map((n) => n.record.userAgent.split('/')[0]))
    expect(userAgents).toContain('kube-controller-manager')
    expect(nodesOf(roots[0]!).some((n) => n.record.authenticatedBy === 'x509')).toBe(true)
  } finally {
    await setup.stop()
  }
})
