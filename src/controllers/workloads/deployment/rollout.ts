import { isAlreadyExists, isNotFound } from '../../../apimachinery/api-error.ts'
import { cloneJson } from '../../../apimachinery/clone.ts'
import { semanticEqual } from '../../../apimachinery/semantic-equal.ts'
import type { DeploymentCondition, DeploymentStatus } from '../../../apimachinery/types/apps-v1.ts'
import type { PodTemplateSpec } from '../../../apimachinery/types/core-v1.ts'
import type { LabelSelector } from '../../../apimachinery/types/meta-v1.ts'
import type { ReconcileContext, ReconcileResult } from '../../runtime/controller.ts'
import { keyOf } from '../../runtime/object-key.ts'
import { CONTROLLER_INDEX, controllerReference, isControlledBy } from '../../runtime/owner.ts'
import { DEPLOYMENTS, PODS, REPLICA_SETS } from '../../runtime/resources.ts'
import { isNamespaceTerminating, textOf } from '../pod-control.ts'
import { isPodTerminal } from '../pod-state.ts'
import { templateHash } from '../template-hash.ts'
import {
  countedStatus,
  deploymentCondition,
  hasHistoryLimit,
  hasProgressDeadline,
  isComplete,
  newCondition,
  progressCheckMs,
  rolloutStatus,
  withCondition,
} from './deployment-status.ts'
import {
  DESIRED_REPLICAS,
  type DeploymentObject,
  lastRevision,
  MAX_REPLICAS,
  maxRevision,
  newReplicaSetAnnotations,
  notedReplicas,
  REVISION,
  type ReplicaSetObject,
  ROLLBACK_TO,
  revisionOf,
  rollbackRevision,
  rolledBackAnnotations,
} from './revisions.ts'
import {
  isRollingUpdate,
  isSaturated,
  maxSurge,
  newReplicaSetSize,
  oldestFirst,
  proportionalSizes,
  scaleDownOld,
  sum,
  wantedReplicas,
} from './scaling.ts'

const TEMPLATE_HASH = 'pod-template-hash'
/** Longest name of a ReplicaSet. */
const MAX_NAME_LENGTH = 253

/**
 * One reconcile of a Deployment. What it learns about the status gathers in its own copy of the Deployment and is
 * written once, at the end.
 *
 * @see kubernetes pkg/controller/deployment
 */
export class Rollout {
  readonly #context: ReconcileContext
  readonly #original: DeploymentObject
  /** Its own: annotations and status are changed as the reconcile goes on. */
  readonly #deployment: DeploymentObject
  /** The ReplicaSets of the Deployment, oldest first. */
  #all: ReplicaSetObject[]

  constructor(context: ReconcileContext, deployment: DeploymentObject, replicaSets: readonly ReplicaSetObject[]) {
    this.#context = context
    this.#original = deployment
    this.#deployment = cloneJson(deployment)
    this.#all = replicaSets.toSorted(oldestFirst)
  }

  /** Does the next step of whatever the Deployment asks for. */
  async run(): Promise<ReconcileResult> {
    const deployment = this.#deployment
    if (deployment.metadata.deletionTimestamp) return await this.#syncStatus()
    this.#notePause()
    if (deployment.spec?.paused) return await this.#resize()
    if (rollbackRevision(deployment) !== undefined) return await this.#rollBack()
    if (this.#wasResized()) return await this.#resize()
    const type = deployment.spec?.strategy?.type ?? ''
    if (type === 'Recreate') return await this.#recreate()
    if (type === 'RollingUpdate') return await this.#rollingUpdate()
    throw new Error(`unexpected deployment strategy type: ${type}`)
  }

  get #newest(): ReplicaSetObject | undefined {
    const template = this.#deployment.spec?.template
    return this.#all.find((rs) => sameTemplate(rs.spec?.template, template))
  }

