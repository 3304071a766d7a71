import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CommandLine, kubectlBinary } from '../suites/kubectl.ts'
import { startTestServer, type TestServer } from '../suites/server.ts'

let server: TestServer
let kubectl: CommandLine

const lines = (text: string): string[] => text.trimEnd().split('\n')
const cells = (text: string): string[][] => lines(text).map((line) => line.split(/ {2,}/))

const podEvent = {
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name: 'pod.1' },
  involvedObject: { apiVersion: 'v1', kind: 'Pod', name: 'pod', namespace: 'default' },
  reason: 'Seen',
  message: 'a pod was seen',
  type: 'Normal',
  firstTimestamp: '2026-01-01T00:00:00Z',
  lastTimestamp: '2026-01-01T00:00:00Z',
  count: 1,
}

/** One of each kind that kubectl has a describer for and that a client may create. */
const objects: readonly object[] = [
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } },
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'cm', labels: { tier: 'a' } }, data: { key: 'value' } },
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'other', labels: { tier: 'b' } } },
  { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'sec' }, stringData: { key: 'value' } },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'pod', labels: { app: 'x' } },
    spec: {
      containers: [{ name: 'c', image: 'nginx', resources: { requests: { cpu: '1', memory: '1Gi' } } }],
      initContainers: [{ name: 'i', image: 'busybox' }],
      volumes: [{ name: 'v', emptyDir: {} }],
    },
  },
  {
    apiVersion: 'v1',
    kind: 'ReplicationController',
    metadata: { name: 'rc' },
    spec: {
      selector: { a: 'b' },
      template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'svc' },
    spec: { selector: { app: 'x' }, ports: [{ port: 80 }] },
  },
  { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node' } },
  {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'pv' },
    spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/data' } },
  },
  {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'pvc' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  },
  {
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata: { name: 'limits' },
    spec: { limits: [{ type: 'Container', max: { cpu: '2' } }] },
  },
  { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'quota' }, spec: { hard: { pods: '10' } } },
  ...['Deployment', 'ReplicaSet', 'StatefulSet', 'DaemonSet'].map((kind) => ({
    apiVersion: 'apps/v1',
    kind,
    metadata: { name: 'app' },
    spec: {
      ...(kind === 'StatefulSet' ? { serviceName: 'svc' } : {}),
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    },
  })),
  {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'job' },
    spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } } },
  },
  {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'cron' },
    spec: {
      schedule: '@daily',
      jobTemplate: {
        spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } } },
      },
    },
  },
  {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'hpa' },
    spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'app' } },
  },
  {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name: 'ing' },
    spec: { defaultBackend: { service: { name: 'svc', port: { number: 80 } } } },
  },
  {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: { name: 'class' },
    spec: { controller: 'x.io/y' },
  },
  {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'netpol' },
    spec: { podSelector: {}, policyTypes: ['Ingress'] },
  },
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'slice', labels: { 'kubernetes.io/service-name': 'svc' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.1.2.3'] }],
    ports: [{ port: 80 }],
  },
  { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'pdb' }, spec: { minAvailable: 1 } },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name: 'role' },
    rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }],
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'binding' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'role' },
    subjects: [{ kind: 'User', name: 'jane', apiGroup: 'rbac.authorization.k8s.io' }],
  },
  { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: 'sc' }, provisioner: 'x.io/y' },
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSINode',
    metadata: { name: 'node' },
    spec: { drivers: [{ name: 'x.io', nodeID: 'n' }] },
  },
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'VolumeAttributesClass',
    metadata: { name: 'vac' },
    driverName: 'x.io',
    parameters: { speed: 'high' },
  },
  { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'high' }, value: 10 },
  podEvent,
]

beforeAll(async () => {
  server = await startTestServer()
  kubectl = new CommandLine(kubectlBinary(), server.kubeconfig, server.folder)
  const stdin = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })
  const created = await kubectl.ok(['create', '--filename=-'], { stdin })
  expect(lines(created)).toHaveLength(objects.length)
})

afterAll(async () => {
  await server.stop()
})

