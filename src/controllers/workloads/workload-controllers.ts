import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { Controller } from '../runtime/controller.ts'
import { cronJobController } from './cron-job/cron-job-controller.ts'
import { daemonSetController } from './daemon-set/daemon-set-controller.ts'
import { deploymentController } from './deployment/deployment-controller.ts'
import { jobController } from './job/job-controller.ts'
import { replicaSetController } from './replica-set/replica-set-controller.ts'
import { replicationControllerController } from './replication-controller/replication-controller-controller.ts'
import { statefulSetController } from './stateful-set/stateful-set-controller.ts'

/** The controllers of what runs pods, in the order of kube-controller-manager. */
export function workloadControllers(): readonly Controller[] {
  return [
    erased(replicationControllerController),
    erased(daemonSetController()),
    erased(jobController()),
    erased(deploymentController),
    erased(replicaSetController),
    erased(statefulSetController),
    erased(cronJobController()),
  ]
}

const erased = <T extends KubeObject>(controller: Controller<T>): Controller => controller as unknown as Controller
