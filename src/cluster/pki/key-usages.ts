/** Usages of the certificates API as the bits of KeyUsage (RFC 5280 4.2.1.3), the first one the highest of two bytes. */
const KEY_USAGES: ReadonlyMap<string, number> = new Map([
  ['signing', 0x8000],
  ['digital signature', 0x8000],
  ['content commitment', 0x4000],
  ['key encipherment', 0x2000],
  ['data encipherment', 0x1000],
  ['key agreement', 0x0800],
  ['cert sign', 0x0400],
  ['crl sign', 0x0200],
  ['encipher only', 0x0100],
  ['decipher only', 0x0080],
])

/** Usages as object identifiers of ExtendedKeyUsage (RFC 5280 4.2.1.12), in the order in which Go writes them. */
const EXTENDED_KEY_USAGES: ReadonlyMap<string, string> = new Map([
  ['any', '2.5.29.37.0'],
  ['server auth', '1.3.6.1.5.5.7.3.1'],
  ['client auth', '1.3.6.1.5.5.7.3.2'],
  ['code signing', '1.3.6.1.5.5.7.3.3'],
  ['email protection', '1.3.6.1.5.5.7.3.4'],
  ['s/mime', '1.3.6.1.5.5.7.3.4'],
  ['ipsec end system', '1.3.6.1.5.5.7.3.5'],
  ['ipsec tunnel', '1.3.6.1.5.5.7.3.6'],
  ['ipsec user', '1.3.6.1.5.5.7.3.7'],
  ['timestamping', '1.3.6.1.5.5.7.3.8'],
  ['ocsp signing', '1.3.6.1.5.5.7.3.9'],
  ['microsoft sgc', '1.3.6.1.4.1.311.10.3.3'],
  ['netscape sgc', '2.16.840.1.113730.4.1'],
])

/**
 * What a certificate says of usages. Errors: usages that nobody knows.
 *
 * @see kubernetes pkg/controller/certificates/authority/policies.go keyUsagesFromStrings
 */
export function keyUsagesOf(usages: readonly string[]): {
  readonly bits: number
  readonly extended: readonly string[]
} {
  const unknown = usages.filter((usage) => !KEY_USAGES.has(usage) && !EXTENDED_KEY_USAGES.has(usage))
  if (unknown.length > 0) {
    throw new Error(`unrecognized usage values: [${unknown.map((usage) => JSON.stringify(usage)).join(' ')}]`)
  }
  const wanted = new Set(usages.map((usage) => EXTENDED_KEY_USAGES.get(usage)))
  return {
    bits: usages.reduce((bits, usage) => bits | (KEY_USAGES.get(usage) ?? 0), 0),
    extended: [...new Set(EXTENDED_KEY_USAGES.values())].filter((oid) => wanted.has(oid)),
  }
}
