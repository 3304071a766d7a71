import { describe, expect, test } from 'vitest'
import type { Clock } from '../../../apimachinery/clock.ts'
import { fieldErrorMessage } from '../../../apimachinery/field-error.ts'
import type { ContainerStatus, Pod, PodSpec } from '../../../apimachinery/types/core-v1.ts'
import type { StrategyContext } from '../../resource.ts'
import { bindPod } from './pod-binding.ts'
import { setPodDefaults } from './pod-defaults.ts'
import { markEvicted, takeDisruption, unhealthyPodMayGo } from './pod-eviction.ts'
import { containerToReach, validatePodLogOptions } from './pod-log-options.ts'
import { podEphemeralContainersStrategy, podStatusStrategy, podStrategy } from './pod-strategy.ts'

const NOW = '2026-01-02T03:04:05Z'
const clock: Pick<Clock, 'now'> = { now: () => Date.parse(NOW) }
const config = { allowPrivileged: false, featureGates: {} }
const context = { clock, config } as unknown as StrategyContext

function newPod(spec: Partial<PodSpec> = {}): Pod {
  const pod: Pod = {
    metadata: { name: 'p', namespace: 'ns', uid: 'u', resourceVersion: '5' },
    spec: { containers: [{ name: 'c', image: 'i:1' }], serviceAccountName: 'default', ...spec },
  }
  setPodDefaults(pod)
  podStrategy.prepareForCreate!(pod, context)
  return pod
}

function messages(strategy: typeof podStatusStrategy, old: Pod, change: (pod: Pod) => void): string[] {
  const pod = structuredClone(old)
  change(pod)
  strategy.prepareForUpdate!(pod, old, context)
  return strategy.validateUpdate(pod, old, context).map(fieldErrorMessage)
}

describe('creation', () => {
  test('status is the server’s: phase and class of service', () => {
    const pod = newPod()
    expect(pod.status).toEqual({ phase: 'Pending', qosClass: 'BestEffort' })
    expect(pod.metadata.generation).toBe(1)
  })

  test('scheduling gates: the condition says so', () => {
    expect(newPod({ schedulingGates: [{ name: 'a.b/c' }] }).status!.conditions).toEqual([
      {
        type: 'PodScheduled',
        status: 'False',
        reason: 'SchedulingGated',
        message: 'Scheduling is blocked due to non-empty scheduling gates',
        lastTransitionTime: NOW,
      },
    ])
  })

  test('fields of features that are off are dropped', () => {
    const pod = newPod({
      schedulingGroup: { podGroupName: 'g' },
      containers: [{ name: 'c', image: 'i', lifecycle: { stopSignal: 'SIGTERM' } }],
    })
    expect(pod.spec).not.toHaveProperty('schedulingGroup')
    expect(pod.spec!.containers[0]).not.toHaveProperty('lifecycle')
  })

  test('privileged containers need a server that allows them', () => {
    const pod = newPod({ containers: [{ name: 'c', image: 'i', securityContext: { privileged: true } }] })
    expect(podStrategy.validate(pod, context).map(fieldErrorMessage)).toEqual([
      'spec.containers[0].securityContext.privileged: Forbidden: disallowed by cluster policy',
    ])
    const allowing = { ...context, config: { ...config, allowPrivileged: true } } as unknown as StrategyContext
    expect(podStrategy.validate(pod, allowing)).toEqual([])
  })
})

