import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CommandLine, kubectlBinary } from '../suites/kubectl.ts'
import { ADMIN_TOKEN, startTestServer, type TestServer } from '../suites/server.ts'

let server: TestServer
let kubectl: CommandLine

beforeAll(async () => {
  server = await startTestServer({ flags: ['--allow-privileged=true'] })
  kubectl = new CommandLine(kubectlBinary(), server.kubeconfig, server.folder)
})

afterAll(async () => {
  await server.stop()
})

/** A namespace whose pods can be created: with the service account that no controller makes here. */
async function namespace(name: string, labels: Readonly<Record<string, string>> = {}): Promise<void> {
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: name } },
  ]
  await kubectl.ok(['create', '--filename=-'], { stdin: JSON.stringify(listOf(objects)) })
}

const listOf = (items: readonly object[]): object => ({ apiVersion: 'v1', kind: 'List', items })

/** What the restricted level wants to see. */
const CAREFUL = {
  allowPrivilegeEscalation: false,
  runAsNonRoot: true,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
}

interface Case {
  /** What the level complains of. */
  readonly complaint: string
  readonly container?: object
  readonly securityContext?: object
  readonly spec?: object
}

/** One pod for each control of https://kubernetes.io/docs/concepts/security/pod-security-standards/ */
const BASELINE: Readonly<Record<string, Case>> = {
  'host-process': {
    complaint:
      'host namespaces (hostNetwork=true), hostProcess (container "c" must not set securityContext.windowsOptions.hostProcess=true)',
    securityContext: { windowsOptions: { hostProcess: true } },
    spec: { hostNetwork: true, os: { name: 'windows' } },
  },
  'host-namespaces': {
    complaint: 'host namespaces (hostPID=true, hostIPC=true)',
    spec: { hostPID: true, hostIPC: true },
  },
  privileged: {
    complaint: 'privileged (container "c" must not set securityContext.privileged=true)',
    securityContext: { privileged: true },
  },
  capabilities: {
    complaint:
      'non-default capabilities (container "c" must not include "SYS_ADMIN" in securityContext.capabilities.add)',
    securityContext: { capabilities: { add: ['SYS_ADMIN'] } },
  },
  'host-path': {
    complaint: 'hostPath volumes (volume "v")',
    spec: { volumes: [{ name: 'v', hostPath: { path: '/' } }] },
  },
  'host-ports': {
    complaint: 'hostPort (container "c" uses hostPort 80)',
    container: { ports: [{ containerPort: 80, hostPort: 80 }] },
  },
  'host-probes': {
    complaint: 'probe or lifecycle host (container "c" uses probe or lifecycle host "10.0.0.1")',
    container: { livenessProbe: { tcpSocket: { port: 1, host: '10.0.0.1' } } },
  },
  apparmor: {
    complaint: 'forbidden AppArmor profile (container "c" must not set AppArmor profile type to "Unconfined")',
    securityContext: { appArmorProfile: { type: 'Unconfined' } },
  },
  selinux: {
    complaint: 'seLinuxOptions (container "c" set forbidden securityContext.seLinuxOptions: type "spc_t")',
    securityContext: { seLinuxOptions: { type: 'spc_t' } },
  },
  seccomp: {
    complaint: 'seccompProfile (container "c" must not set securityContext.seccompProfile.type to "Unconfined")',
    securityContext: { seccompProfile: { type: 'Unconfined' } },
  },
  sysctls: {
    complaint: 'forbidden sysctls (kernel.msgmax)',
    spec: { securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } },
  },
}

const RESTRICTED: Readonly<Record<string, Case>> = {
  'proc-mount': {
    complaint: 'procMount (container "c" must not set securityContext.procMount to "Unmasked")',
    securityContext: { ...CAREFUL, procMount: 'Unmasked' },
    spec: { hostUsers: false },
  },
  volumes: {
    complaint: 'restricted volume types (volume "v" uses restricted volume type "nfs")',
    securityContext: CAREFUL,
    spec: { volumes: [{ name: 'v', nfs: { server: 's', path: '/' } }] },
  },
  escalation: {
    complaint:
      'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false)',
    securityContext: { ...CAREFUL, allowPrivilegeEscalation: true },
  },
  'non-root': {
    complaint: 'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true)',
    securityContext: { ...CAREFUL, runAsNonRoot: undefined },
  },
  'root-user': {
    complaint: 'runAsUser=0 (container "c" must not set runAsUser=0)',
    securityContext: { ...CAREFUL, runAsUser: 0 },
  },
  seccomp: {
    complaint:
      'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    securityContext: { ...CAREFUL, seccompProfile: undefined },
  },
  capabilities: {
    complaint: 'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"])',
    securityContext: { ...CAREFUL, capabilities: {} },
  },
}

