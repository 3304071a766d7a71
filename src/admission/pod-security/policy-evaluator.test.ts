import { describe, expect, test } from 'vitest'
import type { PodSpec } from '../../apimachinery/types/core-v1.ts'
import { describeInDetail, describeInShort, evaluatePod, POD_CHECKS } from './policy-evaluator.ts'
import { type PolicyLevel, parseVersion } from './policy-version.ts'

type Annotations = Record<string, string>

const violations = (level: PolicyLevel, version: string, spec: object, annotations?: Annotations): string =>
  describeInDetail(
    evaluatePod({ level, version: parseVersion(version)! }, { ...(annotations ? { annotations } : {}) }, {
      containers: [{ name: 'c' }],
      ...spec,
    } as unknown as PodSpec),
  )
const container = (rest: object) => ({ containers: [{ name: 'c', ...rest }] })
const context = (securityContext: object) => container({ securityContext })

test('anything goes where the level is privileged', () => {
  expect(violations('privileged', 'latest', { hostPID: true })).toBe('')
})

test('the controls of the baseline come first, those of a level in the order of their ids', () => {
  const ids = (level: string) => POD_CHECKS.filter((c) => c.level === level).map((c) => c.id)
  expect(POD_CHECKS.map((c) => c.id)).toEqual([...ids('baseline'), ...ids('restricted')])
  for (const level of ['baseline', 'restricted']) expect(ids(level)).toEqual([...ids(level)].sort())
})

describe('baseline', () => {
  const baseline = (spec: object, version = 'latest', annotations?: Annotations) =>
    violations('baseline', version, spec, annotations)

  test.each<[string, object, string]>([
    ['host namespaces', { hostNetwork: true, hostIPC: true }, 'host namespaces (hostNetwork=true, hostIPC=true)'],
    [
      'privileged',
      context({ privileged: true }),
      'privileged (container "c" must not set securityContext.privileged=true)',
    ],
    [
      'capabilities',
      context({ capabilities: { add: ['NET_RAW', 'CHOWN'] } }),
      'non-default capabilities (container "c" must not include "NET_RAW" in securityContext.capabilities.add)',
    ],
    ['host paths', { volumes: [{ name: 'v', hostPath: {} }] }, 'hostPath volumes (volume "v")'],
    ['host ports', container({ ports: [{ hostPort: 80 }] }), 'hostPort (container "c" uses hostPort 80)'],
    [
      'probes of other hosts',
      container({ readinessProbe: { tcpSocket: { host: 'h' } }, lifecycle: { postStart: { httpGet: { host: 'g' } } } }),
      'probe or lifecycle host (container "c" uses probe or lifecycle hosts "g", "h")',
    ],
    [
      'AppArmor',
      { securityContext: { appArmorProfile: { type: 'Unconfined' } } },
      'forbidden AppArmor profile (pod must not set AppArmor profile type to "Unconfined")',
    ],
    [
      'SELinux',
      context({ seLinuxOptions: { type: 'spc_t', user: 'u', role: 'r' } }),
      'seLinuxOptions (container "c" set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set; role may not be set)',
    ],
    [
      '/proc',
      context({ procMount: 'Unmasked' }),
      'procMount (container "c" must not set securityContext.procMount to "Unmasked")',
    ],
    [
      'seccomp',
      { securityContext: { seccompProfile: { type: 'Unconfined' } } },
      'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
    ],
    ['sysctls', { securityContext: { sysctls: [{ name: 'kernel.msgmax' }] } }, 'forbidden sysctls (kernel.msgmax)'],
    [
      'host processes of Windows',
      { securityContext: { windowsOptions: { hostProcess: true } } },
      'hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)',
    ],
  ])('%s', (_name, spec, expected) => {
    expect(baseline(spec)).toBe(expected)
  })

  test('containers of all lists count', () => {
    const bad = (name: string) => ({ name, securityContext: { privileged: true } })
    const spec = { containers: [bad('c')], initContainers: [bad('i')], ephemeralContainers: [bad('e')] }
    expect(baseline(spec)).toBe('privileged (containers "i", "c", "e" must not set securityContext.privileged=true)')
  })

  test('annotations of AppArmor, and before v1.19 of seccomp', () => {
    const armor = { 'container.apparmor.security.beta.kubernetes.io/c': 'unconfined' }
    expect(baseline({}, 'latest', armor)).toBe(
      'forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/c="unconfined"")',
    )
    const seccomp = { 'seccomp.security.alpha.kubernetes.io/pod': 'unconfined' }
    expect(baseline({}, 'v1.18', seccomp)).toBe(
      'seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")',
    )
    expect(baseline({}, 'v1.19', seccomp)).toBe('')
  })

  test('versions differ in what they know', () => {
    const sysctl = (name: string) => ({ securityContext: { sysctls: [{ name }] } })
    for (const [name, since] of [
      ['net.ipv4.ip_local_reserved_ports', 27],
      ['net.ipv4.tcp_fin_timeout', 29],
      ['net.ipv4.tcp_rmem', 32],
    ] as const) {
      expect(baseline(sysctl(name), `v1.${since - 1}`)).toBe(`forbidden sysctls (${name})`)
      expect(baseline(sysctl(name), `v1.${since}`)).toBe('')
    }
    const engine = context({ seLinuxOptions: { type: 'container_engine_t' } })
    expect(baseline(engine, 'v1.30')).toMatch(/^seLinuxOptions/)
    expect(baseline(engine, 'v1.31')).toBe('')
    const probe = container({ livenessProbe: { httpGet: { host: 'h' } } })
    expect(baseline(probe, 'v1.33')).toBe('')
    expect(baseline(probe, 'v1.34')).toMatch(/^probe or lifecycle host/)
  })

  test('a version that is newer than the newest control means that one', () => {
    expect(baseline({ hostPID: true }, 'v1.99')).toBe('host namespaces (hostPID=true)')
  })

  test('from v1.35 on a pod in a user namespace may see all of /proc', () => {
    const spec = { ...context({ procMount: 'Unmasked' }), hostUsers: false }
    expect(baseline(spec, 'v1.34')).toMatch(/^procMount/)
    expect(baseline(spec, 'v1.35')).toBe('')
  })
})

