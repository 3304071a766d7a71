import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CommandLine, kubectlBinary } from '../suites/kubectl.ts'
import { startTestServer, type TestServer } from '../suites/server.ts'

let server: TestServer
let kubectl: CommandLine

beforeAll(async () => {
  server = await startTestServer()
  kubectl = new CommandLine(kubectlBinary(), server.kubeconfig, server.folder)
})

afterAll(async () => {
  await server.stop()
})

const lines = (text: string): string[] => text.trimEnd().split('\n')

describe('kubectl: what the server serves', () => {
  test('version: names a v1.36 server and no skew worth a warning', async () => {
    const { stdout, stderr } = await kubectl.run(['version', '--output=json'])
    expect(JSON.parse(stdout).serverVersion).toMatchObject({ major: '1', minor: '36' })
    expect(stderr).toBe('')
  })

  test('cluster-info: where the control plane is', async () => {
    expect(await kubectl.ok(['cluster-info'])).toContain(`is running at ${server.tlsUrl}`)
  })

  test('cluster-info dump: every list of every system namespace', async () => {
    const folder = join(server.folder, 'dump')
    await kubectl.ok(['cluster-info', 'dump', `--output-directory=${folder}`])
    const pods = JSON.parse(readFileSync(join(folder, 'kube-system/pods.json'), 'utf8'))
    expect(pods).toMatchObject({ kind: 'PodList' })
    expect(pods.items ?? []).toEqual([])
  })

  test('api-resources: short names, versions, scope and kind', async () => {
    const rows = lines(await kubectl.ok(['api-resources', '--no-headers'])).map((line) => line.split(/ +/))
    expect(rows).toHaveLength(67)
    expect(rows).toContainEqual([
      'customresourcedefinitions',
      'crd,crds',
      'apiextensions.k8s.io/v1',
      'false',
      'CustomResourceDefinition',
    ])
    expect(rows).toContainEqual([
      'horizontalpodautoscalers',
      'hpa',
      'autoscaling/v2',
      'true',
      'HorizontalPodAutoscaler',
    ])
    expect(rows).toContainEqual(['bindings', 'v1', 'true', 'Binding'])
  })

  test('api-resources: by group, scope, verb and category', async () => {
    const names = async (...args: string[]): Promise<string[]> =>
      lines(await kubectl.ok(['api-resources', '--output=name', '--sort-by=name', ...args]))
    expect(await names('--api-group=batch')).toEqual(['cronjobs.batch', 'jobs.batch'])
    expect(await names('--namespaced=false', '--api-group=')).toEqual([
      'componentstatuses',
      'namespaces',
      'nodes',
      'persistentvolumes',
    ])
    expect(await names('--categories=all')).toEqual([
      'cronjobs.batch',
      'daemonsets.apps',
      'deployments.apps',
      'horizontalpodautoscalers.autoscaling',
      'jobs.batch',
      'pods',
      'replicasets.apps',
      'replicationcontrollers',
      'services',
      'statefulsets.apps',
    ])
    expect(await names('--verbs=create', '--api-group=authorization.k8s.io')).toEqual([
      'localsubjectaccessreviews.authorization.k8s.io',
      'selfsubjectaccessreviews.authorization.k8s.io',
      'selfsubjectrulesreviews.authorization.k8s.io',
      'subjectaccessreviews.authorization.k8s.io',
    ])
  })

  test('api-versions: the versions that v1.36 serves by default', async () => {
    expect(lines(await kubectl.ok(['api-versions']))).toEqual([
      'admissionregistration.k8s.io/v1',
      'apiextensions.k8s.io/v1',
      'apiregistration.k8s.io/v1',
      'apps/v1',
      'authentication.k8s.io/v1',
      'authorization.k8s.io/v1',
      'autoscaling/v1',
      'autoscaling/v2',
      'batch/v1',
      'certificates.k8s.io/v1',
      'coordination.k8s.io/v1',
      'discovery.k8s.io/v1',
      'events.k8s.io/v1',
      'flowcontrol.apiserver.k8s.io/v1',
      'networking.k8s.io/v1',
      'node.k8s.io/v1',
      'policy/v1',
      'rbac.authorization.k8s.io/v1',
      'resource.k8s.io/v1',
      'scheduling.k8s.io/v1',
      'storage.k8s.io/v1',
      'v1',
    ])
  })

  test('get --raw: health, one check of it, version, a list', async () => {
    expect(await kubectl.ok(['get', '--raw=/livez'])).toBe('ok')
    expect(await kubectl.ok(['get', '--raw=/readyz?verbose'])).toMatch(
      /^\[\+\]ping ok\n(\[\+\]\S+ ok\n)+readyz check passed\n$/,
    )
    expect(await kubectl.ok(['get', '--raw=/healthz/etcd'])).toBe('ok')
    const page = JSON.parse(await kubectl.ok(['get', '--raw=/api/v1/namespaces?limit=1']))
    expect(page).toMatchObject({ kind: 'NamespaceList', metadata: { remainingItemCount: 3 } })
  })

  test('proxy: passes requests on with the credentials of the kubeconfig', async () => {
    const proxy = kubectl.background(['proxy', '--port=0'])
    try {
      const [, address] = await proxy.printed(/Starting to serve on (\S+)/)
      const answer = await fetch(`http://${address}/api/v1/namespaces/default`)
      expect(answer.status).toBe(200)
      expect(await answer.json()).toMatchObject({ kind: 'Namespace', metadata: { name: 'default' } })
    } finally {
      await proxy.stop()
    }
  })
})

