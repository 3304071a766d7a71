import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CommandLine, kubectlBinary } from '../suites/kubectl.ts'
import { startTestServer, type TestServer } from '../suites/server.ts'

let server: TestServer
let kubectl: CommandLine

beforeAll(async () => {
  server = await startTestServer()
  kubectl = new CommandLine(kubectlBinary(), server.kubeconfig, server.folder)
  await kubectl.ok(['create', 'serviceaccount', 'default'])
})

afterAll(async () => {
  await server.stop()
})

const get = (what: string, path: string): Promise<string> => kubectl.ok(['get', what, `--output=jsonpath=${path}`])

/** Writes objects into a file of the server's folder; answers its path. */
function manifest(name: string, ...objects: object[]): string {
  const file = join(server.folder, name)
  writeFileSync(file, objects.map((object) => JSON.stringify(object)).join('\n---\n'))
  return file
}

const configMap = (name: string, data: Record<string, string>, labels?: Record<string, string>): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...(labels ? { labels } : {}) },
  data,
})

const deployment = (name: string, image: string, extra: object = {}): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'main', image, ...extra }] } },
  },
})

/** A PKCS #10 request of `CN=someone`. */
const REQUEST = `-----BEGIN CERTIFICATE REQUEST-----
MIHLMHQCAQAwEjEQMA4GA1UEAwwHc29tZW9uZTBZMBMGByqGSM49AgEGCCqGSM49
AwEHA0IABBjJXFU1n2hi7qQMXaCX8TaHt7Ks9YWw9cuQ67aOAXnlRVMaY3N4i53q
n/BZm0YMW7Jvk1SJ3V+ryLSAqvdi5qmgADAKBggqhkjOPQQDAgNHADBEAiBleJnD
5Y7Y5KXuBVaiby+L3xAByy6MkplQ/7tiZId6SAIgNpsaTBIZ5ICIbyP1Mbi82tQN
zt2kKNLove5z5tJLo30=
-----END CERTIFICATE REQUEST-----
`

