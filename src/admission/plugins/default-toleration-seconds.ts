import type { Pod, Toleration } from '../../apimachinery/types/core-v1.ts'
import type { AdmissionPlugin } from '../admission.ts'
import { isForPods } from '../attribute-tests.ts'

const NOT_READY = 'node.kubernetes.io/not-ready'
const UNREACHABLE = 'node.kubernetes.io/unreachable'

export interface DefaultTolerationOptions {
  /** `--default-not-ready-toleration-seconds`; default 300. */
  readonly notReadySeconds?: number
  /** `--default-unreachable-toleration-seconds`; default 300. */
  readonly unreachableSeconds?: number
}

/**
 * Pods stay for a while on a node that is not ready or can't be reached, unless they say otherwise.
 *
 * @see kubernetes plugin/pkg/admission/defaulttolerationseconds/admission.go
 */
export function defaultTolerationSeconds(options: DefaultTolerationOptions = {}): AdmissionPlugin {
  const seconds: readonly (readonly [key: string, seconds: number])[] = [
    [NOT_READY, options.notReadySeconds ?? 300],
    [UNREACHABLE, options.unreachableSeconds ?? 300],
  ]
  return {
    name: 'DefaultTolerationSeconds',
    handles: (operation) => operation === 'CREATE' || operation === 'UPDATE',
    admit(attributes) {
      if (!isForPods(attributes)) return
      const { spec } = attributes.object as unknown as Pod
      if (!spec) return
      const given = spec.tolerations ?? []
      const missing = seconds.filter(([key]) => !given.some((t) => tolerates(t, key)))
      if (missing.length === 0) return
      const added = missing.map(([key, tolerationSeconds]) => {
        return { key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds }
      })
      spec.tolerations = [...given, ...added]
    },
  }
}

const tolerates = ({ key, effect }: Toleration, taint: string): boolean =>
  (!key || key === taint) && (!effect || effect === 'NoExecute')