describe('kubectl explain', () => {
  test('a kind: group, version and fields with their types', async () => {
    const text = await kubectl.ok(['explain', 'deployments'])
    expect(text).toMatch(/^GROUP: {6}apps\nKIND: {7}Deployment\nVERSION: {4}v1\n/)
    expect(text).toContain('  spec\t<DeploymentSpec>\n')
  })

  test('a field of another type is described once, in the list and by itself', async () => {
    const words = 'PodTemplateSpec describes the data'
    for (const path of ['deployment.spec', 'deployment.spec.template']) {
      const text = await kubectl.ok(['explain', path])
      expect(text.split(words)).toHaveLength(2)
    }
  })

  test('a field: type, enum and required', async () => {
    expect(await kubectl.ok(['explain', 'pod.spec.containers.imagePullPolicy'])).toContain(
      'FIELD: imagePullPolicy <string>\nENUM:\n    Always\n    IfNotPresent\n    Never\n',
    )
    expect(await kubectl.ok(['explain', 'pod.spec'])).toContain('  containers\t<[]Container> -required-\n')
  })

  test('--recursive: every field under it, none described', async () => {
    const text = await kubectl.ok(['explain', 'cronjob.spec', '--recursive'])
    expect(text).toContain('  jobTemplate\t<JobTemplateSpec> -required-\n    metadata\t<ObjectMeta>\n')
    expect(text).toContain('          containers\t<[]Container> -required-\n')
  })

  test('--api-version: the older of two versions', async () => {
    const text = await kubectl.ok(['explain', 'hpa.spec', '--api-version=autoscaling/v1'])
    expect(text).toContain('  targetCPUUtilizationPercentage\t<integer>\n')
    expect(text).not.toContain('metrics')
  })

  test('a field that is not there: says so', async () => {
    expect(await kubectl.fails(['explain', 'pod.spec.nothere'])).toBe('error: field "nothere" does not exist\n')
  })

  test('--output=plaintext-openapiv2: the same from the OpenAPI v2 document', async () => {
    const text = await kubectl.ok(['explain', 'pod.spec.containers.ports', '--output=plaintext-openapiv2'])
    expect(text).toContain('RESOURCE: ports <[]Object>')
    expect(text).toContain('   containerPort\t<integer> -required-\n')
  })
})

describe('kubectl auth', () => {
  test('whoami: the user of the token', async () => {
    const review = JSON.parse(await kubectl.ok(['auth', 'whoami', '--output=json']))
    expect(review.status.userInfo).toMatchObject({
      username: 'admin',
      groups: ['system:masters', 'system:authenticated'],
    })
  })

  test('can-i: the administrator may do all, by rule', async () => {
    expect(await kubectl.ok(['auth', 'can-i', 'create', 'pods'])).toBe('yes\n')
    expect(await kubectl.ok(['auth', 'can-i', '*', '*', '--all-namespaces'])).toBe('yes\n')
    expect(await kubectl.ok(['auth', 'can-i', '--list'])).toMatch(
      /^Resources +Non-Resource URLs +Resource Names +Verbs\n/,
    )
  })

  test('can-i --as: what another user may do, before and after a role is bound', async () => {
    const asJane = ['--as=jane', '--as-group=dev']
    expect(await kubectl.run(['auth', 'can-i', 'get', 'pods', ...asJane])).toMatchObject({ code: 1, stdout: 'no\n' })
    await kubectl.ok(['create', 'role', 'reader', '--verb=get,list', '--resource=pods'])
    await kubectl.ok(['create', 'rolebinding', 'jane-reads', '--role=reader', '--user=jane'])
    expect(await kubectl.ok(['auth', 'can-i', 'get', 'pods', ...asJane])).toBe('yes\n')
    expect(await kubectl.ok(['auth', 'can-i', '--list', ...asJane])).toMatch(/^pods +\[\] +\[\] +\[get list\]$/m)
    expect(await kubectl.ok(['get', 'pods', ...asJane])).toBe('')
    expect(await kubectl.fails(['get', 'secrets', ...asJane])).toBe(
      'Error from server (Forbidden): secrets is forbidden: User "jane" cannot list resource "secrets" in API group "" in the namespace "default"\n',
    )
  })

  test('reconcile: creates a role that is missing, extends one that has less', async () => {
    const role = (verbs: string[]): string =>
      JSON.stringify({
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRole',
        metadata: { name: 'reconciled' },
        rules: [{ apiGroups: [''], resources: ['pods'], verbs }],
      })
    const reconcile = ['auth', 'reconcile', '--filename=-']
    expect(await kubectl.ok(reconcile, { stdin: role(['get']) })).toContain(
      'clusterrole.rbac.authorization.k8s.io/reconciled reconciled',
    )
    await kubectl.ok(reconcile, { stdin: role(['list']) })
    const rules = await kubectl.ok(['get', 'clusterrole', 'reconciled', '--output=jsonpath={.rules[*].verbs[*]}'])
    expect(rules.split(' ').sort()).toEqual(['get', 'list'])
  })
})