  get #old(): ReplicaSetObject[] {
    const newest = this.#newest
    return this.#all.filter((rs) => rs !== newest)
  }

  async #rollingUpdate(): Promise<ReconcileResult> {
    const newest = await this.#ensureNewest('create')
    const size = this.#wantedSizeOf(newest!)
    if (await this.#scale(newest!, size)) return await this.#syncRolloutStatus()
    const steps = scaleDownOld(this.#deployment, this.#old, this.#newest!)
    for (const { replicaSet, replicas } of steps) await this.#scale(replicaSet, replicas)
    if (steps.length === 0 && isComplete(this.#deployment, this.#deployment.status)) await this.#cleanUp()
    return await this.#syncRolloutStatus()
  }

  #wantedSizeOf(newest: ReplicaSetObject): number {
    const replicas = wantedReplicas(this.#deployment)
    const own = wantedReplicas(newest)
    return own >= replicas ? replicas : newReplicaSetSize(this.#deployment, sum(this.#all, wantedReplicas), own)
  }

  async #recreate(): Promise<ReconcileResult> {
    await this.#ensureNewest('find')
    const active = this.#old.filter((rs) => wantedReplicas(rs) > 0)
    for (const replicaSet of active) await this.#scale(replicaSet, 0)
    if (active.length > 0 || this.#oldPodsRun()) return await this.#syncRolloutStatus()
    const newest = this.#newest ?? (await this.#ensureNewest('create'))!
    await this.#scale(newest, wantedReplicas(this.#deployment))
    if (isComplete(this.#deployment, this.#deployment.status)) await this.#cleanUp()
    return await this.#syncRolloutStatus()
  }

  /** Pods of old ReplicaSets that have not come to their end, those that are being deleted included. */
  #oldPodsRun(): boolean {
    if (sum(this.#old, (rs) => rs.status?.replicas) > 0) return true
    const { cache } = this.#context
    return this.#old.some((rs) =>
      cache.byIndex(PODS, CONTROLLER_INDEX, rs.metadata.uid ?? '').some((pod) => !isPodTerminal(pod)),
    )
  }

  /** The size of the Deployment has changed since its ReplicaSets were scaled last. */
  #wasResized(): boolean {
    const replicas = wantedReplicas(this.#deployment)
    return this.#all.some((rs) => {
      const desired = wantedReplicas(rs) > 0 ? notedReplicas(rs, DESIRED_REPLICAS) : undefined
      return desired !== undefined && desired !== replicas
    })
  }

  /** Scales what there is, without rolling out anything. */
  async #resize(): Promise<ReconcileResult> {
    await this.#ensureNewest('find')
    await this.#scaleAll()
    if (this.#deployment.spec?.paused && rollbackRevision(this.#deployment) === undefined) await this.#cleanUp()
    return await this.#syncStatus()
  }

  async #scaleAll(): Promise<void> {
    const deployment = this.#deployment
    const replicas = wantedReplicas(deployment)
    const newest = this.#newest
    const active = this.#all.filter((rs) => wantedReplicas(rs) > 0)
    const single = active.length === 0 ? (newest ?? this.#old.at(-1)) : active.length === 1 ? active[0] : undefined
    if (single) {
      await this.#scale(single, replicas)
      return
    }
    if (isSaturated(deployment, newest, newest && notedReplicas(newest, DESIRED_REPLICAS))) {
      for (const rs of this.#old) await this.#scale(rs, 0)
      return
    }
    if (!isRollingUpdate(deployment)) return
    for (const step of proportionalSizes(deployment, active)) {
      await this.#scale(step.replicaSet, step.replicas, { noteSizes: true })
    }
  }

  /**
   * Scales a ReplicaSet and notes the sizes that the Deployment asks for; true where its size has changed.
   * `noteSizes`: also where only the notes are old.
   */
  async #scale(replicaSet: ReplicaSetObject, replicas: number, { noteSizes = false } = {}): Promise<boolean> {
    const old = wantedReplicas(replicaSet)
    if (old === replicas && !noteSizes) return false
    const sizes = this.#sizeAnnotations()
    const { annotations } = replicaSet.metadata
    const isNoted = Object.entries(sizes).every(([key, value]) => annotations?.[key] === value)
    if (old === replicas && isNoted) return false
    const { client, events } = this.#context
    const updated = await client.update(REPLICA_SETS, {
      ...replicaSet,
      metadata: { ...replicaSet.metadata, annotations: { ...annotations, ...sizes } },
      spec: { ...replicaSet.spec!, replicas },
    })
    this.#replace(replicaSet, updated)
    if (old === replicas) return false
    const direction = old < replicas ? 'up' : 'down'
    const message = `Scaled ${direction} replica set ${updated.metadata.name} from ${old} to ${replicas}`
    events.record(this.#deployment, 'Normal', 'ScalingReplicaSet', message)
    return true
  }

  #sizeAnnotations(): Record<string, string> {
    const replicas = wantedReplicas(this.#deployment)
    return {
      [DESIRED_REPLICAS]: String(replicas),
      [MAX_REPLICAS]: String(replicas + maxSurge(this.#deployment)),
    }
  }

  #replace(old: ReplicaSetObject, updated: ReplicaSetObject): void {
    this.#all = this.#all.map((rs) => (rs.metadata.uid === old.metadata.uid ? updated : rs))
  }

  /** Finds the ReplicaSet of the present template and gives it its revision; creates it where asked to. */
  async #ensureNewest(missing: 'find' | 'create'): Promise<ReplicaSetObject | undefined> {
    const newest = this.#newest
    const revision = maxRevision(this.#old) + 1
    if (newest) return await this.#refreshNewest(newest, revision)
    return missing === 'create' ? await this.#createNewest(revision) : undefined
  }

  async #refreshNewest(newest: ReplicaSetObject, revision: number): Promise<ReplicaSetObject> {
    const { spec } = this.#deployment
    const annotations = newReplicaSetAnnotations(this.#deployment, newest.metadata.annotations, revision)
    const minReadySeconds = spec?.minReadySeconds ?? 0
    const isCurrent =
      semanticEqual(annotations, newest.metadata.annotations ?? {}) &&
      (newest.spec?.minReadySeconds ?? 0) === minReadySeconds
    if (!isCurrent) {
      const updated = await this.#context.client.update(REPLICA_SETS, {
        ...newest,
        metadata: { ...newest.metadata, annotations },
        spec: { ...newest.spec!, minReadySeconds },
      })
      this.#replace(newest, updated)
      return updated
    }
    this.#setRevision(annotations[REVISION] ?? '')
    if (hasProgressDeadline(this.#deployment) && !deploymentCondition(this.#deployment.status, 'Progressing')) {
      this.#progressing('True', 'FoundNewReplicaSet', `Found new replica set "${newest.metadata.name}"`)
    }
    return newest
  }

  async #createNewest(revision: number): Promise<ReplicaSetObject> {
    const { client, events } = this.#context
    const wanted = this.#newReplicaSet(revision)
    const name = wanted.metadata.name!
    let created: ReplicaSetObject
    try {
      created = await client.create(REPLICA_SETS, wanted)
    } catch (error) {
      created = await this.#afterFailedCreate(wanted, error)
      this.#all.push(created)
      this.#setRevision(String(revision))
      return created
    }
    this.#all.push(created)
    const replicas = wantedReplicas(created)
    if (replicas > 0) {
      events.record(
        this.#deployment,
        'Normal',
        'ScalingReplicaSet',
        `Scaled up replica set ${name} from 0 to ${replicas}`,
      )
    }
    this.#setRevision(String(revision))
    if (hasProgressDeadline(this.#deployment)) {
      this.#progressing('True', 'NewReplicaSetCreated', `Created new replica set "${name}"`)
    }
    return created
  }

  #newReplicaSet(revision: number): ReplicaSetObject {
    const { metadata, spec, status } = this.#deployment
    const template = spec!.template
    const hash = templateHash(template, status?.collisionCount)
    const labels = { ...template.metadata?.labels, [TEMPLATE_HASH]: hash }
    const annotations = {
      ...newReplicaSetAnnotations(this.#deployment, undefined, revision),
      ...this.#sizeAnnotations(),
    }
    return {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: {
        name: `${metadata.name!.slice(0, MAX_NAME_LENGTH - hash.length - 1)}-${hash}`,
        namespace: metadata.namespace!,
        ownerReferences: [controllerReference(this.#deployment, DEPLOYMENTS)],
        labels,
        annotations,
      },
      spec: {
        replicas: newReplicaSetSize(this.#deployment, sum(this.#old, wantedReplicas), 0),
        ...(spec?.minReadySeconds ? { minReadySeconds: spec.minReadySeconds } : {}),
        selector: withLabel(spec!.selector, TEMPLATE_HASH, hash),
        template: { ...template, metadata: { ...template.metadata, labels } },
      },
    }
  }

  /** The ReplicaSet that stands in the way, where it is the wanted one. Errors: why it could not be created. */
  async #afterFailedCreate(wanted: ReplicaSetObject, error: unknown): Promise<ReplicaSetObject> {
    const { cache, events } = this.#context
    if (isAlreadyExists(error)) {
      const existing = cache.get(REPLICA_SETS, keyOf(wanted))
      if (!existing) throw error
      if (isControlledBy(existing, this.#deployment) && sameTemplate(existing.spec?.template, wanted.spec?.template)) {
        return existing
      }
      // The name is taken by another template: the next attempt has another hash.
      const { status } = this.#deployment
      this.#deployment.status = { ...status, collisionCount: (status?.collisionCount ?? 0) + 1 }
      await this.#write(this.#deployment.status)
      throw error
    }
    if (isNamespaceTerminating(error)) throw error
    const message = `Failed to create new replica set "${wanted.metadata.name}": ${textOf(error)}`
    if (hasProgressDeadline(this.#deployment)) {
      this.#progressing('False', 'ReplicaSetCreateError', message)
      await this.#write(this.#deployment.status!).catch(() => undefined)
    }
    events.record(this.#deployment, 'Warning', 'ReplicaSetCreateError', message)
    throw error
  }

  /** Deletes what is beyond the history that is to be kept. */
  async #cleanUp(): Promise<void> {
    if (!hasHistoryLimit(this.#deployment)) return
    const old = this.#old.filter((rs) => !rs.metadata.deletionTimestamp)
    const surplus = old.length - this.#deployment.spec!.revisionHistoryLimit!
    if (surplus <= 0) return
    for (const rs of old.toSorted(byRevision).slice(0, surplus)) {
      const isObserved = (rs.metadata.generation ?? 0) <= (rs.status?.observedGeneration ?? 0)
      if (wantedReplicas(rs) !== 0 || (rs.status?.replicas ?? 0) !== 0 || !isObserved) continue
      await this.#context.client.delete(REPLICA_SETS, keyOf(rs)).catch((error: unknown) => {
        if (!isNotFound(error)) throw error
      })
    }
  }

  /** Goes back to the template of a revision (asked for by annotation, as the old rollback endpoint did). */
  async #rollBack(): Promise<ReconcileResult> {
    await this.#ensureNewest('create')
    const deployment = this.#deployment
    const { client, events } = this.#context
    const asked = rollbackRevision(deployment)!
    const revision = asked === 0 ? lastRevision(this.#all) : asked
    const warn = (reason: string, message: string): void => events.record(deployment, 'Warning', reason, message)
    const target = revision === 0 ? undefined : this.#all.find((rs) => revisionOf(rs) === revision)
    let done = false
    if (revision === 0) warn('DeploymentRollbackRevisionNotFound', 'Unable to find last revision.')
    else if (!target) warn('DeploymentRollbackRevisionNotFound', 'Unable to find the revision to rollback to.')
    else if (sameTemplate(target.spec?.template, deployment.spec?.template)) {
      const message = `The rollback revision contains the same template as current deployment "${deployment.metadata.name}"`
      warn('DeploymentRollbackTemplateUnchanged', message)
    } else {
      deployment.spec = { ...deployment.spec!, template: withoutHash(target.spec!.template!) }
      deployment.metadata.annotations = rolledBackAnnotations(
        deployment.metadata.annotations,
        target.metadata.annotations,
      )
      done = true
    }
    const { [ROLLBACK_TO]: _done, ...annotations } = deployment.metadata.annotations ?? {}
    await client.update(DEPLOYMENTS, { ...deployment, metadata: { ...deployment.metadata, annotations } })
    const message = `Rolled back deployment "${deployment.metadata.name}" to revision ${revision}`
    if (done) events.record(deployment, 'Normal', 'DeploymentRollback', message)
    return undefined
  }

  #notePause(): void {
    const { spec, status } = this.#deployment
    const current = deploymentCondition(status, 'Progressing')
    if (!hasProgressDeadline(this.#deployment) || current?.reason === 'ProgressDeadlineExceeded') return
    const isNoted = current?.reason === 'DeploymentPaused'
    if (spec?.paused && !isNoted) this.#progressing('Unknown', 'DeploymentPaused', 'Deployment is paused')
    if (!spec?.paused && isNoted) this.#progressing('Unknown', 'DeploymentResumed', 'Deployment is resumed')
  }

  #progressing(value: DeploymentCondition['status'], reason: string, message: string): void {
    const { status } = this.#deployment
    const condition = newCondition('Progressing', value, reason, message, this.#context.clock.now())
    this.#deployment.status = { ...status, conditions: withCondition(status?.conditions, condition) }
  }

  #setRevision(revision: string): void {
    const { metadata } = this.#deployment
    if (metadata.annotations?.[REVISION] === revision) return
    metadata.annotations = { ...metadata.annotations, [REVISION]: revision }
  }

  async #syncStatus(): Promise<ReconcileResult> {
    const view = { deployment: this.#deployment, all: this.#all, newest: this.#newest }
    await this.#write(countedStatus(view, this.#context.clock.now()))
    return undefined
  }

  async #syncRolloutStatus(): Promise<ReconcileResult> {
    const now = this.#context.clock.now()
    const deployment = this.#deployment
    const status = rolloutStatus({ deployment, all: this.#all, newest: this.#newest }, now)
    await this.#write(status)
    const requeueAfterMs = progressCheckMs({ ...deployment, status }, status, now)
    return requeueAfterMs === undefined ? undefined : { requeueAfterMs }
  }

  /** Writes status and revision unless both are as they were. */
  async #write(status: DeploymentStatus): Promise<void> {
    const { metadata } = this.#deployment
    const before = this.#original
    const sameRevision = metadata.annotations?.[REVISION] === before.metadata.annotations?.[REVISION]
    if (sameRevision && sameStatus(before.status, status)) return
    await this.#context.client.updateSubresource(DEPLOYMENTS, 'status', { ...this.#deployment, status })
  }
}

/** Zero counts are the same as none, but for the count of terminating pods, which may be unknown. */
function sameStatus(a: DeploymentStatus | undefined, b: DeploymentStatus): boolean {
  const withoutZeros = (status: DeploymentStatus | undefined) =>
    Object.fromEntries(
      Object.entries(status ?? {}).filter(
        ([key, value]) => value !== 0 || key === 'terminatingReplicas' || key === 'collisionCount',
      ),
    )
  return semanticEqual(withoutZeros(a), withoutZeros(b))
}

/** Templates are the same but for the label that tells ReplicaSets apart. */
function sameTemplate(a: PodTemplateSpec | undefined, b: PodTemplateSpec | undefined): boolean {
  return semanticEqual(a && withoutHash(a), b && withoutHash(b))
}

function withoutHash(template: PodTemplateSpec): PodTemplateSpec {
  const labels = template.metadata?.labels
  if (labels?.[TEMPLATE_HASH] === undefined) return template
  const { [TEMPLATE_HASH]: _hash, ...rest } = labels
  return { ...template, metadata: { ...template.metadata, labels: rest } }
}

function withLabel(selector: LabelSelector, key: string, value: string): LabelSelector {
  return { ...selector, matchLabels: { ...selector.matchLabels, [key]: value } }
}

function byRevision(a: ReplicaSetObject, b: ReplicaSetObject): number {
  const [revisionA, revisionB] = [revisionOf(a), revisionOf(b)]
  if (revisionA === undefined || revisionB === undefined || revisionA === revisionB) return oldestFirst(a, b)
  return revisionA - revisionB
}
