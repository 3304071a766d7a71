import './reflect-metadata.ts'

type X509Library = typeof import('@peculiar/x509')

let library: Promise<X509Library> | undefined

/** @peculiar/x509, loaded when a certificate request first comes: to load it takes longer than to start a cluster. */
export function x509Library(): Promise<X509Library> {
  library ??= load()
  return library
}

/** Its exports lie one level deeper where it is loaded in its CommonJS form. */
async function load(): Promise<X509Library> {
  const module: X509Library & { readonly default?: X509Library } = await import('@peculiar/x509')
  return module.default ?? module
}
