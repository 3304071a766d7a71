import { isDNS1123Label } from '../../apimachinery/validation/names.ts'

/** Warns of a name that is no DNS label where pods will be named after it. */
export function podNameWarnings(name: string | undefined): string[] {
  const messages = isDNS1123Label(name ?? '')
  if (messages.length === 0) return []
  return [
    `metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [${messages.join(' ')}]`,
  ]
}
