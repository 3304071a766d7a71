/** The port that a flag names. Throws where it is none. */
export function portOf(flag: string, text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
  throw new Error(`--${flag} takes a number from 0 to 65535, not "${text}"`)
}