describe('kubectl apply', () => {
  test('created, unchanged, configured: what changed is patched, what was left out is removed', async () => {
    const first = manifest('first.json', deployment('web', 'nginx:1', { env: [{ name: 'A', value: '1' }] }))
    expect(await kubectl.ok(['apply', `--filename=${first}`])).toBe('deployment.apps/web created\n')
    expect(await kubectl.ok(['apply', `--filename=${first}`])).toBe('deployment.apps/web unchanged\n')
    await kubectl.ok(['scale', 'deployment/web', '--replicas=3'])
    const second = manifest('second.json', deployment('web', 'nginx:2'))
    expect(await kubectl.ok(['apply', `--filename=${second}`])).toBe('deployment.apps/web configured\n')
    expect(await get('deployment/web', '{.spec.replicas} {.spec.template.spec.containers[0].image}')).toBe('3 nginx:2')
    expect(await get('deployment/web', '{.spec.template.spec.containers[0].env}')).toBe('')
  })

  test('a folder, read recursively', async () => {
    mkdirSync(join(server.folder, 'tree/below'), { recursive: true })
    manifest('tree/a.json', configMap('tree-a', { a: '1' }))
    manifest('tree/below/b.json', configMap('tree-b', { a: '1' }))
    const args = ['apply', `--filename=${join(server.folder, 'tree')}`, '--recursive']
    expect(await kubectl.ok(args)).toBe('configmap/tree-a created\nconfigmap/tree-b created\n')
  })

  test('--dry-run: server and client say what would happen, nothing does', async () => {
    const file = manifest('dry.json', configMap('dry', { a: '1' }))
    expect(await kubectl.ok(['apply', `--filename=${file}`, '--dry-run=server'])).toBe(
      'configmap/dry created (server dry run)\n',
    )
    expect(await kubectl.ok(['apply', `--filename=${file}`, '--dry-run=client'])).toBe(
      'configmap/dry created (dry run)\n',
    )
    expect(await kubectl.ok(['get', 'configmap', 'dry', '--ignore-not-found'])).toBe('')
  })

  test('view-last-applied, set-last-applied', async () => {
    const file = manifest('last.json', configMap('last', { a: '1' }))
    await kubectl.ok(['apply', `--filename=${file}`])
    expect(
      JSON.parse(await kubectl.ok(['apply', 'view-last-applied', 'configmap/last', '--output=json'])),
    ).toMatchObject({
      data: { a: '1' },
    })
    const other = manifest('last.json', configMap('last', { b: '2' }))
    expect(await kubectl.ok(['apply', 'set-last-applied', `--filename=${other}`])).toBe('configmap/last configured\n')
    expect(await kubectl.ok(['apply', 'view-last-applied', 'configmap/last'])).toContain('b: "2"')
  })

  test('--prune -l: what is labelled and no longer in the files goes', async () => {
    const labels = { set: 'pruned' }
    const both = manifest('both.json', configMap('stays', { a: '1' }, labels), configMap('goes', { a: '1' }, labels))
    await kubectl.ok(['apply', `--filename=${both}`])
    const one = manifest('one.json', configMap('stays', { a: '1' }, labels))
    const allow = '--prune-allowlist=core/v1/ConfigMap'
    expect(await kubectl.ok(['apply', `--filename=${one}`, '--prune', '--selector=set=pruned', allow])).toBe(
      'configmap/stays unchanged\nconfigmap/goes pruned\n',
    )
  })

  test('--prune --applyset: membership is kept in the set, whatever kind it has', async () => {
    const env = { KUBECTL_APPLYSET: 'true' }
    const both = manifest('set-both.json', configMap('kept', { a: '1' }), configMap('dropped', { a: '1' }))
    const args = (file: string): string[] => [
      'apply',
      `--filename=${file}`,
      '--prune',
      '--applyset=set',
      '--namespace=default',
    ]
    await kubectl.ok(args(both), { env })
    expect(await get('configmap/kept', '{.metadata.labels}')).toContain('applyset.kubernetes.io/part-of')
    const one = manifest('set-one.json', configMap('kept', { a: '1' }))
    expect(await kubectl.ok(args(one), { env })).toBe('configmap/kept unchanged\nconfigmap/dropped pruned\n')
  })

  test('--server-side: conflicts name the manager and the field; --force-conflicts takes it', async () => {
    const mine = manifest('mine.json', configMap('shared', { a: '1' }))
    const theirs = manifest('theirs.json', configMap('shared', { a: '2' }))
    const apply = ['apply', '--server-side']
    expect(await kubectl.ok([...apply, `--filename=${mine}`])).toBe('configmap/shared serverside-applied\n')
    expect(await kubectl.fails([...apply, `--filename=${theirs}`, '--field-manager=other'])).toContain(
      'Apply failed with 1 conflict: conflict with "kubectl": .data.a\n',
    )
    await kubectl.ok([...apply, `--filename=${theirs}`, '--field-manager=other', '--force-conflicts'])
    expect(await get('configmap/shared', '{.data.a}')).toBe('2')
  })

  test('an immutable field: refused, the object stays', async () => {
    const changed = { ...deployment('web', 'nginx:3') } as {
      spec: { selector: object; template: { metadata: object } }
    }
    changed.spec.selector = { matchLabels: { app: 'other' } }
    changed.spec.template.metadata = { labels: { app: 'other' } }
    expect(await kubectl.fails(['apply', `--filename=${manifest('changed.json', changed)}`])).toBe(
      'The Deployment "web" is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"other"}}: field is immutable\n',
    )
    expect(await get('deployment/web', '{.spec.template.spec.containers[0].image}')).toBe('nginx:2')
  })
})

