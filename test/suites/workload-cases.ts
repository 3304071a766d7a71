import { describe, expect, test, vi } from 'vitest'
import type { CommandLine } from './kubectl.ts'

/** Bound on whatever a test waits for, in kubectl's form: generous, for a busy machine. */
const TIMEOUT = '--timeout=90s'
const LONG = { timeoutMs: 120_000 }
/** Of tests that run many commands. */
const MANY = { timeout: 300_000 }
const POLL = { timeout: 90_000, interval: 200 }

const CLAIMS = `
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: None, selector: {app: db}, ports: [{port: 5432}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 3
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers:
      - {name: db, image: 'postgres:17', volumeMounts: [{name: data, mountPath: /data}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
`

const JOBS = `
apiVersion: batch/v1
kind: Job
metadata: {name: pi}
spec:
  completions: 3
  parallelism: 2
  template:
    spec:
      restartPolicy: Never
      containers: [{name: pi, image: perl, command: [sh, -c, 'echo 3.14']}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: '0 3 * * *'
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: OnFailure
          containers: [{name: report, image: busybox, command: [date]}]
`

const EVERYTHING = `${CLAIMS}---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: agent, image: agent}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, finalizers: [example.com/hold]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
${JOBS.replace('\n', '---\n')}`

const filling = (name: string, priorityClassName: string, replicas: number): string => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      priorityClassName: ${priorityClassName}
      terminationGracePeriodSeconds: 0
      containers: [{name: c, image: busybox, resources: {requests: {cpu: '5'}}}]
