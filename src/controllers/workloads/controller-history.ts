import { isAlreadyExists, isNotFound } from '../../apimachinery/api-error.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { Selector } from '../../apimachinery/label-selector.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { ControllerRevision } from '../../apimachinery/types/apps-v1.ts'
import type { PodTemplateSpec } from '../../apimachinery/types/core-v1.ts'
import type { ResourceRef, Typed } from '../runtime/client.ts'
import type { ReconcileContext } from '../runtime/controller.ts'
import { keyOf } from '../runtime/object-key.ts'
import { CONTROLLER_REVISIONS } from '../runtime/resources.ts'
import { claim, ownedAndOrphans } from './claim.ts'

export type RevisionObject = Typed<ControllerRevision>

/** Label of a pod, and of a ControllerRevision of DaemonSets: which revision it is of. */
export const REVISION_LABEL = 'controller-revision-hash'

/** The ControllerRevisions of an owner, oldest first; orphans that fit are adopted. */
export async function revisionsOf(
  context: ReconcileContext,
  owner: KubeObject,
  ownerResource: ResourceRef,
  selector: Selector,
): Promise<RevisionObject[]> {
  const all = ownedAndOrphans(context, CONTROLLER_REVISIONS, owner).filter((r) => selector.matches(r.metadata.labels))
  const resource = CONTROLLER_REVISIONS
  return (await claim(context, all, { owner, ownerResource, resource, selector })).toSorted(byRevision)
}

function byRevision(a: RevisionObject, b: RevisionObject): number {
  if (a.revision !== b.revision) return a.revision - b.revision
  const [timeA = '', timeB = ''] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp]
  if (timeA !== timeB) return timeA < timeB ? -1 : 1
  return a.metadata.name! < b.metadata.name! ? -1 : 1
}

/** What a revision keeps of its owner: the template, as a patch that replaces the owner's. */
export function revisionData(template: PodTemplateSpec): Record<string, unknown> {
  return { spec: { template: { ...template, $patch: 'replace' } } }
}

/** The template that a revision stands for; undefined where it holds none. */
export function templateOf({ data }: ControllerRevision): PodTemplateSpec | undefined {
  const spec = (data as { spec?: { template?: PodTemplateSpec & { $patch?: string } } } | undefined)?.spec
  if (!spec?.template) return undefined
  const { $patch: _patch, ...template } = spec.template
  return template
}

export function sameData(a: ControllerRevision, b: ControllerRevision): boolean {
  return semanticEqual(a.data, b.data)
}

/** Gives a revision another number. */
export async function renumber(
  { client }: ReconcileContext,
  revision: RevisionObject,
  number: number,
): Promise<RevisionObject> {
  if (revision.revision === number) return revision
  return await client.update(CONTROLLER_REVISIONS, { ...revision, revision: number })
}

/**
 * Creates a revision. Undefined where its name is taken by another one: the caller comes again with another name. One
 * with the same data is as good as created.
 */
export async function createRevision(
  { client }: ReconcileContext,
  revision: RevisionObject,
): Promise<RevisionObject | undefined> {
  try {
    return await client.create(CONTROLLER_REVISIONS, revision)
  } catch (error) {
    if (!isAlreadyExists(error)) throw error
    const existing = await client.get(CONTROLLER_REVISIONS, keyOf(revision))
    return sameData(existing, revision) ? existing : undefined
  }
}

/** Deletes the oldest of the revisions that nobody uses, beyond `limit` of them. */
export async function truncateHistory(
  { client }: ReconcileContext,
  revisions: readonly RevisionObject[],
  isUsed: (revision: RevisionObject) => boolean,
  limit: number,
): Promise<void> {
  const unused = revisions.filter((revision) => !isUsed(revision))
  for (const revision of unused.slice(0, Math.max(0, unused.length - limit))) {
    await client.delete(CONTROLLER_REVISIONS, keyOf(revision)).catch((error: unknown) => {
      if (!isNotFound(error)) throw error
    })
  }
}