describe('kubectl diff and edit', () => {
  test('diff: exit code 0 without a difference, 1 with one, shown as a patch', async () => {
    const file = manifest('diff.json', configMap('differs', { a: '1' }))
    await kubectl.ok(['apply', `--filename=${file}`])
    expect(await kubectl.run(['diff', `--filename=${file}`])).toMatchObject({ code: 0, stdout: '' })
    const changed = await kubectl.run(['diff', `--filename=${manifest('diff.json', configMap('differs', { a: '2' }))}`])
    expect(changed.code).toBe(1)
    expect(changed.stdout).toMatch(/^-\s+a: "1"\n\+\s+a: "2"$/m)
    const applied = await kubectl.run(['diff', '--server-side', '--force-conflicts', `--filename=${file}`])
    expect(applied.code).toBe(1)
    expect(applied.stdout).toMatch(/^\+\s+a: "2"$/m)
  })

  test('edit: what the editor saved is patched; nothing saved, nothing done', async () => {
    await kubectl.ok(['create', 'configmap', 'edited', '--from-literal=a=before'])
    const env = (editor: string): Record<string, string> => ({ KUBE_EDITOR: editor })
    expect(await kubectl.ok(['edit', 'configmap/edited'], { env: env('sed -i s/before/after/') })).toBe(
      'configmap/edited edited\n',
    )
    expect(await get('configmap/edited', '{.data.a}')).toBe('after')
    const untouched = await kubectl.run(['edit', 'configmap/edited'], { env: env('true') })
    expect(untouched).toMatchObject({ code: 0, stderr: 'Edit cancelled, no changes made.\n' })
  })

  test('edit --subresource: the status', async () => {
    await kubectl.ok(['create', 'deployment', 'statused', '--image=nginx'])
    const env = { KUBE_EDITOR: 'sed -i "s/^status: {}/status: {replicas: 4}/"' }
    await kubectl.ok(['edit', 'deployment/statused', '--subresource=status'], { env })
    expect(await get('deployment/statused', '{.status.replicas}')).toBe('4')
  })
})