describe('kubectl get', () => {
  test('a table: the columns of the kind; wide: all of them', async () => {
    expect(cells(await kubectl.ok(['get', 'pods']))).toEqual([
      ['NAME', 'READY', 'STATUS', 'RESTARTS', 'AGE'],
      ['pod', '0/1', 'Pending', '0', expect.any(String)],
    ])
    expect(cells(await kubectl.ok(['get', 'services', 'svc', '--output=wide']))).toEqual([
      ['NAME', 'TYPE', 'CLUSTER-IP', 'EXTERNAL-IP', 'PORT(S)', 'AGE', 'SELECTOR'],
      ['svc', 'ClusterIP', expect.stringMatching(/^10\.0\.0\./), '<none>', '80/TCP', expect.any(String), 'app=x'],
    ])
  })

  test('all: every kind of the category, named by kind', async () => {
    const names = lines(await kubectl.ok(['get', 'all', '--output=name']))
    expect(names).toEqual([
      'pod/pod',
      'replicationcontroller/rc',
      'service/kubernetes',
      'service/svc',
      'daemonset.apps/app',
      'deployment.apps/app',
      'replicaset.apps/app',
      'statefulset.apps/app',
      'horizontalpodautoscaler.autoscaling/hpa',
      'cronjob.batch/cron',
      'job.batch/job',
    ])
  })

  test('yaml, json: the object without its managed fields; --show-managed-fields: with them', async () => {
    const yaml = await kubectl.ok(['get', 'configmap', 'cm', '--output=yaml'])
    expect(yaml).toMatch(/^apiVersion: v1\ndata:\n {2}key: value\nkind: ConfigMap\nmetadata:\n/)
    const object = JSON.parse(await kubectl.ok(['get', 'configmap', 'cm', '--output=json', '--show-managed-fields']))
    expect(object.metadata.managedFields).toMatchObject([{ manager: 'kubectl-create', operation: 'Update' }])
  })

  test('jsonpath, custom-columns, go-template: computed by the client from the object', async () => {
    expect(
      await kubectl.ok(['get', 'pod', 'pod', '--output=jsonpath={.spec.initContainers[*].name} {.status.qosClass}']),
    ).toBe('i Burstable')
    expect(
      cells(await kubectl.ok(['get', 'cm', '--output=custom-columns=NAME:.metadata.name,TIER:.metadata.labels.tier'])),
    ).toEqual([
      ['NAME', 'TIER'],
      ['cm', 'a'],
      ['other', 'b'],
    ])
    expect(await kubectl.ok(['get', 'cm', '--output=go-template={{len .items}}'])).toBe('2')
  })

  test('-l: equality and sets', async () => {
    const names = async (selector: string): Promise<string> =>
      kubectl.ok(['get', 'cm', '--output=name', `--selector=${selector}`])
    expect(await names('tier=a')).toBe('configmap/cm\n')
    expect(await names('tier in (a,b),tier!=a')).toBe('configmap/other\n')
    expect(await names('!tier')).toBe('')
    expect(await kubectl.fails(['get', 'cm', '--selector=tier in a'])).toContain('unable to parse requirement')
  })

  test('--field-selector: known fields, and the words for others', async () => {
    expect(
      await kubectl.ok(['get', 'pods', '--field-selector=status.phase=Pending,spec.nodeName=', '--output=name']),
    ).toBe('pod/pod\n')
    expect(await kubectl.ok(['get', 'cm', '--field-selector=metadata.name!=cm', '--output=name'])).toBe(
      'configmap/other\n',
    )
    expect(await kubectl.fails(['get', 'cm', '--field-selector=data.key=value'])).toBe(
      'Error from server (BadRequest): Unable to find "/v1, Resource=configmaps" that match label selector "", field selector "data.key=value": "data.key" is not a known field selector: only "metadata.name", "metadata.namespace"\n',
    )
  })

  test('--sort-by, --show-labels, --label-columns, --no-headers', async () => {
    expect(await kubectl.ok(['get', 'cm', '--sort-by=.metadata.labels.tier', '--output=name'])).toBe(
      'configmap/cm\nconfigmap/other\n',
    )
    expect(
      cells(await kubectl.ok(['get', 'cm', 'cm', '--show-labels', '--label-columns=tier', '--no-headers'])),
    ).toEqual([['cm', '1', expect.any(String), 'a', 'tier=a']])
  })

  test('--chunk-size: pages over one snapshot make the whole list', async () => {
    const whole = await kubectl.ok(['get', 'clusterroles', '--output=name', '--chunk-size=0'])
    expect(lines(whole).length).toBeGreaterThan(60)
    expect(await kubectl.ok(['get', 'clusterroles', '--output=name', '--chunk-size=7'])).toBe(whole)
  })

  test('--all-namespaces: the namespace is a column', async () => {
    expect(cells(await kubectl.ok(['get', 'services', '--all-namespaces', '--no-headers']))[0]?.slice(0, 3)).toEqual([
      'default',
      'kubernetes',
      'ClusterIP',
    ])
  })

  test('several kinds, --subresource, --ignore-not-found', async () => {
    expect(await kubectl.ok(['get', 'cm/cm', 'secret/sec', '--output=name'])).toBe('configmap/cm\nsecret/sec\n')
    expect(
      cells(await kubectl.ok(['get', 'deployment', 'app', '--subresource=scale', '--no-headers']))[0]?.slice(0, 3),
    ).toEqual(['app', '1', '0'])
    expect(await kubectl.ok(['get', 'cm', 'none', '--ignore-not-found'])).toBe('')
    expect(await kubectl.fails(['get', 'cm', 'none'])).toBe(
      'Error from server (NotFound): configmaps "none" not found\n',
    )
    expect(await kubectl.fails(['get', 'nothings'])).toBe(
      'error: the server doesn\'t have a resource type "nothings"\n',
    )
  })

  test('-w: a row for each change, as it happens', async () => {
    const watch = kubectl.background(['get', 'configmaps', '--watch', '--output-watch-events'])
    try {
      await watch.printed(/ADDED +other/)
      await kubectl.ok(['create', 'configmap', 'watched'])
      await watch.printed(/ADDED +watched +0/)
      await kubectl.ok(['patch', 'configmap', 'watched', '--patch={"data":{"a":"1"}}'])
      await watch.printed(/MODIFIED +watched +1/)
      await kubectl.ok(['delete', 'configmap', 'watched'])
      await watch.printed(/DELETED +watched +1/)
    } finally {
      await watch.stop()
    }
  })
})

