import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { CronJob } from '../../apimachinery/types/batch-v1.ts'
import type { PodTemplate, PodTemplateSpec, ReplicationController } from '../../apimachinery/types/core-v1.ts'

const ofSpec = (object: KubeObject): PodTemplateSpec | undefined =>
  (object as unknown as ReplicationController).spec?.template

/** How to find the pod template of what makes pods, by `resource.group`. */
const TEMPLATE_OF: ReadonlyMap<string, (object: KubeObject) => PodTemplateSpec | undefined> = new Map([
  ['replicationcontrollers.', ofSpec],
  ['podtemplates.', (object) => (object as unknown as PodTemplate).template],
  ['replicasets.apps', ofSpec],
  ['deployments.apps', ofSpec],
  ['statefulsets.apps', ofSpec],
  ['daemonsets.apps', ofSpec],
  ['jobs.batch', ofSpec],
  ['cronjobs.batch', (object) => (object as unknown as CronJob).spec?.jobTemplate?.spec?.template],
])

/** What finds the template of a resource's objects; undefined for resources that make no pods. */
export function templateFinder(group: string, resource: string) {
  return TEMPLATE_OF.get(`${resource}.${group}`)
}