describe('kubectl replace and patch', () => {
  test('replace: the whole object; a stale resourceVersion is a conflict', async () => {
    const live = await kubectl.ok(['create', 'configmap', 'whole', '--from-literal=a=1', '--output=json'])
    expect(await kubectl.ok(['replace', `--filename=${manifest('whole.json', configMap('whole', { b: '2' }))}`])).toBe(
      'configmap/whole replaced\n',
    )
    expect(await get('configmap/whole', '{.data}')).toBe('{"b":"2"}')
    expect(await kubectl.fails(['replace', '--filename=-'], { stdin: live })).toBe(
      'Error from server (Conflict): error when replacing "STDIN": Operation cannot be fulfilled on configmaps "whole": the object has been modified; please apply your changes to the latest version and try again\n',
    )
  })

  test('replace --force: deleted and created anew', async () => {
    const before = await get('configmap/whole', '{.metadata.uid}')
    const file = manifest('whole.json', configMap('whole', { c: '3' }))
    expect(await kubectl.ok(['replace', '--force', `--filename=${file}`])).toBe(
      'configmap "whole" deleted from default namespace\nconfigmap/whole replaced\n',
    )
    expect(await get('configmap/whole', '{.metadata.uid}')).not.toBe(before)
  })

  test('patch: strategic merges a list by its key, merge replaces it, json tests and replaces', async () => {
    await kubectl.ok(['apply', `--filename=${manifest('patched.json', deployment('patched', 'nginx:1'))}`])
    const patch = (type: string, body: object): Promise<string> =>
      kubectl.ok(['patch', 'deployment', 'patched', `--type=${type}`, `--patch=${JSON.stringify(body)}`])
    const containers = (...list: object[]): object => ({ spec: { template: { spec: { containers: list } } } })
    await patch('strategic', containers({ name: 'side', image: 'busybox' }))
    expect(await get('deployment/patched', '{.spec.template.spec.containers[*].name}')).toBe('side main')
    await patch('strategic', containers({ name: 'side', $patch: 'delete' }))
    expect(await get('deployment/patched', '{.spec.template.spec.containers[*].name}')).toBe('main')
    await patch('merge', containers({ name: 'only', image: 'busybox' }))
    expect(await get('deployment/patched', '{.spec.template.spec.containers[*].name}')).toBe('only')
    await patch('json', [
      { op: 'test', path: '/spec/replicas', value: 1 },
      { op: 'replace', path: '/spec/replicas', value: 5 },
    ])
    expect(await get('deployment/patched', '{.spec.replicas}')).toBe('5')
    expect(await patch('merge', { spec: { replicas: 5 } })).toBe('deployment.apps/patched patched (no change)\n')
  })

  test('patch --subresource: scale and status', async () => {
    const patch = (subresource: string, body: object): Promise<string> =>
      kubectl.ok([
        'patch',
        'deployment',
        'patched',
        `--subresource=${subresource}`,
        '--type=merge',
        `--patch=${JSON.stringify(body)}`,
      ])
    expect(await patch('scale', { spec: { replicas: 2 } })).toBe('scale.autoscaling/patched patched\n')
    expect(await patch('status', { status: { replicas: 2 } })).toBe('deployment.apps/patched patched\n')
    expect(await get('deployment/patched', '{.spec.replicas} {.status.replicas}')).toBe('2 2')
  })

  test('patch: what upstream says of a bad one', async () => {
    const patch = (...args: string[]): Promise<string> => kubectl.fails(['patch', 'deployment', 'patched', ...args])
    expect(await patch('--type=merge', '--patch={"spec":{"replicas":-1}}')).toBe(
      'The Deployment "patched" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0\n',
    )
    expect(await patch('--type=json', '--patch=[{"op":"remove","path":"/spec/nothing"}]')).toContain(
      'The request is invalid',
    )
  })
})

