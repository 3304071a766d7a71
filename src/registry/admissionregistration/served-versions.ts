import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { VersionView } from '../resource.ts'

const GROUP = 'admissionregistration.k8s.io'

/** A version of a policy kind whose fields are those of v1. */
export function sameFieldsAsV1(version: string, defaults?: (object: KubeObject) => void): VersionView {
  return {
    version,
    ...(defaults ? { defaults } : {}),
    toHub: (object) => ({ ...object, apiVersion: `${GROUP}/v1` }),
    fromHub: (object) => ({ ...object, apiVersion: `${GROUP}/${version}` }),
  }
}
