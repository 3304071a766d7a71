import type { AdmissionAttributes, AdmissionPlugin } from '../admission.ts'
import { refused } from '../refusal.ts'

/** Lets everything through. */
export const alwaysAdmit: AdmissionPlugin = {
  name: 'AlwaysAdmit',
  handles: () => true,
  admit() {},
  validate() {},
}

function deny(attributes: AdmissionAttributes): never {
  throw refused(attributes, 'admission control is denying all modifications')
}

/** Lets nothing through. */
export const alwaysDeny: AdmissionPlugin = {
  name: 'AlwaysDeny',
  handles: () => true,
  admit: deny,
  validate: deny,
}
