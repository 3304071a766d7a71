import { aggregateMessage, unknownError } from '../../apimachinery/api-error.ts'
import { type FieldError, fieldErrorMessage, notSupported } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import type { Pod } from '../../apimachinery/types/core-v1.ts'
import { allContainers, visitContainersWithPath } from '../../registry/core/pod/pod-containers.ts'
import type { AdmissionAttributes, AdmissionPlugin } from '../admission.ts'
import { isForPods } from '../attribute-tests.ts'
import { refused } from '../refusal.ts'

const ALWAYS = 'Always'
const SPEC = FieldPath.of('spec')

/**
 * Nobody runs an image without the credentials to pull it: each pod pulls it again.
 *
 * @see kubernetes plugin/pkg/admission/alwayspullimages/admission.go
 */
export const alwaysPullImages: AdmissionPlugin = {
  name: 'AlwaysPullImages',
  handles: (operation) => operation === 'CREATE' || operation === 'UPDATE',
  admit(attributes) {
    if (!concerns(attributes)) return
    const { spec } = attributes.object as unknown as Pod
    if (!spec) return
    const pulling = <T extends object>(c: T): T => ({ ...c, imagePullPolicy: ALWAYS })
    spec.containers = (spec.containers ?? []).map(pulling)
    if (spec.initContainers) spec.initContainers = spec.initContainers.map(pulling)
    if (spec.ephemeralContainers) spec.ephemeralContainers = spec.ephemeralContainers.map(pulling)
    spec.volumes = spec.volumes?.map((v) => (v.image ? { ...v, image: { ...v.image, pullPolicy: ALWAYS } } : v))
    if (!spec.volumes) delete spec.volumes
  },
  validate(attributes) {
    if (!concerns(attributes)) return
    const errors = pullPolicyErrors(attributes.object as unknown as Pod)
    if (errors.length === 0) return
    // Upstream answers an aggregate of refusals, which is no Status of its own.
    throw unknownError(aggregateMessage(errors.map((e) => refused(attributes, fieldErrorMessage(e)).message)))
  },
}

function pullPolicyErrors({ spec }: Pod): FieldError[] {
  const errors: FieldError[] = []
  if (!spec) return errors
  const check = (path: FieldPath, policy = ''): void => {
    if (policy !== ALWAYS) errors.push(notSupported(path, policy, [ALWAYS]))
  }
  visitContainersWithPath(spec, SPEC, (c, path) => check(path.child('imagePullPolicy'), c.imagePullPolicy))
  for (const [i, { image }] of (spec.volumes ?? []).entries()) {
    if (image) check(SPEC.child('volumes').index(i).child('image', 'pullPolicy'), image.pullPolicy)
  }
  return errors
}

/** New pods, and those that get an image that they did not have. */
function concerns(attributes: AdmissionAttributes): boolean {
  if (!isForPods(attributes)) return false
  if (attributes.operation !== 'UPDATE') return true
  const images = (pod: Pod): string[] => [...allContainers(pod.spec!)].map((c) => c.image ?? '')
  const old = new Set(images(attributes.oldObject as unknown as Pod))
  return images(attributes.object as unknown as Pod).some((image) => !old.has(image))
}
