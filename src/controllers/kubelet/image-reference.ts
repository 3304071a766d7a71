import { createHash } from 'node:crypto'

/** Names as containerd completes them: `nginx` is `docker.io/library/nginx:latest`. */
export function fullImageName(image: string): string {
  const at = image.indexOf('@')
  const name = at < 0 ? image : image.slice(0, at)
  const digest = at < 0 ? '' : image.slice(at)
  const slash = name.indexOf('/')
  const first = slash < 0 ? '' : name.slice(0, slash)
  const isHost = first.includes('.') || first.includes(':') || first === 'localhost'
  const full = isHost ? name : slash < 0 ? `docker.io/library/${name}` : `docker.io/${name}`
  const hasTag = full.lastIndexOf(':') > full.lastIndexOf('/')
  return `${full}${hasTag || digest ? '' : ':latest'}${digest}`
}

/** Bounded: cleared when full. */
const IDS: Map<string, string> = new Map()
const MAX_IDS = 1024

/** A made-up digest of an image, always the same for the same name. */
export function imageId(image: string): string {
  let id = IDS.get(image)
  if (id === undefined) {
    const full = fullImageName(image)
    const at = full.indexOf('@')
    if (at >= 0) id = full
    else {
      const repository = full.slice(0, full.lastIndexOf(':'))
      id = `${repository}@sha256:${createHash('sha256').update(full).digest('hex')}`
    }
    if (IDS.size >= MAX_IDS) IDS.clear()
    IDS.set(image, id)
  }
  return id
}

/** Bytes of an image, made up of its name: 20 to 120 MB. */
export function imageSize(image: string): number {
  return 20_000_000 + (Number.parseInt(imageId(image).slice(-7), 16) % 100_000_000)
}
