import { type ApiError, notFound, unknownError } from '../../../apimachinery/api-error.ts'
import { goQuote } from '../../../apimachinery/go-quote.ts'
import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import type { PodCertificateRequest } from '../../../apimachinery/types/certificates-v1beta1.ts'
import type { Pod } from '../../../apimachinery/types/core-v1.ts'
import type { AdmissionAttributes } from '../../admission.ts'
import type { ObjectReader } from '../../object-reader.ts'
import { refused } from '../../refusal.ts'

const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror'

/** A node asks for certificates of the pods that run on it only. Errors: 403, or 500 where asking again may help. */
export async function checkPodCertificateRequest(
  attributes: AdmissionAttributes,
  nodeName: string,
  reader: ObjectReader,
): Promise<void> {
  const { operation, subresource, namespace } = attributes
  if (operation !== 'CREATE') throw refused(attributes, `unexpected operation ${operation}`)
  if (subresource !== '') throw refused(attributes, `unexpected subresource ${subresource}`)
  const { spec } = attributes.object as unknown as PodCertificateRequest
  if (spec.nodeName !== nodeName) {
    const why = `PodCertificateRequest.Spec.NodeName=${goQuote(spec.nodeName)}, which is not the requesting node ${goQuote(nodeName)}`
    throw refused(attributes, why)
  }
  const node = await reader.get('', 'nodes', '', nodeName)
  if (!node) throw missing('node', nodeName, nodeName)
  const podName = goQuote(`${namespace}/${spec.podName}`)
  if (node.metadata.uid !== spec.nodeUID) {
    throw unknownError(
      `PodCertificateRequest for pod ${podName} names node UID ${goQuote(spec.nodeUID)}, inconsistent with the running node (${goQuote(node.metadata.uid ?? '')})`,
    )
  }
  const pod = await reader.get('', 'pods', namespace, spec.podName)
  if (!pod) throw missing('pod', spec.podName, `${namespace}/${spec.podName}`)
  checkPod(attributes, spec, pod as unknown as Pod, podName)
  await checkAccount(spec, namespace, podName, reader)
}

function checkPod(
  attributes: AdmissionAttributes,
  spec: PodCertificateRequest['spec'],
  pod: Pod,
  podName: string,
): void {
  if (pod.metadata.uid !== spec.podUID) {
    throw unknownError(
      `PodCertificateRequest for pod ${podName} contains pod UID (${goQuote(spec.podUID)}) which differs from running pod ${goQuote(pod.metadata.uid ?? '')}`,
    )
  }
  if (pod.spec?.nodeName !== spec.nodeName) {
    const why = `pod ${podName} is not running on node ${goQuote(spec.nodeName)} named in the PodCertificateRequest`
    throw refused(attributes, why)
  }
  if (pod.metadata.annotations?.[MIRROR_ANNOTATION] !== undefined) {
    throw refused(attributes, `pod ${podName} is a mirror pod`)
  }
  const account = pod.spec.serviceAccountName ?? ''
  if (spec.serviceAccountName === account) return
  const why = `PodCertificateRequest for pod ${podName} contains serviceAccountName (${goQuote(spec.serviceAccountName)}) that differs from running pod (${goQuote(account)})`
  throw refused(attributes, why)
}

async function checkAccount(
  spec: PodCertificateRequest['spec'],
  namespace: string,
  podName: string,
  reader: ObjectReader,
): Promise<void> {
  const name = spec.serviceAccountName
  const account: KubeObject | undefined = await reader.get('', 'serviceaccounts', namespace, name)
  if (!account) throw missing('serviceaccount', name, `${namespace}/${name}`)
  if (account.metadata.uid === spec.serviceAccountUID) return
  throw unknownError(
    `PodCertificateRequest for pod ${podName} names service account UID ${goQuote(spec.serviceAccountUID)}, which differs from the running service account (${goQuote(account.metadata.uid ?? '')})`,
  )
}

function missing(resource: 'node' | 'pod' | 'serviceaccount', name: string, shown: string): ApiError {
  const what = resource === 'serviceaccount' ? 'service account' : resource
  const { message } = notFound({ group: '', resource }, name)
  return unknownError(`while retrieving ${what} ${goQuote(shown)} named in the PodCertificateRequest: ${message}`)
}
