/** A path from the root without empty, `.` and `..` segments: none leads above the root. @see Go's path.Clean */
export function cleanPath(path: string): string {
  const kept: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop()
    else if (segment !== '' && segment !== '.') kept.push(segment)
  }
  return `/${kept.join('/')}`
}

/** Two paths as one, with a slash at its end where the last one has it. @see apimachinery pkg/util/net/http.go */
export function joinPaths(base: string, path: string): string {
  const joined = cleanPath(`${base}/${path}`)
  return path.endsWith('/') && joined !== '/' ? `${joined}/` : joined
}

/** A path as Go writes it into a URL: what has a meaning there is escaped. */
export function escapePath(path: string): string {
  return encodeURI(path).replace(/[?#!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
}
