const DOMAIN_COMPONENT = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])'
const DOMAIN = `(?:${DOMAIN_COMPONENT}(?:\\.${DOMAIN_COMPONENT})*|\\[(?:[a-fA-F0-9:]+)\\])(?::[0-9]+)?`
const PATH_COMPONENT = '[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*'
const NAME = `(?:${DOMAIN}/)?${PATH_COMPONENT}(?:/${PATH_COMPONENT})*`
const REFERENCE = new RegExp(
  `^(${NAME})(?::([\\w][\\w.-]{0,127}))?(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$`,
)
const ANCHORED_IDENTIFIER = /^[a-f0-9]{64}$/
const DIGEST_LENGTHS: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 }
const NAME_TOTAL_LENGTH_MAX = 255

/**
 * Tag of an image reference: `latest` where it has neither tag nor digest, '' where it has a digest only or is no valid
 * reference.
 *
 * @see kubernetes pkg/util/parsers/parsers.go, github.com/distribution/reference
 */
export function imageTag(image: string): string {
  if (image.length > NAME_TOTAL_LENGTH_MAX * 4 || ANCHORED_IDENTIFIER.test(image)) return ''
  const normalized = withDomain(image)
  const remote = normalized.name.split(':')[0]!.split('@')[0]!
  if (remote !== remote.toLowerCase()) return ''
  const match = REFERENCE.exec(`${normalized.domain}/${normalized.name}`)
  if (!match) return ''
  const [, name, tag, digest] = match
  if (name!.length > NAME_TOTAL_LENGTH_MAX || (digest !== undefined && !isDigest(digest))) return ''
  if (tag === undefined && digest === undefined) return 'latest'
  return tag ?? ''
}

function isDigest(digest: string): boolean {
  const [algorithm, hex] = digest.split(':') as [string, string]
  return DIGEST_LENGTHS[algorithm] === hex.length && /^[a-f0-9]+$/.test(hex)
}

/** The registry that a reference names, docker.io where it names none. */
function withDomain(image: string): { domain: string; name: string } {
  const slash = image.indexOf('/')
  const head = slash < 0 ? '' : image.slice(0, slash)
  const isDomain = slash >= 0 && (/[.:]/.test(head) || head === 'localhost' || head.toLowerCase() !== head)
  if (!isDomain) return { domain: 'docker.io', name: slash < 0 ? `library/${image}` : image }
  const rest = image.slice(slash + 1)
  if (head !== 'index.docker.io' && head !== 'docker.io') return { domain: head, name: rest }
  return { domain: 'docker.io', name: rest.includes('/') ? rest : `library/${rest}` }
}