function podOf(name: string, { container, securityContext, spec }: Omit<Case, 'complaint'>): object {
  const containers = [{ name: 'c', image: 'nginx', ...container, ...(securityContext ? { securityContext } : {}) }]
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers, ...spec } }
}

describe('pod security', () => {
  test.each([
    ['baseline', BASELINE, {}],
    ['restricted', RESTRICTED, CAREFUL],
  ] as const)('%s: each control refuses, the levels below let through', async (level, cases, careful) => {
    await namespace(level, { 'pod-security.kubernetes.io/enforce': level })
    const pods = Object.entries(cases).map(([name, each]) => podOf(name, each))
    const good = podOf('good', { securityContext: careful })
    const stdin = JSON.stringify(listOf([...pods, good]))
    const { stdout, stderr } = await kubectl.run(['create', '-n', level, '-f', '-'], { stdin })
    expect(stdout).toBe('pod/good created\n')
    const lines = stderr.split('\n').filter((line) => line.startsWith('Error'))
    const refused = (name: string, complaint: string): string =>
      `Error from server (Forbidden): error when creating "STDIN": pods "${name}" is forbidden: violates PodSecurity "${level}:latest": ${complaint}`
    for (const [i, [name, { complaint }]] of Object.entries(cases).entries())
      expect(lines[i]).toBe(refused(name, complaint))
    const below = level === 'restricted' ? 'baseline' : 'privileged'
    const lenient = `${level}-below`
    await namespace(lenient, { 'pod-security.kubernetes.io/enforce': below })
    expect(await kubectl.ok(['create', '-n', lenient, '-f', '-'], { stdin })).toMatch(/pod\/good created\n$/)
  })

  test('a label that existing pods break warns, a bad one is refused, workloads are warned of', async () => {
    await namespace('mixed')
    await kubectl.ok(['run', '-n', 'mixed', 'plain', '--image=nginx'])
    const strict = 'pod-security.kubernetes.io/enforce=restricted'
    const label = await kubectl.run(['label', 'namespace', 'mixed', '--dry-run=server', strict])
    expect(label).toEqual({
      code: 0,
      stdout: 'namespace/mixed labeled (server dry run)\n',
      stderr:
        'Warning: existing pods in namespace "mixed" violate the new PodSecurity enforce level "restricted:latest"\n' +
        'Warning: plain: allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile\n',
    })
    expect(await kubectl.fails(['label', 'namespace', 'mixed', 'pod-security.kubernetes.io/enforce=odd'])).toContain(
      'metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "odd": must be one of privileged, baseline, restricted',
    )
    await kubectl.ok(['label', 'namespace', 'mixed', strict])
    const created = await kubectl.run(['create', '-n', 'mixed', 'deployment', 'web', '--image=nginx'])
    expect(created.code).toBe(0)
    expect(created.stderr).toMatch(/^Warning: would violate PodSecurity "restricted:latest": allowPrivilegeEscalation/)
  })
})

test('a quota under 64 creates at once: never more than it allows, and all of that', async () => {
  await namespace('rush')
  await kubectl.ok(['create', 'quota', '-n', 'rush', 'ten', '--hard=count/configmaps=10'])
  // No controller counts here: the quota is told what there is.
  const status = JSON.stringify({ status: { hard: { 'count/configmaps': '10' }, used: { 'count/configmaps': '0' } } })
  await kubectl.ok(['patch', 'quota', '-n', 'rush', 'ten', '--subresource=status', '--type=merge', '-p', status])
  const create = async (i: number): Promise<number> => {
    const response = await fetch(`${server.url}/api/v1/namespaces/rush/configmaps`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ metadata: { name: `cm-${i}` } }),
    })
    await response.arrayBuffer()
    return response.status
  }
  const codes = await Promise.all(Array.from({ length: 64 }, (_, i) => create(i)))
  expect(codes.filter((code) => code === 201)).toHaveLength(10)
  expect(codes.filter((code) => code === 403)).toHaveLength(54)
  expect((await kubectl.ok(['get', 'configmaps', '-n', 'rush', '-o', 'name'])).trim().split('\n')).toHaveLength(10)
  const used = ['get', 'quota', '-n', 'rush', 'ten', '-o', 'jsonpath={.status.used.count/configmaps}']
  expect(await kubectl.ok(used)).toBe('10')
})

test('nothing of this was a bug of the server', () => {
  expect(server.errors).toEqual([])
})
