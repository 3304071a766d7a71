import './reflect-metadata.ts'

export type X509Library = typeof import('@peculiar/x509')

let library: Promise<X509Library> | undefined

/** @peculiar/x509, loaded when a certificate is first made or taken apart: most runs of the library need neither. */
export function x509Library(): Promise<X509Library> {
  library ??= import('@peculiar/x509')
  return library
}