describe('kubectl describe', () => {
  const described: readonly (readonly [string, RegExp])[] = [
    ['configmap/cm', /^key:\n----\nvalue\n$/m],
    ['secret/sec', /^key: {2}5 bytes$/m],
    ['serviceaccount/default', /^Image pull secrets: +<none>$/m],
    ['pod/pod', /^Tolerations: +node.kubernetes.io\/not-ready:NoExecute op=Exists for 300s$/m],
    ['replicationcontroller/rc', /^Replicas: +0 current \/ 1 desired$/m],
    ['service/svc', /^Endpoints: +10\.1\.2\.3:80$/m],
    ['node/node', /^Unschedulable: +false$/m],
    ['persistentvolume/pv', /^Reclaim Policy: +Retain$/m],
    ['persistentvolumeclaim/pvc', /^Status: +Pending$/m],
    ['limitrange/limits', /^Container +cpu +- +2 +2 +2 +-$/m],
    ['resourcequota/quota', /^Resource +Used +Hard$/m],
    ['namespace/default', /^Resource Quotas$/m],
    ['deployment/app', /^RollingUpdateStrategy: +25% max unavailable, 25% max surge$/m],
    ['replicaset/app', /^Replicas: +0 current \/ 1 desired$/m],
    ['statefulset/app', /^Replicas: +1 desired \| 0 total$/m],
    ['daemonset/app', /^Desired Number of Nodes Scheduled: 0$/m],
    ['job/job', /^Completion Mode: +NonIndexed$/m],
    ['cronjob/cron', /^Schedule: +@daily$/m],
    ['horizontalpodautoscaler/hpa', /^ +resource cpu on pods +\(as a percentage of request\): +<unknown> \/ 80%$/m],
    ['ingress/ing', /^Default backend: +svc:80 \(10\.1\.2\.3:80\)$/m],
    ['ingressclass/class', /^Controller: +x\.io\/y$/m],
    ['networkpolicy/netpol', /^ {2}Policy Types: Ingress$/m],
    ['endpointslice/slice', /^AddressType: +IPv4$/m],
    ['poddisruptionbudget/pdb', /^Min available: +1$/m],
    ['role/role', /^ {2}pods +\[\] +\[\] +\[get\]$/m],
    ['rolebinding/binding', /^ {2}User +jane/m],
    ['clusterrole/view', /^Labels: +kubernetes.io\/bootstrapping=rbac-defaults$/m],
    ['clusterrolebinding/cluster-admin', /^ {2}Group +system:masters/m],
    ['storageclass/sc', /^VolumeBindingMode: +Immediate$/m],
    ['csinode/node', /^ {4}x\.io:\n {6}Node ID: +n$/m],
    ['volumeattributesclass/vac', /^DriverName: +x\.io$/m],
    ['priorityclass/high', /^PreemptionPolicy: +PreemptLowerPriority$/m],
    ['servicecidr/kubernetes', /^CIDRs: +10\.0\.0\.0\/24$/m],
    ['flowschema/catch-all', /^Kind: +FlowSchema$/m],
    ['event/pod.1', /^Reason: +Seen$/m],
  ]

  test('every kind: what its describer reads is there', async () => {
    const text = await kubectl.ok(['describe', ...described.map(([what]) => what)])
    for (const [what, pattern] of described) expect(text, what).toMatch(pattern)
  })

  test('a pod: the events about it', async () => {
    const uid = await kubectl.ok(['get', 'pod', 'pod', '--output=jsonpath={.metadata.uid}'])
    const event = { ...podEvent, metadata: { name: 'pod.2' }, involvedObject: { ...podEvent.involvedObject, uid } }
    await kubectl.ok(['create', '--filename=-'], { stdin: JSON.stringify({ ...event, reason: 'Described' }) })
    expect(await kubectl.ok(['describe', 'pod', 'pod'])).toMatch(/^ {2}Normal +Described +\S+ +a pod was seen$/m)
  })
})