describe('kubectl set, label, annotate, scale, taint', () => {
  test('set: image, env, resources, service account, selector, subject', async () => {
    await kubectl.ok(['create', 'deployment', 'set', '--image=nginx'])
    expect(await kubectl.ok(['set', 'image', 'deployment/set', 'nginx=nginx:2'])).toBe(
      'deployment.apps/set image updated\n',
    )
    expect(await kubectl.ok(['set', 'env', 'deployment/set', 'A=1'])).toBe('deployment.apps/set env updated\n')
    expect(await kubectl.ok(['set', 'resources', 'deployment/set', '--limits=cpu=100m'])).toBe(
      'deployment.apps/set resource requirements updated\n',
    )
    expect(await kubectl.ok(['set', 'serviceaccount', 'deployment/set', 'robot'])).toBe(
      'deployment.apps/set serviceaccount updated\n',
    )
    expect(
      await get(
        'deployment/set',
        '{.spec.template.spec.containers[0].resources.limits.cpu} {.spec.template.spec.serviceAccount}',
      ),
    ).toBe('100m robot')
    await kubectl.ok(['create', 'service', 'clusterip', 'set', '--tcp=80'])
    expect(await kubectl.ok(['set', 'selector', 'service/set', 'a=b'])).toBe('service/set selector updated\n')
    await kubectl.ok(['create', 'rolebinding', 'set', '--clusterrole=view', '--user=jane'])
    expect(await kubectl.ok(['set', 'subject', 'rolebinding/set', '--user=bob'])).toBe(
      'rolebinding.rbac.authorization.k8s.io/set subjects updated\n',
    )
  })

  test.each(['label', 'annotate'])('%s: adds, refuses to overwrite, overwrites, removes', async (command) => {
    const [done, undone] = command === 'label' ? ['labeled', 'unlabeled'] : ['annotated', 'annotated']
    const object = `configmap/${command}`
    await kubectl.ok(['create', 'configmap', command])
    expect(await kubectl.ok([command, object, 'x=1'])).toBe(`${object} ${done}\n`)
    expect(await kubectl.fails([command, object, 'x=2'])).toContain('--overwrite is false')
    expect(await kubectl.ok([command, object, 'x=2', '--overwrite'])).toBe(`${object} ${done}\n`)
    expect(await kubectl.ok([command, object, 'x-'])).toBe(`${object} ${undone}\n`)
  })

  test('label: a value that is not one, in the words of upstream', async () => {
    expect(
      await kubectl.fails(['patch', 'configmap', 'label', '--patch={"metadata":{"labels":{"a":"b c"}}}']),
    ).toContain(
      'The ConfigMap "label" is invalid: metadata.labels: Invalid value: "b c": a valid label must be an empty string or',
    )
  })

  test('scale: to a number, only from a number', async () => {
    await kubectl.ok(['create', 'deployment', 'scaled', '--image=nginx'])
    expect(await kubectl.ok(['scale', 'deployment/scaled', '--replicas=5'])).toBe('deployment.apps/scaled scaled\n')
    expect(await kubectl.fails(['scale', 'deployment/scaled', '--replicas=1', '--current-replicas=3'])).toBe(
      'error: Expected replicas to be 3, was 5\n',
    )
  })

  test('taint, cordon, uncordon: a node', async () => {
    await kubectl.ok(['create', '--filename=-'], { stdin: '{"apiVersion":"v1","kind":"Node","metadata":{"name":"n"}}' })
    expect(await kubectl.ok(['taint', 'node', 'n', 'a=b:NoSchedule'])).toBe('node/n tainted\n')
    expect(await kubectl.ok(['cordon', 'n'])).toBe('node/n cordoned\n')
    expect(await kubectl.ok(['uncordon', 'n'])).toBe('node/n uncordoned\n')
    expect(await get('node/n', '{.spec.taints[*].key}')).toContain('a')
  })

  test('certificate approve: the condition is added', async () => {
    const spec = {
      request: Buffer.from(REQUEST).toString('base64'),
      signerName: 'example.com/signer',
      usages: ['client auth'],
    }
    const object = {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name: 'csr' },
      spec,
    }
    await kubectl.ok(['create', '--filename=-'], { stdin: JSON.stringify(object) })
    expect(await kubectl.ok(['certificate', 'approve', 'csr'])).toBe(
      'certificatesigningrequest.certificates.k8s.io/csr approved\n',
    )
    expect(await get('csr/csr', '{.status.conditions[0].type} {.spec.username}')).toBe('Approved admin')
  })
})