describe('update', () => {
  const gated = newPod({
    schedulingGates: [{ name: 'a' }, { name: 'b' }],
    nodeSelector: { x: 'y' },
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'k', operator: 'Exists' }] }],
        },
      },
    },
  })
  const terms = (pod: Pod) =>
    pod.spec!.affinity!.nodeAffinity!.requiredDuringSchedulingIgnoredDuringExecution!.nodeSelectorTerms

  /** Expectations: kubernetes pkg/apis/core/validation/validation_test.go TestValidatePodUpdate. */
  test.each<[string, (pod: Pod) => void, string[]]>([
    ['gates go', (p) => void p.spec!.schedulingGates!.pop(), []],
    [
      'gates do not come',
      (p) => void p.spec!.schedulingGates!.push({ name: 'c' }),
      ["spec.schedulingGates[2].name: Forbidden: only deletion is allowed, but found new scheduling gate 'c'"],
    ],
    ['a gated pod takes more node labels', (p) => void Object.assign(p.spec!.nodeSelector!, { z: '1' }), []],
    [
      'a gated pod does not lose one',
      (p) => void Object.assign(p.spec!, { nodeSelector: { z: '1' } }),
      [
        'spec.nodeSelector: Invalid value: {"z":"1"}: only additions to spec.nodeSelector are allowed (no mutations or deletions)',
      ],
    ],
    [
      'a term takes more requirements',
      (p) => void terms(p)[0]!.matchExpressions!.push({ key: 'l', operator: 'Exists' }),
      [],
    ],
    [
      'a term does not change',
      (p) => void Object.assign(terms(p)[0]!.matchExpressions![0]!, { key: 'other' }),
      [
        'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]: Invalid value: {"MatchExpressions":[{"Key":"other","Operator":"Exists","Values":null}],"MatchFields":null}: only additions are allowed (no mutations or deletions)',
      ],
    ],
    [
      'terms are not added',
      (p) => void terms(p).push({}),
      [
        'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Invalid value: [{"MatchExpressions":[{"Key":"k","Operator":"Exists","Values":null}],"MatchFields":null},{"MatchExpressions":null,"MatchFields":null}]: no additions/deletions to non-empty NodeSelectorTerms list are allowed',
      ],
    ],
  ])('%s', (_name, change, expected) => {
    expect(messages(podStrategy, gated, change)).toEqual(expected)
  })

  test('status is not changed here', () => {
    const old = newPod()
    const pod = structuredClone(old)
    pod.status = { phase: 'Running' }
    podStrategy.prepareForUpdate!(pod, old, context)
    expect(pod.status).toEqual(old.status)
  })

  test('old host sysctls do not make an update fail', () => {
    const old = newPod({
      securityContext: { sysctls: [{ name: 'net.core.somaxconn', value: '1' }] },
      hostNetwork: true,
    })
    expect(podStrategy.validate(old, context).map(fieldErrorMessage)).toEqual([
      `spec.securityContext.sysctls[0].name: Invalid value: "net.core.somaxconn": may not be specified when 'hostNetwork' is true`,
    ])
    expect(messages(podStrategy, old, (p) => void Object.assign(p.metadata, { labels: { a: 'b' } }))).toEqual([])
  })
})

describe('pods/status', () => {
  const terminated = (exitCode: number): ContainerStatus => ({
    name: 'c',
    image: 'i',
    imageID: '',
    ready: false,
    restartCount: 0,
    state: { terminated: { exitCode } },
  })

  test.each<[string, number, boolean]>([
    ['Always', 0, true],
    ['OnFailure', 1, true],
    ['OnFailure', 0, false],
    ['Never', 1, false],
  ])('restartPolicy %s, exit code %i: may start again %s', (restartPolicy, exitCode, may) => {
    const old = newPod({ restartPolicy })
    old.status!.containerStatuses = [terminated(exitCode)]
    const errors = messages(podStatusStrategy, old, (p) => {
      p.status!.containerStatuses![0]!.state = { running: {} }
    })
    const refused = 'status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state'
    expect(errors).toEqual(may ? [] : [refused])
  })

  test('spec, owners and class of service stay', () => {
    const old = newPod()
    const pod = structuredClone(old)
    pod.spec!.nodeName = 'n'
    pod.status = { phase: 'Running' }
    podStatusStrategy.prepareForUpdate!(pod, old, context)
    expect(pod.spec).toEqual(old.spec)
    expect(pod.status).toEqual({ phase: 'Running', qosClass: 'BestEffort' })
  })

  test('one address per family', () => {
    const errors = messages(podStatusStrategy, newPod(), (p) => {
      p.status!.podIPs = [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }]
    })
    expect(errors).toEqual([
      'status.podIPs: Invalid value: [{"IP":"10.0.0.1"},{"IP":"10.0.0.2"}]: may specify no more than one IP for each IP family',
    ])
  })
})

describe('pods/ephemeralcontainers', () => {
  const old = newPod()
  old.spec!.ephemeralContainers = [{ name: 'd', image: 'i:1' }]
  setPodDefaults(old)

  test('one is added; the rest of the spec is the old one', () => {
    const errors = messages(podEphemeralContainersStrategy, old, (p) => {
      p.spec!.nodeName = 'n'
      p.spec!.ephemeralContainers!.push({ name: 'e', image: 'i:1' })
      setPodDefaults(p)
    })
    expect(errors).toEqual([])
  })

  test('none is taken away', () => {
    const errors = messages(podEphemeralContainersStrategy, old, (p) => void delete p.spec!.ephemeralContainers)
    expect(errors).toEqual([
      'spec.ephemeralContainers: Forbidden: existing ephemeral containers "d" may not be removed\n',
    ])
  })
})

describe('deletion', () => {
  test.each<[string, number | undefined, string, string, number]>([
    ['as the spec says', undefined, 'n', 'Running', 30],
    ['as the request says', 5, 'n', 'Running', 5],
    ['at once where no node has it', 5, '', 'Running', 0],
    ['at once where it is through', 5, 'n', 'Succeeded', 0],
    ['a second for what is below zero', -3, 'n', 'Running', 1],
  ])('grace period: %s', (_name, requested, nodeName, phase, expected) => {
    const pod = newPod({ nodeName })
    pod.status!.phase = phase
    expect(podStrategy.gracePeriodSeconds!(pod, requested)).toBe(expected)
  })
})

