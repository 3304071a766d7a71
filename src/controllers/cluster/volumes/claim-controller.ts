import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import type { Pod } from '../../../apimachinery/types/core-v1.ts'
import type { ObjectKey, Typed } from '../../runtime/client.ts'
import type { CacheReader, Controller, ReconcileContext } from '../../runtime/controller.ts'
import { keyOf } from '../../runtime/object-key.ts'
import { PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, STORAGE_CLASSES } from '../../runtime/resources.ts'
import { bind, writeClaimPhase } from './binding.ts'
import { claimsOfPod, podClaimIndex, podsOfClaim } from './pod-claims.ts'
import {
  BETA_PROVISIONER,
  BIND_COMPLETED,
  bestMatch,
  type Claim,
  type Class,
  classNameOf,
  classOf,
  defaultClass,
  isFor,
  mismatch,
  PROVISIONER,
  SELECTED_NODE,
  saysClass,
  type Volume,
} from './volume-facts.ts'

const IN_TREE_PREFIX = 'kubernetes.io/'

/**
 * Binds claims to volumes, and asks provisioners for volumes where none suits.
 *
 * @see pkg/controller/volume/persistentvolume/pv_controller.go syncClaim
 */
export const claimBinder: Controller<Claim> = {
  name: 'persistentvolume-binder-controller',
  queueName: 'claims',
  serviceAccount: 'persistent-volume-binder',
  eventSource: 'persistentvolume-controller',
  for: PERSISTENT_VOLUME_CLAIMS,
  resyncMs: 15_000,
  watches: [
    { resource: PERSISTENT_VOLUMES, enqueue: (volume, _old, cache) => claimsFor(volume as Volume, cache) },
    { resource: STORAGE_CLASSES, enqueue: (_class, _old, cache) => pendingClaims(cache).map(keyOf) },
    { resource: PODS, enqueue: (pod, old) => (old && hasSameNode(pod, old) ? [] : claimsOfPod(pod as Typed<Pod>)) },
  ],
  indexes: [podClaimIndex],
  // Two claims at a time could choose the same volume: it would cost a conflict, and be right in the end.
  concurrency: 1,
  async reconcile(key, context) {
    const claim = context.cache.get(PERSISTENT_VOLUME_CLAIMS, key)
    if (!claim) return
    if (claim.metadata.annotations?.[BIND_COMPLETED] !== undefined) await syncBound(claim, context)
    else if (claim.spec?.volumeName) await syncRequested(claim, claim.spec.volumeName, context)
    else await syncUnbound(claim, context)
  },
}

function hasSameNode(pod: KubeObject, old: KubeObject): boolean {
  return (pod as Typed<Pod>).spec?.nodeName === (old as Typed<Pod>).spec?.nodeName
}

function pendingClaims(cache: CacheReader): readonly Claim[] {
  return cache.list(PERSISTENT_VOLUME_CLAIMS).filter((c) => c.metadata.annotations?.[BIND_COMPLETED] === undefined)
}

/** The claim that a volume refers to, or those that might be bound to it or ask for it. */
function claimsFor(volume: Volume, cache: CacheReader): readonly ObjectKey[] {
  const { claimRef } = volume.spec ?? {}
  if (claimRef) return [{ namespace: claimRef.namespace ?? '', name: claimRef.name ?? '' }]
  const { name } = volume.metadata
  const all = cache.list(PERSISTENT_VOLUME_CLAIMS)
  return all
    .filter((c) => c.spec?.volumeName === name || (!c.spec?.volumeName && classNameOf(c) === classNameOf(volume)))
    .map(keyOf)
}

async function syncUnbound(claim: Claim, context: ReconcileContext): Promise<void> {
  const { cache, client } = context
  const storageClass = classOf(claim, cache)
  const waits = storageClass?.volumeBindingMode === 'WaitForFirstConsumer'
  const volume = bestMatch(claim, cache.list(PERSISTENT_VOLUMES), { onlyReserved: waits })
  if (volume) {
    await bind(client, volume, claim)
    return
  }
  if (await assignDefaultClass(claim, context)) return
  if (waits && claim.metadata.annotations?.[SELECTED_NODE] === undefined) recordWaiting(claim, context)
  else if (classNameOf(claim) !== '') {
    await provision(claim, storageClass, context)
    return
  } else {
    const message = 'no persistent volumes available for this claim and no storage class is set'
    context.events.record(claim, 'Normal', 'FailedBinding', message)
  }
  await writeClaimPhase(client, claim, 'Pending')
}

