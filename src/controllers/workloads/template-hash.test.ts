import { describe, expect, test } from 'vitest'
import { dumpPodTemplate } from '../../apimachinery/go-dump.ts'
import { templateHash } from './template-hash.ts'

/** What the API server makes of `kubectl create deployment nginx --image=nginx`. */
const NGINX = {
  metadata: { labels: { app: 'nginx' } },
  spec: {
    containers: [
      {
        name: 'nginx',
        image: 'nginx',
        resources: {},
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
        imagePullPolicy: 'Always',
      },
    ],
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    securityContext: {},
    schedulerName: 'default-scheduler',
  },
}

/** CoreDNS as kubeadm installs it, with image v1.12.1. */
const COREDNS = {
  metadata: { labels: { 'k8s-app': 'kube-dns' } },
  spec: {
    ...NGINX.spec,
    priorityClassName: 'system-cluster-critical',
    serviceAccountName: 'coredns',
    serviceAccount: 'coredns',
    affinity: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            weight: 100,
            podAffinityTerm: {
              labelSelector: { matchExpressions: [{ key: 'k8s-app', operator: 'In', values: ['kube-dns'] }] },
              topologyKey: 'kubernetes.io/hostname',
            },
          },
        ],
      },
    },
    tolerations: [
      { key: 'CriticalAddonsOnly', operator: 'Exists' },
      { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' },
    ],
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    containers: [
      {
        name: 'coredns',
        image: 'registry.k8s.io/coredns/coredns:v1.12.1',
        imagePullPolicy: 'IfNotPresent',
        resources: { limits: { memory: '170Mi' }, requests: { cpu: '100m', memory: '70Mi' } },
        args: ['-conf', '/etc/coredns/Corefile'],
        volumeMounts: [{ name: 'config-volume', mountPath: '/etc/coredns', readOnly: true }],
        ports: [
          { name: 'dns', containerPort: 53, protocol: 'UDP' },
          { name: 'dns-tcp', containerPort: 53, protocol: 'TCP' },
          { name: 'metrics', containerPort: 9153, protocol: 'TCP' },
          { name: 'liveness-probe', containerPort: 8080, protocol: 'TCP' },
          { name: 'readiness-probe', containerPort: 8181, protocol: 'TCP' },
        ],
        livenessProbe: {
          httpGet: { path: '/health', port: 'liveness-probe', scheme: 'HTTP' },
          ...{
            initialDelaySeconds: 60,
            timeoutSeconds: 5,
            periodSeconds: 10,
            successThreshold: 1,
            failureThreshold: 5,
          },
        },
        readinessProbe: {
          httpGet: { path: '/ready', port: 'readiness-probe', scheme: 'HTTP' },
          ...{ timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 },
        },
        securityContext: {
          allowPrivilegeEscalation: false,
          capabilities: { add: ['NET_BIND_SERVICE'], drop: ['ALL'] },
          readOnlyRootFilesystem: true,
        },
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
      },
    ],
    dnsPolicy: 'Default',
    volumes: [
      {
        name: 'config-volume',
        configMap: { name: 'coredns', items: [{ key: 'Corefile', path: 'Corefile' }], defaultMode: 420 },
      },
    ],
  },
}

/** The hash that a version had, which lacked some fields of today's. */
function hashBefore(template: object, added: readonly string[]): string {
  let dump = dumpPodTemplate(template)
  for (const field of added) {
    expect(dump).toContain(field)
    dump = dump.replaceAll(field, '')
  }
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(dump)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return [...String(hash)].map((c) => 'bcdfghjklmnpqrstvwxz2456789'[c.charCodeAt(0) % 27]).join('')
}

const ADDED_IN_1_36 = [' SchedulingGroup:(*v1.PodSchedulingGroup)<nil>']
const ADDED_IN_1_34 = [' RestartPolicyRules:([]v1.ContainerRestartRule)<nil>', ' HostnameOverride:(*string)<nil>']

describe('templateHash', () => {
  // Names of pods that clusters of these versions have shown in public.
  test('leads to the hashes of earlier versions, without the fields that have been added since', () => {
    expect(hashBefore(NGINX, ADDED_IN_1_36)).toBe('66686b6766')
    expect(hashBefore(COREDNS, ADDED_IN_1_36)).toBe('66bc5c9577')
    expect(hashBefore(NGINX, [...ADDED_IN_1_36, ...ADDED_IN_1_34])).toBe('5869d7778c')
  })

  test('is another where a name is taken, and where anything in the template is', () => {
    const hashes = [
      templateHash(NGINX, undefined),
      templateHash(NGINX, 0),
      templateHash(NGINX, 1),
      templateHash({ ...NGINX, metadata: { labels: { app: 'web' } } }, undefined),
    ]
    expect(new Set(hashes).size).toBe(4)
  })
})

describe('quantities', () => {
  const dumped = (cpu: string): string =>
    /cpu:(.*?)\] Claims/.exec(dumpPodTemplate({ spec: { containers: [{ resources: { requests: { cpu } } }] } }))![1]!
  const small = (value: string, scale: number, text: string, format: string): string =>
    `{i:(resource.int64Amount){value:(int64)${value} scale:(resource.Scale)${scale}} d:(resource.infDecAmount){Dec:(*inf.Dec)<nil>} s:(string)${text} Format:(resource.Format)${format}}`

  test('are an int64 and a power of ten', () => {
    expect(dumped('100m')).toBe(small('100', -3, '100m', 'DecimalSI'))
    expect(dumped('2')).toBe(small('2', 0, '2', 'DecimalSI'))
    expect(dumped('5G')).toBe(small('5', 9, '5G', 'DecimalSI'))
    expect(dumped('1e3')).toBe(small('1', 3, '1e3', 'DecimalExponent'))
    expect(dumped('999Mi')).toBe(small('1047527424', 0, '999Mi', 'BinarySI'))
    expect(dumped('0')).toBe(small('0', 0, '0', 'DecimalSI'))
  })

  // As `dump.ForHash` of k8s.io/apimachinery v0.36 writes them.
  test('keep their text only where Go knows it to be canonical without a look at the number', () => {
    expect(dumped('64Mi')).toBe(small('67108864', 0, '', 'BinarySI'))
    expect(dumped('1536Mi')).toBe(small('1610612736', 0, '', 'BinarySI'))
    expect(dumped('100e2')).toBe(small('100', 2, '', 'DecimalExponent'))
    expect(dumped('1024')).toBe(small('1024', 0, '1024', 'DecimalSI'))
  })

  test('are a decimal of nano units where they are large', () => {
    const large = (words: string, format: string): string =>
      `{i:(resource.int64Amount){value:(int64)0 scale:(resource.Scale)0} d:(resource.infDecAmount){Dec:(*inf.Dec){unscaled:(big.Int){neg:(bool)false abs:(big.nat)[${words}]} scale:(inf.Scale)9}} s:(string) Format:(resource.Format)${format}}`
    expect(dumped('1Ei')).toBe(large('0 62500000', 'BinarySI'))
    expect(dumped('5Pi')).toBe(large('14411518807585587200 305175', 'BinarySI'))
    expect(dumped('123456789012345678901')).toBe(large('14083847773602697728 6692605942', 'DecimalSI'))
  })
})
