import type { AdmissionAttributes } from './admission.ts'

/** True where the request is for this resource, whatever its version and subresource. */
export function isFor({ resource }: AdmissionAttributes, group: string, name: string): boolean {
  return resource.resource === name && resource.group === group
}

/** True for a request to pods themselves. */
export function isForPods(attributes: AdmissionAttributes): boolean {
  return attributes.subresource === '' && isFor(attributes, '', 'pods')
}
