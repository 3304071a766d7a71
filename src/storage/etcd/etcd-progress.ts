import type { Etcd3 } from 'etcd3'

/**
 * Whether servers of that version answer a progress request only behind the events before it. Older ones may name a
 * revision whose events are still to come (etcd issues 15220, 17507): upstream refuses them too
 * (storage/feature/feature_support_checker.go).
 */
export function canRequestProgress(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map(Number)
  if (major !== 3) return major > 3
  if (minor < 4) return false
  if (minor === 4) return patch >= 31
  return minor > 5 || patch >= 13
}

/**
 * Whether every endpoint can; undefined while one does not answer: then nobody knows. Asks each once, a cluster's
 * versions don't go back.
 */
export async function allCanRequestProgress(
  clients: readonly Etcd3[],
  callOptions: () => { readonly deadline: number },
): Promise<boolean | undefined> {
  const answers = await Promise.allSettled(clients.map((etcd) => etcd.maintenance.status(callOptions())))
  let isKnown = true
  for (const answer of answers) {
    if (answer.status === 'rejected') isKnown = false
    else if (!canRequestProgress(answer.value.version)) return false
  }
  return isKnown ? true : undefined
}