describe('binding', () => {
  const binding = { metadata: { name: 'p', labels: { l: '1' }, annotations: { a: '1' } }, target: { name: 'n' } }

  test('sets the node, labels, annotations and the condition', () => {
    const pod = newPod()
    pod.status!.nominatedNodeName = 'm'
    const bound = bindPod(pod, binding, { clock, config })
    expect(bound.spec!.nodeName).toBe('n')
    expect(bound.metadata).toMatchObject({ labels: { l: '1' }, annotations: { a: '1' } })
    expect(bound.status!.conditions).toEqual([{ type: 'PodScheduled', status: 'True', lastTransitionTime: NOW }])
    expect(bound.status).not.toHaveProperty('nominatedNodeName')
    expect(pod.spec!.nodeName).toBeUndefined()
  })

  test('a bound, a gated and a dying pod are not bound', () => {
    const head = 'Operation cannot be fulfilled on pods/binding "p": pod p'
    const bind = (pod: Pod) => () => bindPod(pod, binding, { clock, config })
    expect(bind(newPod({ nodeName: 'm' }))).toThrow(`${head} is already assigned to node "m"`)
    expect(bind(newPod({ schedulingGates: [{ name: 'g' }] }))).toThrow(`${head} has non-empty .spec.schedulingGates`)
    const dying = newPod()
    dying.metadata.deletionTimestamp = NOW
    expect(bind(dying)).toThrow(`${head} is being deleted, cannot be assigned to a host`)
  })
})

/** Expectations: kubernetes pkg/registry/core/pod/storage/eviction.go. */
describe('eviction', () => {
  const budget = {
    metadata: { name: 'b', generation: 1 },
    status: { observedGeneration: 1, disruptionsAllowed: 1, currentHealthy: 3, desiredHealthy: 2, expectedPods: 3 },
  }

  test('takes a disruption and remembers the pod', () => {
    const taken = takeDisruption(budget, 'p', clock)
    expect(taken.status).toMatchObject({ disruptionsAllowed: 0, disruptedPods: { p: NOW } })
    expect(taken.status!.conditions).toMatchObject([{ type: 'DisruptionAllowed', status: 'False' }])
    expect(budget.status.disruptionsAllowed).toBe(1)
  })

  test('none allowed → 429 that says why', () => {
    const empty = { ...budget, status: { ...budget.status, disruptionsAllowed: 0, currentHealthy: 2 } }
    expect(() => takeDisruption(empty, 'p', clock)).toThrow(
      expect.objectContaining({
        code: 429,
        message: "Cannot evict pod as it would violate the pod's disruption budget.",
        details: {
          causes: [
            { reason: 'DisruptionBudget', message: 'The disruption budget b needs 2 healthy pods and has 2 currently' },
          ],
          retryAfterSeconds: 0,
        },
      }),
    )
  })

  test('a budget that the controller has not seen → 429, again in 10 s', () => {
    const stale = { ...budget, metadata: { name: 'b', generation: 2 } }
    expect(() => takeDisruption(stale, 'p', clock)).toThrow(
      expect.objectContaining({ code: 429, details: expect.objectContaining({ retryAfterSeconds: 10 }) }),
    )
  })

  test('a pod that does not serve goes where enough others do', () => {
    expect(unhealthyPodMayGo(newPod(), budget)).toBe(true)
    expect(unhealthyPodMayGo(newPod(), { ...budget, status: { ...budget.status, currentHealthy: 1 } })).toBe(false)
  })

  test('marks the pod, if it is the one that is meant', () => {
    expect(markEvicted(newPod(), { uid: 'u' }, clock).status!.conditions).toMatchObject([{ type: 'DisruptionTarget' }])
    expect(() => markEvicted(newPod(), { uid: 'v' }, clock)).toThrow(
      'Operation cannot be fulfilled on Pod "p": the UID in the precondition (v) does not match the UID in record (u). The object might have been deleted and then recreated',
    )
  })
})

describe('logs', () => {
  test('options', () => {
    expect(validatePodLogOptions({ tailLines: -1, sinceSeconds: 1, sinceTime: NOW }).map(fieldErrorMessage)).toEqual([
      'tailLines: Invalid value: -1: must be greater than or equal to 0',
      '[]: Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified',
    ])
  })

  test('the container that is meant', () => {
    const two = newPod({ containers: [{ name: 'a' }, { name: 'b' }], initContainers: [{ name: 'i' }] })
    expect(containerToReach(newPod(), undefined)).toBe('c')
    expect(containerToReach(two, 'i')).toBe('i')
    expect(() => containerToReach(two, undefined)).toThrow(
      'a container name must be specified for pod p, choose one of: [i a b]',
    )
    expect(() => containerToReach(two, 'x')).toThrow('container x is not valid for pod p')
  })
})