/** Gives a claim that says nothing of a class the default one that has come since. @see https://kep.k8s.io/3333 */
async function assignDefaultClass(claim: Claim, { cache, client }: ReconcileContext): Promise<boolean> {
  if (saysClass(claim)) return false
  const storageClassName = defaultClass(cache)?.metadata.name
  if (storageClassName === undefined) return false
  await client.update(PERSISTENT_VOLUME_CLAIMS, { ...claim, spec: { ...claim.spec!, storageClassName } })
  return true
}

function recordWaiting(claim: Claim, { cache, events }: ReconcileContext): void {
  const pods = podsOfClaim(cache, keyOf(claim))
    .filter((p) => !p.spec?.nodeName && p.status?.phase !== 'Failed' && p.status?.phase !== 'Succeeded')
    .map((p) => p.metadata.name!)
  if (pods.length === 0) {
    events.record(claim, 'Normal', 'WaitForFirstConsumer', 'waiting for first consumer to be created before binding')
    return
  }
  const message = `waiting for ${pods.length === 1 ? 'pod' : 'pods'} ${pods.join(',')} to be scheduled`
  events.record(claim, 'Normal', 'WaitForPodScheduled', message)
}

/** Asks the class's provisioner for a volume: it watches for the annotation. */
async function provision(
  claim: Claim,
  storageClass: Class | undefined,
  { client, events }: ReconcileContext,
): Promise<void> {
  if (!storageClass) {
    const message = `storageclass.storage.k8s.io "${classNameOf(claim)}" not found`
    events.record(claim, 'Warning', 'ProvisioningFailed', message)
    await writeClaimPhase(client, claim, 'Pending')
    return
  }
  const { provisioner } = storageClass
  if (provisioner.startsWith(IN_TREE_PREFIX)) {
    events.record(claim, 'Warning', 'ProvisioningFailed', `no volume plugin matched name: ${provisioner}`)
    await writeClaimPhase(client, claim, 'Pending')
    return
  }
  const { annotations } = claim.metadata
  if (annotations?.[PROVISIONER] !== provisioner || annotations[BETA_PROVISIONER] !== provisioner) {
    const asked = { ...annotations, [BETA_PROVISIONER]: provisioner, [PROVISIONER]: provisioner }
    await client.update(PERSISTENT_VOLUME_CLAIMS, { ...claim, metadata: { ...claim.metadata, annotations: asked } })
  }
  const message =
    `Waiting for a volume to be created either by the external provisioner '${provisioner}' ` +
    'or manually by the system administrator. If volume creation is delayed, please verify that ' +
    'the provisioner is running and correctly registered.'
  events.record(claim, 'Normal', 'ExternalProvisioning', message)
}

/** A claim that asks for one volume. */
async function syncRequested(
  claim: Claim,
  volumeName: string,
  { cache, client, events }: ReconcileContext,
): Promise<void> {
  const volume = cache.get(PERSISTENT_VOLUMES, { namespace: '', name: volumeName })
  if (!volume) {
    await writeClaimPhase(client, claim, 'Pending')
    return
  }
  if (isFor(volume, claim)) {
    await bind(client, volume, claim)
    return
  }
  const why = volume.spec?.claimRef ? undefined : mismatch(volume, claim)
  if (!volume.spec?.claimRef && why === undefined) {
    await bind(client, volume, claim)
    return
  }
  if (why === undefined) {
    events.record(claim, 'Warning', 'FailedBinding', `volume "${volumeName}" already bound to a different claim.`)
  } else {
    events.record(claim, 'Warning', 'VolumeMismatch', `Cannot bind to requested volume "${volumeName}": ${why}`)
  }
  await writeClaimPhase(client, claim, 'Pending')
}

/** A claim that has been bound: its volume must still be there, and its own. */
async function syncBound(claim: Claim, context: ReconcileContext): Promise<void> {
  const { cache, client } = context
  const { volumeName } = claim.spec ?? {}
  if (!volumeName) {
    await lose(
      claim,
      'ClaimLost',
      'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!',
      context,
    )
    return
  }
  const volume = cache.get(PERSISTENT_VOLUMES, { namespace: '', name: volumeName })
  if (!volume) {
    await lose(claim, 'ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!', context)
  } else if (!volume.spec?.claimRef || volume.spec.claimRef.uid === claim.metadata.uid) {
    await bind(client, volume, claim)
  } else {
    const message = 'Two claims are bound to the same volume, this one is bound incorrectly'
    await lose(claim, 'ClaimMisbound', message, context)
  }
}

async function lose(
  claim: Claim,
  reason: string,
  message: string,
  { client, events }: ReconcileContext,
): Promise<void> {
  if (claim.status?.phase === 'Lost') return
  await writeClaimPhase(client, claim, 'Lost')
  events.record(claim, 'Warning', reason, message)
}
