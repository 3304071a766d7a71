import { notFound, unknownError } from '../../../apimachinery/api-error.ts'
import type { Clock } from '../../../apimachinery/clock.ts'
import type { Pod, ServiceAccount } from '../../../apimachinery/types/core-v1.ts'
import type { AdmissionAttributes, AdmissionPlugin } from '../../admission.ts'
import { isFor } from '../../attribute-tests.ts'
import { type ObjectReader, unaskableName } from '../../object-reader.ts'
import { refused } from '../../refusal.ts'
import { podSecretNames } from './pod-secret-names.ts'
import {
  enforcesMountableSecrets,
  ephemeralSecretReferenceProblem,
  secretReferenceProblem,
} from './secret-references.ts'
import { mountToken } from './token-volume.ts'

const DEFAULT_ACCOUNT = 'default'
const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror'

/** The default account is made by a controller soon after its namespace: upstream looks ten times, 100 to 200 ms apart. */
const DEFAULT_ACCOUNT_ATTEMPTS = 10
const MIN_RETRY_MS = 100
const MAX_RETRY_MS = 200

/**
 * Every pod runs as a service account of its namespace: the default one unless it says so, with a token mounted.
 *
 * @see kubernetes plugin/pkg/admission/serviceaccount/admission.go
 */
export class ServiceAccountPlugin implements AdmissionPlugin {
  readonly name = 'ServiceAccount'
  readonly #reader: ObjectReader
  readonly #clock: Clock

  constructor(reader: ObjectReader, clock: Clock) {
    this.#reader = reader
    this.#clock = clock
  }

  handles(operation: string): boolean {
    return operation === 'CREATE' || operation === 'UPDATE'
  }

  admit(attributes: AdmissionAttributes): void | Promise<void> {
    const { operation, subresource } = attributes
    if (operation !== 'CREATE' || subresource !== '' || !isFor(attributes, '', 'pods')) return
    return this.#admitPod(attributes)
  }

  validate(attributes: AdmissionAttributes): void | Promise<void> {
    const { operation, subresource } = attributes
    if (!isFor(attributes, '', 'pods')) return
    if (operation === 'UPDATE') {
      return subresource === 'ephemeralcontainers' ? this.#validateEphemeralContainers(attributes) : undefined
    }
    if (subresource === '') return this.#validatePod(attributes)
  }

  async #admitPod(attributes: AdmissionAttributes): Promise<void> {
    const pod = podOf(attributes)
    if (isMirror(pod)) return await this.#validatePod(attributes)
    const spec = pod.spec!
    if (!spec.serviceAccountName) {
      spec.serviceAccountName = DEFAULT_ACCOUNT
      spec.serviceAccount = DEFAULT_ACCOUNT
    }
    const account = await this.#account(attributes, spec.serviceAccountName)
    if (spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(pod)
    const pullSecrets = account.imagePullSecrets ?? []
    if (!spec.imagePullSecrets?.length && pullSecrets.length > 0) {
      spec.imagePullSecrets = pullSecrets.map(({ name }) => (name === undefined ? {} : { name }))
    }
    checkReferences(attributes, account, pod)
  }

  async #validatePod(attributes: AdmissionAttributes): Promise<void> {
    const pod = podOf(attributes)
    if (isMirror(pod)) return checkMirror(attributes, pod)
    checkReferences(attributes, await this.#account(attributes, pod.spec?.serviceAccountName), pod)
  }

  async #validateEphemeralContainers(attributes: AdmissionAttributes): Promise<void> {
    const pod = podOf(attributes)
    const account = await this.#account(attributes, pod.spec?.serviceAccountName)
    if (!enforcesMountableSecrets(account)) return
    const problem = ephemeralSecretReferenceProblem(account, pod)
    if (problem) throw unknownError(problem)
  }

  /** Errors: 403 where the pod names no account, or one that does not exist. */
  async #account(attributes: AdmissionAttributes, name: string | undefined): Promise<ServiceAccount> {
    const { namespace, object } = attributes
    if (!name)
      throw refused(attributes, `no service account specified for pod ${namespace}/${object?.metadata.name ?? ''}`)
    const retryMs = MIN_RETRY_MS + Math.floor(Math.random() * (MAX_RETRY_MS - MIN_RETRY_MS))
    const attempts = name === DEFAULT_ACCOUNT ? DEFAULT_ACCOUNT_ATTEMPTS : 1
    for (let attempt = 1; ; attempt++) {
      const found = await this.#reader.get('', 'serviceaccounts', namespace, name)
      if (found) return found as unknown as ServiceAccount
      if (attempt === attempts) throw refused(attributes, lookupFailure(namespace, name))
      await new Promise<void>((resolve) => this.#clock.setTimer(resolve, retryMs))
    }
  }
}

function lookupFailure(namespace: string, name: string): string {
  const message = unaskableName(name) ?? notFound({ group: '', resource: 'serviceaccount' }, name).message
  return `error looking up service account ${namespace}/${name}: ${message}`
}

function podOf({ object }: AdmissionAttributes): Pod {
  const pod = object as unknown as Pod
  pod.spec ??= { containers: [] }
  return pod
}

const isMirror = (pod: Pod): boolean => pod.metadata.annotations?.[MIRROR_ANNOTATION] !== undefined

function checkReferences(attributes: AdmissionAttributes, account: ServiceAccount, pod: Pod): void {
  if (!enforcesMountableSecrets(account)) return
  const problem = secretReferenceProblem(account, pod)
  if (problem) throw refused(attributes, problem)
}

/** A mirror pod shows what a node runs by itself: it may use nothing of the API. */
function checkMirror(attributes: AdmissionAttributes, pod: Pod): void {
  const spec = pod.spec!
  if (spec.serviceAccountName) throw refused(attributes, 'a mirror pod may not reference service accounts')
  if (podSecretNames(pod).length > 0) throw refused(attributes, 'a mirror pod may not reference secrets')
  const projects = spec.volumes?.some((v) => v.projected?.sources?.some((s) => s.serviceAccountToken))
  if (projects) throw refused(attributes, 'a mirror pod may not use ServiceAccountToken volume projections')
}
