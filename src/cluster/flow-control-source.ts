import type { FlowControl } from '../api/filters/flow-control.ts'
import type { KubeObject } from '../apimachinery/kube-object.ts'
import type { FlowSchema, PriorityLevelConfiguration } from '../apimachinery/types/flowcontrol-v1.ts'
import type { Registry } from '../registry/generic/registry.ts'
import { ObjectFollower } from './object-follower.ts'

const GROUP = 'flowcontrol.apiserver.k8s.io'

/** Keeps flow control in step with the stored flow schemas and priority levels. */
export async function followFlowControl(registry: Registry, flowControl: FlowControl): Promise<void> {
  const schemas = new Map<string, FlowSchema>()
  const levels = new Map<string, PriorityLevelConfiguration>()
  let isReady = false
  const apply = (): void => {
    if (isReady) flowControl.configure([...schemas.values()], [...levels.values()])
  }
  const follow = <T>(resource: string, known: Map<string, T>): Promise<ObjectFollower> =>
    ObjectFollower.start(registry.backing(GROUP, resource)!.cache, {
      set: (object: KubeObject) => {
        known.set(object.metadata.name!, object as unknown as T)
        apply()
      },
      remove: (object) => {
        known.delete(object.metadata.name!)
        apply()
      },
      reset: () => known.clear(),
    })
  await Promise.all([follow('flowschemas', schemas), follow('prioritylevelconfigurations', levels)])
  isReady = true
  apply()
}
