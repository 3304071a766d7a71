import { flowControlBootstrap, type NamedSpec } from '../../../openapi/data.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { Registry } from '../../registry/generic/registry.ts'
import { ensureInitialObject } from './ensure.ts'

const GROUP = 'flowcontrol.apiserver.k8s.io'

/** The priority levels, flow schemas and priority classes that every cluster has. */
export async function ensureFlowControl(registry: Registry): Promise<void> {
  const facts = flowControlBootstrap()
  const levels = [...facts.mandatoryPriorityLevelConfigurations, ...facts.suggestedPriorityLevelConfigurations]
  const schemas = [...facts.mandatoryFlowSchemas, ...facts.suggestedFlowSchemas]
  await Promise.all([
    ...levels.map((f) =>
      ensureInitialObject(registry, GROUP, 'prioritylevelconfigurations', objectOf('PriorityLevelConfiguration', f)),
    ),
    ...schemas.map((f) => ensureInitialObject(registry, GROUP, 'flowschemas', objectOf('FlowSchema', f))),
    ...facts.priorityClasses.map((f) =>
      ensureInitialObject(registry, 'scheduling.k8s.io', 'priorityclasses', priorityClass(f)),
    ),
  ])
}

function objectOf(kind: string, { name, spec }: NamedSpec): KubeObject {
  const annotations = { 'apf.kubernetes.io/autoupdate-spec': 'true' }
  return { kind, apiVersion: `${GROUP}/v1`, metadata: { name, annotations }, spec }
}

function priorityClass(fact: {
  readonly name: string
  readonly value: number
  readonly preemptionPolicy: string
}): KubeObject {
  const { name, value, preemptionPolicy } = fact
  const description =
    name === 'system-cluster-critical'
      ? 'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.'
      : 'Used for system critical pods that must not be moved from their current node.'
  return {
    kind: 'PriorityClass',
    apiVersion: 'scheduling.k8s.io/v1',
    metadata: { name },
    value,
    preemptionPolicy,
    description,
  }
}
