const CANONICAL: ReadonlyMap<string, string> = new Map(
  Intl.supportedValuesOf('timeZone').map((zone) => [zone.toLowerCase(), zone]),
)

/**
 * Whether Go's time.LoadLocation finds the zone: IANA names, their aliases, UTC and Local. Names are case sensitive
 * there and not in ICU, so that a canonical name in another spelling is refused, and so is an alias in lower case.
 */
export function isTimeZone(name: string): boolean {
  if (name === '' || name === 'UTC' || name === 'Local') return true
  const canonical = CANONICAL.get(name.toLowerCase())
  if (canonical !== undefined) return canonical === name
  if (!/^[A-Z]/.test(name)) return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}
