import type { Ingress } from '../../apimachinery/types/networking-v1.ts'
import type { AdmissionPlugin } from '../admission.ts'
import { isFor } from '../attribute-tests.ts'
import type { ObjectReader } from '../object-reader.ts'
import { defaultClassName } from './default-class.ts'

const GROUP = 'networking.k8s.io'
const CLASS_ANNOTATION = 'kubernetes.io/ingress.class'
const DEFAULT_ANNOTATIONS = ['ingressclass.kubernetes.io/is-default-class']

/**
 * An ingress that names no class gets the default one, where there is one.
 *
 * @see kubernetes plugin/pkg/admission/network/defaultingressclass/admission.go
 */
export function defaultIngressClass(reader: ObjectReader): AdmissionPlugin {
  return {
    name: 'DefaultIngressClass',
    handles: (operation) => operation === 'CREATE',
    async admit(attributes) {
      if (attributes.subresource !== '' || !isFor(attributes, GROUP, 'ingresses')) return
      const ingress = attributes.object as unknown as Ingress
      if (ingress.spec?.ingressClassName !== undefined) return
      if (ingress.metadata.annotations?.[CLASS_ANNOTATION] !== undefined) return
      const name = defaultClassName(await reader.list(GROUP, 'ingressclasses'), DEFAULT_ANNOTATIONS)
      if (name !== undefined) ingress.spec = { ...ingress.spec, ingressClassName: name }
    },
  }
}
