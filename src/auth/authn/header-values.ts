/** Values of a header in the order in which they came, however many lines it stands on. `name` in lower case. */
export function headerValues(rawHeaders: readonly string[], name: string): string[] {
  const values: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    if (rawHeaders[i]!.toLowerCase() === name) values.push(utf8(rawHeaders[i + 1]!))
  return values
}

/**
 * Headers that begin with a prefix (lower case), as a map of what stands behind it: percent-decoded, in lower case.
 * What can't be decoded is taken as it is.
 */
export function headersWithPrefix(rawHeaders: readonly string[], prefix: string): Record<string, string[]> {
  const found: Record<string, string[]> = {}
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase()
    if (!name.startsWith(prefix)) continue
    const key = unescaped(name.slice(prefix.length))
    const values = Object.hasOwn(found, key) ? found[key]! : []
    values.push(utf8(rawHeaders[i + 1]!))
    Object.defineProperty(found, key, { value: values, enumerable: true, configurable: true, writable: true })
  }
  return found
}

/** Node reads the bytes of headers as Latin-1; clients and servers in Go write UTF-8. */
function utf8(value: string): string {
  return /^[\x20-\x7e]*$/.test(value) ? value : Buffer.from(value, 'latin1').toString('utf8')
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
