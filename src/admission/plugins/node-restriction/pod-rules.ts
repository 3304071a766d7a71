import { notFound } from '../../../apimachinery/api-error.ts'
import { goQuote } from '../../../apimachinery/go-quote.ts'
import { semanticEqual } from '../../../apimachinery/semantic-equal.ts'
import type { Pod } from '../../../apimachinery/types/core-v1.ts'
import type { AdmissionAttributes } from '../../admission.ts'
import type { ObjectReader } from '../../object-reader.ts'
import { refused } from '../../refusal.ts'
import { apiObjectReference } from './api-object-references.ts'

const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror'

/** What a node may do with pods: show and take back its mirror pods, delete and evict its pods, report their state. */
export async function checkPodRequest(
  attributes: AdmissionAttributes,
  nodeName: string,
  reader: ObjectReader,
): Promise<void> {
  const { subresource, operation } = attributes
  switch (subresource) {
    case '':
      return await checkPodItself(attributes, nodeName, reader)
    case 'status':
      if (operation !== 'UPDATE') throw refused(attributes, `unexpected operation ${goQuote(operation)}`)
      return checkStatus(attributes, nodeName)
    case 'eviction':
      if (operation !== 'CREATE') throw refused(attributes, `unexpected operation ${operation}`)
      return await checkEviction(attributes, nodeName, reader)
    default: {
      const why = `unexpected pod subresource ${goQuote(subresource)}, only 'status' and 'eviction' are allowed`
      throw refused(attributes, why)
    }
  }
}

async function checkPodItself(attributes: AdmissionAttributes, nodeName: string, reader: ObjectReader): Promise<void> {
  const { operation, name } = attributes
  if (operation === 'CREATE') return await checkMirrorPod(attributes, nodeName, reader)
  const node = goQuote(nodeName)
  if (operation !== 'DELETE') {
    const why = `unexpected operation ${goQuote(operation)}, node ${node} can only create and delete mirror pods`
    throw refused(attributes, why)
  }
  const pod = await podNamed(reader, attributes.namespace, name)
  if (pod.spec?.nodeName === nodeName) return
  throw refused(attributes, `node ${node} can only delete pods with spec.nodeName set to itself`)
}

async function podNamed(reader: ObjectReader, namespace: string, name: string): Promise<Pod> {
  const pod = await reader.get('', 'pods', namespace, name)
  if (!pod) throw notFound({ group: '', resource: 'pod' }, name)
  return pod as unknown as Pod
}

async function checkMirrorPod(attributes: AdmissionAttributes, nodeName: string, reader: ObjectReader): Promise<void> {
  const pod = attributes.object as unknown as Pod
  const node = goQuote(nodeName)
  if (pod.metadata.annotations?.[MIRROR_ANNOTATION] === undefined) {
    const why = `pod does not have ${goQuote(MIRROR_ANNOTATION)} annotation, node ${node} can only create mirror pods`
    throw refused(attributes, why)
  }
  if (pod.spec?.nodeName !== nodeName) {
    throw refused(attributes, `node ${node} can only create pods with spec.nodeName set to itself`)
  }
  await checkOwner(attributes, nodeName, reader)
  const reference = apiObjectReference(pod)
  if (reference) throw refused(attributes, `node ${node} can not create pods that reference ${reference}`)
}

/** A mirror pod belongs to its node and to nothing else. */
async function checkOwner(attributes: AdmissionAttributes, nodeName: string, reader: ObjectReader): Promise<void> {
  const [owner, ...others] = attributes.object!.metadata.ownerReferences ?? []
  const node = goQuote(nodeName)
  if (others.length > 0) {
    throw refused(attributes, `node ${node} can only create pods with a single owner reference set to itself`)
  }
  if (owner?.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== nodeName) {
    throw refused(attributes, `node ${node} can only create pods with an owner reference set to itself`)
  }
  if (!owner.controller) {
    throw refused(attributes, `node ${node} can only create pods with a controller owner reference set to itself`)
  }
  if (owner.blockOwnerDeletion) {
    throw refused(attributes, `node ${node} must not set blockOwnerDeletion on an owner reference`)
  }
  const found = await reader.get('', 'nodes', '', nodeName)
  if (!found) throw notFound({ group: '', resource: 'node' }, nodeName)
  const { uid } = found.metadata
  if (owner.uid === uid) return
  throw refused(attributes, `node ${nodeName} UID mismatch: expected ${owner.uid} got ${uid}`)
}

function checkStatus(attributes: AdmissionAttributes, nodeName: string): void {
  const pod = attributes.object as unknown as Pod
  const old = attributes.oldObject as unknown as Pod
  const node = goQuote(nodeName)
  if (old.spec?.nodeName !== nodeName) {
    throw refused(attributes, `node ${node} can only update pod status for pods with spec.nodeName set to itself`)
  }
  if (!semanticEqual(pod.metadata.labels ?? {}, old.metadata.labels ?? {})) {
    throw refused(attributes, `node ${node} cannot update labels through pod status`)
  }
  if (!semanticEqual(pod.status?.resourceClaimStatuses, old.status?.resourceClaimStatuses)) {
    throw refused(attributes, `node ${node} cannot update resource claim statues`)
  }
  if (!semanticEqual(pod.status?.extendedResourceClaimStatus, old.status?.extendedResourceClaimStatus)) {
    throw refused(attributes, `node ${node} cannot update extended resource claim status`)
  }
}

async function checkEviction(attributes: AdmissionAttributes, nodeName: string, reader: ObjectReader): Promise<void> {
  const name = attributes.name || attributes.object?.metadata.name
  if (!name) throw refused(attributes, 'could not determine pod from request data')
  const pod = await podNamed(reader, attributes.namespace, name)
  if (pod.spec?.nodeName === nodeName) return
  throw refused(attributes, `node ${nodeName} can only evict pods with spec.nodeName set to itself`)
}