describe('kubectl events and wait', () => {
  test('events: all of a namespace, of one object, of one type', async () => {
    expect(await kubectl.ok(['events'])).toMatch(/Normal +Seen +Pod\/pod +a pod was seen/)
    expect(await kubectl.ok(['events', '--for=pod/pod', '--no-headers'])).toMatch(/Seen/)
    expect(await kubectl.ok(['events', '--types=Warning'])).toBe('')
    expect(
      await kubectl.ok(['get', 'events', '--field-selector=involvedObject.name=pod,reason=Seen', '--output=name']),
    ).toBe('event/pod.1\n')
  })

  test('wait --for=jsonpath: until a change makes it true', async () => {
    const wait = kubectl.background(['wait', '--for=jsonpath={.data.ready}=yes', 'configmap/cm', '--timeout=20s'])
    await kubectl.ok(['patch', 'configmap', 'cm', '--type=merge', '--patch={"data":{"ready":"yes"}}'])
    await wait.printed(/configmap\/cm condition met/)
    await wait.stop()
  })

  test('wait --for=condition: a condition in the status', async () => {
    const status = JSON.stringify({ status: { conditions: [{ type: 'Ready', status: 'True' }] } })
    await kubectl.ok(['patch', 'node', 'node', '--subresource=status', '--type=strategic', `--patch=${status}`])
    expect(await kubectl.ok(['wait', '--for=condition=Ready', 'node/node', '--timeout=5s'])).toBe(
      'node/node condition met\n',
    )
  })

  test('wait --for=delete, --for=create: until it is gone, until it is there', async () => {
    await kubectl.ok(['create', 'configmap', 'going'])
    const wait = kubectl.background(['wait', '--for=delete', 'configmap/going', '--timeout=20s'])
    await kubectl.ok(['delete', 'configmap', 'going'])
    await wait.printed(/configmap\/going condition met|^$/)
    await wait.stop()
    const coming = kubectl.background(['wait', '--for=create', 'configmap/coming', '--timeout=20s'])
    await kubectl.ok(['create', 'configmap', 'coming'])
    await coming.printed(/configmap\/coming condition met/)
    await coming.stop()
  })

  test('wait: what does not come true in time', async () => {
    expect(await kubectl.fails(['wait', '--for=condition=Ready', 'pod/pod', '--timeout=1s'])).toBe(
      'error: timed out waiting for the condition on pods/pod\n',
    )
  })
})