describe('kubectl delete', () => {
  test('by name, by file, by selector, --all, --ignore-not-found', async () => {
    const file = manifest(
      'deleted.json',
      configMap('d1', { a: '1' }, { d: '1' }),
      configMap('d2', { a: '1' }, { d: '2' }),
      configMap('d3', { a: '1' }, { d: '2' }),
    )
    await kubectl.ok(['create', `--filename=${file}`])
    expect(await kubectl.ok(['delete', 'configmap', 'd1', '--dry-run=server'])).toBe(
      'configmap "d1" deleted from default namespace (server dry run)\n',
    )
    expect(await kubectl.ok(['delete', 'configmap', 'd1'])).toBe('configmap "d1" deleted from default namespace\n')
    expect(await kubectl.ok(['delete', 'configmaps', '--selector=d=2'])).toBe(
      'configmap "d2" deleted from default namespace\nconfigmap "d3" deleted from default namespace\n',
    )
    expect(await kubectl.fails(['delete', `--filename=${file}`])).toContain('Error from server (NotFound)')
    expect(await kubectl.ok(['delete', `--filename=${file}`, '--ignore-not-found'])).toBe('')
    await kubectl.ok(['create', 'secret', 'generic', 'gone', '--namespace=kube-public'])
    expect(await kubectl.ok(['delete', 'secrets', '--all', '--namespace=kube-public'])).toBe(
      'secret "gone" deleted from kube-public namespace\n',
    )
  })

  test('a pod: --grace-period, --now, --force', async () => {
    for (const [name, ...args] of [
      ['p1', '--grace-period=1'],
      ['p2', '--now'],
      ['p3', '--grace-period=0', '--force'],
    ] as const) {
      await kubectl.ok(['run', name, '--image=nginx'])
      expect(await kubectl.ok(['delete', 'pod', name, ...args])).toMatch(new RegExp(`^pod "${name}" (force )?deleted`))
    }
    expect(await kubectl.ok(['get', 'pods', '--output=name'])).toBe('')
  })

  test('a pod on a node: terminating until its kubelet has let it go, --force does not wait for that', async () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'bound' },
      spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] },
    }
    await kubectl.ok(['create', '--filename=-'], { stdin: JSON.stringify(pod) })
    await kubectl.ok(['delete', 'pod', 'bound', '--wait=false'])
    expect(await get('pod/bound', '{.metadata.deletionGracePeriodSeconds}')).toBe('30')
    await kubectl.ok(['delete', 'pod', 'bound', '--grace-period=0', '--force'])
    expect(await kubectl.ok(['get', 'pod', 'bound', '--ignore-not-found'])).toBe('')
  })

  test('--cascade: what the server is asked to do with dependents', async () => {
    for (const [mode, finalizer] of [
      ['orphan', 'orphan'],
      ['foreground', 'foregroundDeletion'],
    ] as const) {
      await kubectl.ok(['create', 'deployment', mode, '--image=nginx'])
      await kubectl.ok(['delete', 'deployment', mode, `--cascade=${mode}`, '--wait=false'])
      expect(await get(`deployment/${mode}`, '{.metadata.finalizers[*]}')).toBe(finalizer)
    }
    await kubectl.ok(['create', 'deployment', 'background', '--image=nginx'])
    await kubectl.ok(['delete', 'deployment', 'background', '--cascade=background'])
    expect(await kubectl.ok(['get', 'deployment', 'background', '--ignore-not-found'])).toBe('')
  })

  test('an object with a finalizer: stays until the finalizer is removed, kubectl waits for it', async () => {
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'held', finalizers: ['example.com/hold'] } }
    await kubectl.ok(['create', '--filename=-'], { stdin: JSON.stringify(object) })
    const deletion = kubectl.background(['delete', 'configmap', 'held'])
    await deletion.printed(/configmap "held" deleted/)
    await kubectl.ok([
      'patch',
      'configmap',
      'held',
      '--type=json',
      '--patch=[{"op":"remove","path":"/metadata/finalizers"}]',
    ])
    await deletion.ended()
    expect(await kubectl.ok(['get', 'configmap', 'held', '--ignore-not-found'])).toBe('')
  })

  test('a namespace: terminating, refuses new objects', async () => {
    await kubectl.ok(['create', 'namespace', 'closing'])
    await kubectl.ok(['delete', 'namespace', 'closing', '--wait=false'])
    expect(await get('namespace/closing', '{.status.phase}')).toBe('Terminating')
    expect(await kubectl.fails(['create', 'configmap', 'late', '--namespace=closing'])).toBe(
      'error: failed to create configmap: configmaps "late" is forbidden: unable to create new content in namespace closing because it is being terminated\n',
    )
  })

  test('--raw: a DELETE of a path', async () => {
    await kubectl.ok(['create', 'configmap', 'raw'])
    const answer = JSON.parse(await kubectl.ok(['delete', '--raw=/api/v1/namespaces/default/configmaps/raw']))
    expect(answer).toMatchObject({ kind: 'Status', status: 'Success', details: { name: 'raw', kind: 'configmaps' } })
  })
})
