import { writeFileSync } from 'node:fs'
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

/** A generator's arguments, what it says, and a field of what it made. */
interface Generator {
  readonly args: readonly string[]
  readonly created: string
  readonly field: readonly [path: string, value: string]
}

const generators: readonly Generator[] = [
  { args: ['namespace', 'team'], created: 'namespace/team', field: ['{.status.phase}', 'Active'] },
  {
    args: ['configmap', 'settings', '--from-literal=colour=blue', '--from-literal=size=2'],
    created: 'configmap/settings',
    field: ['{.data}', '{"colour":"blue","size":"2"}'],
  },
  {
    args: ['secret', 'generic', 'opaque', '--from-literal=password=hunter2'],
    created: 'secret/opaque',
    field: ['{.type} {.data.password}', 'Opaque aHVudGVyMg=='],
  },
  {
    args: ['secret', 'docker-registry', 'pull', '--docker-username=u', '--docker-password=p'],
    created: 'secret/pull',
    field: ['{.type}', 'kubernetes.io/dockerconfigjson'],
  },
  { args: ['serviceaccount', 'robot'], created: 'serviceaccount/robot', field: ['{.metadata.name}', 'robot'] },
  {
    args: ['deployment', 'web', '--image=nginx:1', '--replicas=2', '--port=80'],
    created: 'deployment.apps/web',
    field: [
      '{.spec.replicas} {.spec.strategy.rollingUpdate.maxSurge} {.spec.template.spec.dnsPolicy}',
      '2 25% ClusterFirst',
    ],
  },
  {
    args: ['job', 'once', '--image=busybox', '--', 'echo', 'hello'],
    created: 'job.batch/once',
    field: ['{.spec.backoffLimit} {.spec.completionMode} {.spec.template.spec.restartPolicy}', '6 NonIndexed Never'],
  },
  {
    args: ['cronjob', 'often', '--image=busybox', '--schedule=*/5 * * * *', '--', 'date'],
    created: 'cronjob.batch/often',
    field: ['{.spec.schedule} {.spec.concurrencyPolicy}', '*/5 * * * * Allow'],
  },
  {
    args: ['job', 'now', '--from=cronjob/often'],
    created: 'job.batch/now',
    field: [
      '{.metadata.ownerReferences[0].kind} {.metadata.annotations.cronjob\\.kubernetes\\.io/instantiate}',
      'CronJob manual',
    ],
  },
  {
    args: ['role', 'reader', '--verb=get', '--resource=pods,pods/log', '--resource-name=one'],
    created: 'role.rbac.authorization.k8s.io/reader',
    field: ['{.rules[0].resources} {.rules[0].resourceNames}', '["pods","pods/log"] ["one"]'],
  },
  {
    args: ['rolebinding', 'reads', '--role=reader', '--serviceaccount=default:robot', '--group=dev'],
    created: 'rolebinding.rbac.authorization.k8s.io/reads',
    field: ['{.subjects[*].kind}', 'Group ServiceAccount'],
  },
  {
    args: ['clusterrole', 'nodes', '--verb=get', '--resource=nodes', '--non-resource-url=/metrics'],
    created: 'clusterrole.rbac.authorization.k8s.io/nodes',
    field: ['{.rules[*].verbs}', '["get"] ["get"]'],
  },
  {
    args: ['clusterrole', 'sum', '--aggregation-rule=rbac.example.com/sum=true'],
    created: 'clusterrole.rbac.authorization.k8s.io/sum',
    field: ['{.aggregationRule.clusterRoleSelectors[0].matchLabels}', '{"rbac.example.com/sum":"true"}'],
  },
  {
    args: ['clusterrolebinding', 'nodes', '--clusterrole=nodes', '--user=jane'],
    created: 'clusterrolebinding.rbac.authorization.k8s.io/nodes',
    field: ['{.roleRef.kind}', 'ClusterRole'],
  },
  {
    args: ['quota', 'small', '--hard=pods=50,requests.cpu=5', '--scopes=Terminating'],
    created: 'resourcequota/small',
    field: ['{.spec.scopes[0]} {.spec.hard.pods}', 'Terminating 50'],
  },
  {
    args: ['poddisruptionbudget', 'web', '--selector=app=web', '--min-available=50%'],
    created: 'poddisruptionbudget.policy/web',
    field: ['{.spec.minAvailable}', '50%'],
  },
  {
    args: ['priorityclass', 'high', '--value=1000', '--description=matters'],
    created: 'priorityclass.scheduling.k8s.io/high',
    field: ['{.value} {.preemptionPolicy}', '1000 PreemptLowerPriority'],
  },
  {
    args: ['ingress', 'front', '--class=nginx', '--rule=foo.com/bar*=web:80,tls=cert'],
    created: 'ingress.networking.k8s.io/front',
    field: ['{.spec.rules[0].http.paths[0].pathType} {.spec.tls[0].secretName}', 'Prefix cert'],
  },
  {
    args: ['service', 'clusterip', 'inner', '--tcp=80:8080', '--clusterip=10.0.0.77'],
    created: 'service/inner',
    field: ['{.spec.clusterIPs} {.spec.ports[0].targetPort}', '["10.0.0.77"] 8080'],
  },
  {
    args: ['service', 'nodeport', 'outer', '--tcp=80', '--node-port=30123'],
    created: 'service/outer',
    field: ['{.spec.ports[0].nodePort} {.spec.externalTrafficPolicy}', '30123 Cluster'],
  },
  {
    args: ['service', 'loadbalancer', 'balanced', '--tcp=80'],
    created: 'service/balanced',
    field: ['{.spec.allocateLoadBalancerNodePorts}', 'true'],
  },
  {
    args: ['service', 'externalname', 'elsewhere', '--external-name=example.com'],
    created: 'service/elsewhere',
    field: ['{.spec.externalName}{.spec.clusterIP}', 'example.com'],
  },
]