`

interface Listed<T> {
  readonly items: readonly T[]
}

interface EventObject {
  readonly metadata: { readonly resourceVersion: string }
  readonly message: string
}

/**
 * What people do with workloads, by a real kubectl against a cluster of three nodes with eight cores each, on which
 * nothing else runs.
 */
export function workloadCases(kubectl: () => CommandLine): void {
  const ok = (...args: string[]): Promise<string> => kubectl().ok(args, LONG)
  const apply = (manifest: string, ...args: string[]): Promise<string> =>
    kubectl().ok(['apply', '--filename=-', ...args], { ...LONG, stdin: manifest })
  const jsonPath = (path: string, ...args: string[]): Promise<string> => ok('get', ...args, `--output=jsonpath=${path}`)
  const rolledOut = (what: string, ...args: string[]): Promise<string> =>
    ok('rollout', 'status', what, TIMEOUT, ...args)
  const names = async (...args: string[]): Promise<string[]> =>
    (await ok('get', ...args, '--output=name')).split('\n').filter((line) => line !== '')

  describe('a Deployment', () => {
    const images = '{.items[*].spec.containers[*].image}'
    const running = (): Promise<string> => jsonPath(images, 'pods', '--selector=app=web')

    test('is rolled out, changed, undone, paused, resumed, restarted and scaled', MANY, async () => {
      await ok('create', 'deployment', 'web', '--image=nginx:1.25', '--replicas=3')
      await rolledOut('deployment/web')
      await ok('set', 'image', 'deployment/web', 'nginx=nginx:1.26')
      await rolledOut('deployment/web')
      await ok('wait', '--for=jsonpath={.status.replicas}=3', 'deployment/web', TIMEOUT)
      expect(await ok('rollout', 'history', 'deployment/web')).toMatch(/REVISION .*\n1 +<none>\n2 +<none>\n/)
      expect(await ok('rollout', 'history', 'deployment/web', '--revision=2')).toContain('nginx:1.26')
      expect(await ok('rollout', 'undo', 'deployment/web')).toBe('deployment.apps/web rolled back\n')
      await rolledOut('deployment/web')
      expect(await ok('rollout', 'history', 'deployment/web')).toMatch(/REVISION .*\n2 +<none>\n3 +<none>\n/)

      await ok('rollout', 'pause', 'deployment/web')
      await ok('set', 'image', 'deployment/web', 'nginx=nginx:1.27')
      await ok('wait', '--for=jsonpath={.status.observedGeneration}=5', 'deployment/web', TIMEOUT)
      expect(await running()).not.toContain('1.27')
      const paused = await kubectl().run(['rollout', 'status', 'deployment/web', '--timeout=3s'], LONG)
      expect(paused.stdout).toContain('0 out of 3 new replicas have been updated')
      await ok('rollout', 'resume', 'deployment/web')
      await rolledOut('deployment/web')
      await ok('wait', '--for=jsonpath={.status.replicas}=3', 'deployment/web', TIMEOUT)

      const before = await names('replicasets', '--selector=app=web')
      await ok('rollout', 'restart', 'deployment/web')
      await rolledOut('deployment/web')
      expect(await names('replicasets', '--selector=app=web')).toHaveLength(before.length + 1)
      await ok('scale', 'deployment/web', '--replicas=1')
      await ok('wait', '--for=jsonpath={.status.replicas}=1', 'deployment/web', TIMEOUT)
      await ok('scale', 'deployment/web', '--current-replicas=1', '--replicas=4')
      await rolledOut('deployment/web')
      expect(await jsonPath('{.status.availableReplicas}', 'deployment', 'web')).toBe('4')
      expect(new Set((await running()).split(' '))).toEqual(new Set(['nginx:1.27']))
    })

    test('goes alone, before or after what it owns', MANY, async () => {
      const [set] = (await jsonPath('{.items[?(@.spec.replicas>0)].metadata.name}', 'replicasets')).split(' ')
      await ok('delete', 'deployment', 'web', '--cascade=orphan')
      await ok('wait', '--for=jsonpath={.status.availableReplicas}=4', `replicaset/${set}`, TIMEOUT)
      expect(await jsonPath('{.metadata.ownerReferences}', 'replicaset', set!)).toBe('')
      await ok('delete', 'replicaset', set!, '--cascade=foreground')
      expect(await names('pods', '--selector=app=web')).toEqual([])
      await ok('delete', 'replicasets', '--selector=app=web')

      await ok('create', 'deployment', 'web', '--image=nginx', '--replicas=2')
      await rolledOut('deployment/web')
      await ok('delete', 'deployment', 'web', '--cascade=background')
      await ok('wait', '--for=delete', 'replicasets,pods', '--selector=app=web', TIMEOUT)
    })
  })

  describe('Jobs', () => {
    test('run to their end, and so does one that a CronJob makes', async () => {
      await apply(JOBS)
      await ok('wait', '--for=condition=Complete', 'job/pi', TIMEOUT)
      expect(await jsonPath('{.status.succeeded}', 'job', 'pi')).toBe('3')
      await ok('create', 'job', 'now', '--from=cronjob/nightly')
      await ok('wait', '--for=condition=Complete', 'job/now', TIMEOUT)
      await ok('delete', 'jobs,cronjobs', '--all')
      await ok('wait', '--for=delete', 'pods', '--selector=batch.kubernetes.io/job-name', TIMEOUT)
    })
  })

  describe('a StatefulSet', () => {
    test('scales in order and finds its claims again', async () => {
      await apply(CLAIMS)
      await rolledOut('statefulset/db')
      const claims = '{.items[*].metadata.uid}'
      const before = await jsonPath(claims, 'pvc', '--selector=app=db')
      expect(before.split(' ')).toHaveLength(3)
      await ok('scale', 'statefulset/db', '--replicas=1')
      await ok('wait', '--for=delete', 'pod/db-1', 'pod/db-2', TIMEOUT)
      await ok('scale', 'statefulset/db', '--replicas=3')
      await ok('wait', '--for=jsonpath={.status.availableReplicas}=3', 'statefulset/db', TIMEOUT)
      expect(await jsonPath(claims, 'pvc', '--selector=app=db')).toBe(before)
      expect(await jsonPath('{.items[*].status.phase}', 'pvc', '--selector=app=db')).toBe('Bound Bound Bound')
      const events = await ok('get', 'events', '--field-selector=involvedObject.kind=StatefulSet', '--output=json')
      const steps = (JSON.parse(events) as Listed<EventObject>).items
        .toSorted((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion))
        .map(({ message }) => message)
        .filter((message) => message.startsWith('Delete Pod'))
      expect(steps).toEqual(['db-2', 'db-1'].map((name) => `Delete Pod ${name} in StatefulSet db successful`))
    })
  })

  describe('nodes', () => {
    test('are cordoned, drained as far as budgets allow, and taken back', MANY, async () => {
      const budget = ['create', 'poddisruptionbudget', 'db', '--selector=app=db', '--min-available=3']
      await ok(...budget)
      await ok('wait', '--for=jsonpath={.status.currentHealthy}=3', 'pdb/db', TIMEOUT)
      const node = await jsonPath('{.spec.nodeName}', 'pod', 'db-0')
      const drain = ['drain', node, '--ignore-daemonsets', '--force', '--delete-emptydir-data']
      const refused = await kubectl().fails([...drain, '--timeout=4s'], LONG)
      expect(refused).toContain(
        `error when evicting pods/"db-0" -n "default" (will retry after 5s): Cannot evict pod as it would violate the pod's disruption budget.`,
      )
      expect(await ok('get', 'node', node)).toContain('Ready,SchedulingDisabled')
      await ok('delete', 'pdb', 'db')
      expect(await ok(...drain, TIMEOUT)).toContain(`node/${node} drained`)
      await rolledOut('statefulset/db')
      expect(await jsonPath('{.items[*].spec.nodeName}', 'pods', '--selector=app=db')).not.toContain(node)
      await ok('uncordon', node)
      expect(await jsonPath('{.spec.unschedulable}', 'node', node)).toBe('')

      const tainted = await jsonPath('{.spec.nodeName}', 'pod', 'db-1')
      const uid = await jsonPath('{.metadata.uid}', 'pod', 'db-1')
      await ok('taint', 'node', tainted, 'dedicated=other:NoExecute')
      await vi.waitFor(
        async () =>
          expect(await jsonPath('{.metadata.uid}', 'pod', 'db-1', '--ignore-not-found')).not.toMatch(`^${uid}?$`),
        POLL,
      )
      await ok('wait', '--for=condition=Ready', 'pod/db-1', TIMEOUT)
      expect(await jsonPath('{.items[*].spec.nodeName}', 'pods', '--selector=app=db')).not.toContain(tainted)
      await ok('taint', 'node', tainted, 'dedicated-')
    })
  })

  test('a StatefulSet leaves its claims behind', async () => {
    await ok('delete', 'statefulset,service', 'db')
    await ok('wait', '--for=delete', 'pods', '--selector=app=db', TIMEOUT)
    expect(await names('pvc', '--selector=app=db')).toHaveLength(3)
    await ok('delete', 'pvc', '--selector=app=db')
    await vi.waitFor(async () => expect(await names('pv')).toEqual([]), POLL)
  })

  describe('a pod', () => {
    test('that fits nowhere says why', async () => {
      const spec = { containers: [{ name: 'big', image: 'x', resources: { requests: { cpu: '100' } } }] }
      await ok('run', 'big', '--image=x', `--overrides=${JSON.stringify({ spec })}`)
      await ok('wait', '--for=condition=PodScheduled=false', 'pod/big', TIMEOUT)
      const why = await jsonPath('{.status.conditions[?(@.type=="PodScheduled")].message}', 'pod', 'big')
      expect(why).toContain('0/3 nodes are available: 3 Insufficient cpu.')
      expect(why).toContain('3 Preemption is not helpful for scheduling.')
      await ok('delete', 'pod', 'big')
    })

    test('of high priority takes the place of others', async () => {
      await ok('create', 'priorityclass', 'low', '--value=10')
      await ok('create', 'priorityclass', 'high', '--value=1000')
      await apply(filling('low', 'low', 3))
      await rolledOut('deployment/low')
      await apply(filling('high', 'high', 1))
      await rolledOut('deployment/high')
      await ok('wait', '--for=jsonpath={.status.readyReplicas}=2', 'deployment/low', TIMEOUT)
      const events = await ok('get', 'events', '--field-selector=reason=Preempted')
      expect(events).toMatch(/Preempted by pod \S+ on node node-\d/)
      await ok('delete', 'deployment', 'low', 'high', '--cascade=foreground')
      await ok('delete', 'priorityclass', 'low', 'high')
    })
  })

  test('a namespace goes with everything in it, and says what holds it', MANY, async () => {
    await ok('create', 'namespace', 'full')
    await apply(EVERYTHING, '--namespace=full')
    await rolledOut('statefulset/db', '--namespace=full')
    await rolledOut('daemonset/agent', '--namespace=full')
    await rolledOut('deployment/web', '--namespace=full')
    await ok('delete', 'namespace', 'full', '--wait=false')
    await ok('wait', '--for=condition=NamespaceFinalizersRemaining', 'namespace/full', TIMEOUT)
    const held = '{.status.conditions[?(@.type=="NamespaceFinalizersRemaining")].message}'
    expect(await jsonPath(held, 'namespace', 'full')).toBe(
      'Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances',
    )
    await ok(
      'patch',
      'configmap',
      'settings',
      '--namespace=full',
      '--type=merge',
      '--patch={"metadata":{"finalizers":null}}',
    )
    await ok('wait', '--for=delete', 'namespace/full', TIMEOUT)
    const left =
      'pods,services,deployments,replicasets,statefulsets,daemonsets,jobs,cronjobs,configmaps,secrets,pvc,pdb,events'
    expect(await names(left, '--namespace=full')).toEqual([])
    await vi.waitFor(async () => expect(await names('pv')).toEqual([]), POLL)
  })
}