describe('restricted', () => {
  const good = {
    allowPrivilegeEscalation: false,
    runAsNonRoot: true,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  }
  const restricted = (spec: object, version = 'latest') => violations('restricted', version, spec)

  test('a pod that takes care passes', () => {
    expect(restricted(context(good))).toBe('')
  })

  test('a plain pod breaks four controls', () => {
    const names = evaluatePod({ level: 'restricted', version: 'latest' }, {}, {
      containers: [{ name: 'c' }],
    } as PodSpec)
    expect(describeInShort(names)).toBe(
      'allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile',
    )
  })

  test.each<[string, object, string]>([
    [
      'capabilities',
      context({ ...good, capabilities: { drop: ['NET_RAW'], add: ['CHOWN', 'NET_BIND_SERVICE'] } }),
      'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]; container "c" must not include "CHOWN" in securityContext.capabilities.add)',
    ],
    [
      'users',
      { ...context({ ...good, runAsUser: 0 }), securityContext: { runAsUser: 0 } },
      'runAsUser=0 (pod and container "c" must not set runAsUser=0)',
    ],
    [
      'root by a container that says so',
      { ...context({ ...good, runAsNonRoot: false }), securityContext: { runAsNonRoot: true } },
      'runAsNonRoot != true (container "c" must not set securityContext.runAsNonRoot=false)',
    ],
    [
      'volumes, once instead of the control of the baseline',
      {
        ...context(good),
        volumes: [
          { name: 'a', hostPath: {} },
          { name: 'b', nfs: {} },
          { name: 'c', emptyDir: {} },
        ],
      },
      'restricted volume types (volumes "a", "b" use restricted volume types "hostPath", "nfs")',
    ],
    [
      '/proc, also in a user namespace',
      { ...context({ ...good, procMount: 'Unmasked' }), hostUsers: false },
      'procMount (container "c" must not set securityContext.procMount to "Unmasked")',
    ],
  ])('%s', (_name, spec, expected) => {
    expect(restricted(spec)).toBe(expected)
  })

  test('controls came one after the other', () => {
    expect(restricted({}, 'v1.7')).toMatch(/^runAsNonRoot != true/)
    expect(restricted({}, 'v1.8')).toMatch(/^allowPrivilegeEscalation != false .*, runAsNonRoot/)
    expect(restricted({}, 'v1.19')).toMatch(/, seccompProfile/)
    expect(restricted({}, 'v1.21')).not.toMatch(/capabilities/)
    expect(restricted({}, 'v1.22')).toMatch(/unrestricted capabilities/)
    const root = { securityContext: { runAsUser: 0 } }
    expect(restricted(root, 'v1.22')).not.toMatch(/runAsUser/)
    expect(restricted(root, 'v1.23')).toMatch(/runAsUser=0/)
  })

  test('pods of Windows need not say what they can not do, from v1.25 on', () => {
    const spec = { ...context({ runAsNonRoot: true }), os: { name: 'windows' } }
    expect(restricted(spec, 'v1.24')).toMatch(/^allowPrivilegeEscalation/)
    expect(restricted(spec, 'v1.25')).toBe('')
  })

  test('pods in a user namespace may be root inside, from v1.35 on', () => {
    const { runAsNonRoot: _, ...rest } = good
    const spec = { ...context({ ...rest, runAsUser: 0 }), hostUsers: false }
    expect(restricted(spec, 'v1.34')).toMatch(/^runAsNonRoot != true .*, runAsUser=0/)
    expect(restricted(spec, 'v1.35')).toBe('')
  })
})