describe('kubectl create', () => {
  test.each(generators)('$args.0 → $created', async ({ args, created, field: [path, value] }) => {
    expect(await kubectl.ok(['create', ...args])).toBe(`${created} created\n`)
    expect(await get(created, path)).toBe(value)
  })

  test('secret tls: the pair is checked by both sides', async () => {
    const [cert, key] = [join(server.folder, 'tls.crt'), join(server.folder, 'tls.key')]
    writeFileSync(cert, 'no certificate')
    writeFileSync(key, 'no key')
    expect(await kubectl.fails(['create', 'secret', 'tls', 'pair', `--cert=${cert}`, `--key=${key}`])).toContain(
      'failed to find any PEM data in certificate input',
    )
  })

  test('token: a token of the service account', async () => {
    await kubectl.ok(['create', 'serviceaccount', 'bearer'])
    const token = await kubectl.ok(['create', 'token', 'bearer', '--duration=10m'])
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    expect(claims).toMatchObject({ sub: 'system:serviceaccount:default:bearer' })
    expect(claims.exp - claims.iat).toBe(600)
    const review = JSON.parse(await kubectl.ok(['auth', 'whoami', `--token=${token.trim()}`, '--output=json']))
    expect(review.status.userInfo.username).toBe('system:serviceaccount:default:bearer')
  })

  test('--filename: several documents, what exists already is refused', async () => {
    const documents = ['one', 'settings'].map((name) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`)
    const result = await kubectl.run(['create', '--filename=-'], { stdin: documents.join('---\n') })
    expect(result).toMatchObject({ code: 1, stdout: 'configmap/one created\n' })
    expect(result.stderr).toBe(
      'Error from server (AlreadyExists): error when creating "STDIN": configmaps "settings" already exists\n',
    )
  })

  test('--raw: posts the file as it is', async () => {
    const body = JSON.stringify({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { generateName: 'raw-' } })
    const answer = await kubectl.ok(['create', '--raw=/api/v1/namespaces/default/configmaps', '--filename=-'], {
      stdin: body,
    })
    expect(JSON.parse(answer).metadata.name).toMatch(/^raw-[a-z0-9]{5}$/)
  })

  test('--dry-run=server: defaulted, not stored', async () => {
    const pod = JSON.parse(await kubectl.ok(['run', 'ghost', '--image=nginx', '--dry-run=server', '--output=json']))
    expect(pod).toMatchObject({ spec: { terminationGracePeriodSeconds: 30 }, status: { qosClass: 'BestEffort' } })
    expect(await kubectl.fails(['get', 'pod', 'ghost'])).toContain('pods "ghost" not found')
  })

  test('an invalid object: every field that is wrong, in the words of upstream', async () => {
    const pod = { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'X' }, spec: { containers: [{ image: 'i' }] } }
    const complaint = await kubectl.fails(['create', '--filename=-'], { stdin: JSON.stringify(pod) })
    expect(complaint).toContain(
      'The Pod "X" is invalid: \n* metadata.name: Invalid value: "X": a lowercase RFC 1123 subdomain',
    )
    expect(complaint).toContain('* spec.containers[0].name: Required value\n')
  })

  test('--validate: strict refuses an unknown field, warn says so, ignore drops it', async () => {
    const stdin = '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"generateName":"v-"},"dat":{}}'
    const create = (mode: string): Promise<{ code: number; stdout: string; stderr: string }> =>
      kubectl.run(['create', '--filename=-', `--validate=${mode}`], { stdin })
    expect(await create('strict')).toMatchObject({
      code: 1,
      stderr:
        'Error from server (BadRequest): error when creating "STDIN": ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "dat"\n',
    })
    expect(await create('warn')).toMatchObject({ code: 0, stderr: 'Warning: unknown field "dat"\n' })
    expect(await create('ignore')).toMatchObject({ code: 0, stderr: '' })
  })
})

describe('kubectl run and expose', () => {
  test('run: a pod with a service account token, tolerations and priority', async () => {
    const args = ['run', 'solo', '--image=nginx', '--labels=app=solo', '--env=A=B', '--port=8080']
    expect(await kubectl.ok(args)).toBe('pod/solo created\n')
    expect(
      await get('pod/solo', '{.spec.containers[0].env[0].value} {.spec.priority} {.spec.serviceAccountName}'),
    ).toBe('B 0 default')
    expect(await get('pod/solo', '{.spec.volumes[*].projected.sources[0].serviceAccountToken.path}')).toBe('token')
  })

  test('run --expose: the pod and a service for it', async () => {
    expect(await kubectl.ok(['run', 'both', '--image=nginx', '--port=80', '--expose'])).toBe(
      'service/both created\npod/both created\n',
    )
  })

  test('expose: a service from the selector of a pod, a deployment, a service', async () => {
    expect(await kubectl.ok(['expose', 'pod', 'solo', '--port=80', '--target-port=8080'])).toBe(
      'service/solo exposed\n',
    )
    expect(await get('service/solo', '{.spec.selector} {.spec.ports[0].targetPort}')).toBe('{"app":"solo"} 8080')
    await kubectl.ok(['create', 'deployment', 'shop', '--image=nginx'])
    expect(await kubectl.ok(['expose', 'deployment', 'shop', '--port=443', '--type=NodePort'])).toBe(
      'service/shop exposed\n',
    )
    expect(await get('service/shop', '{.spec.type} {.spec.selector.app}')).toBe('NodePort shop')
    expect(await kubectl.ok(['expose', 'service', 'shop', '--name=shop-2', '--port=80'])).toBe(
      'service/shop-2 exposed\n',
    )
  })

  test('debug: an ephemeral container joins the pod', async () => {
    await kubectl.ok(['debug', 'solo', '--image=busybox', '--container=look', '--profile=general'])
    expect(await get('pod/solo', '{.spec.ephemeralContainers[*].name}')).toBe('look')
  })

  test('autoscale, rollout: the deployment is read and patched', async () => {
    await kubectl.ok(['create', 'deployment', 'scaled', '--image=nginx'])
    expect(await kubectl.ok(['autoscale', 'deployment', 'scaled', '--min=1', '--max=3', '--cpu=50%'])).toBe(
      'horizontalpodautoscaler.autoscaling/scaled autoscaled\n',
    )
    expect(await get('hpa/scaled', '{.spec.metrics[0].resource.target.averageUtilization}')).toBe('50')
    expect(await kubectl.ok(['rollout', 'pause', 'deployment/scaled'])).toBe('deployment.apps/scaled paused\n')
    expect(await kubectl.ok(['rollout', 'resume', 'deployment/scaled'])).toBe('deployment.apps/scaled resumed\n')
    expect(await kubectl.ok(['rollout', 'restart', 'deployment/scaled'])).toBe('deployment.apps/scaled restarted\n')
  })

  test('logs, exec of a pod without a node: the words of upstream', async () => {
    expect(await kubectl.ok(['logs', 'solo'])).toBe('')
    expect(await kubectl.fails(['exec', 'solo', '--container=solo', '--', 'ls'])).toBe(
      'Error from server (BadRequest): pod solo does not have a host assigned\n',
    )
  })
})
