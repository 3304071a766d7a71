import type { Container, EphemeralContainer, Pod, ServiceAccount } from '../../../apimachinery/types/core-v1.ts'

const ENFORCE_ANNOTATION = 'kubernetes.io/enforce-mountable-secrets'
/** What Go's strconv.ParseBool takes for true. */
const TRUE: ReadonlySet<string> = new Set(['1', 't', 'T', 'true', 'TRUE', 'True'])

/** The account says that its pods may refer to no other secrets than it does. */
export function enforcesMountableSecrets({ metadata }: ServiceAccount): boolean {
  return TRUE.has(metadata.annotations?.[ENFORCE_ANNOTATION] ?? '')
}

/** Why a pod may not refer to what it does; undefined where it may. */
export function secretReferenceProblem(account: ServiceAccount, { spec }: Pod): string | undefined {
  const allowed = mountable(account)
  const name = account.metadata.name
  for (const { secret } of spec?.volumes ?? []) {
    if (!secret || allowed.has(secret.secretName ?? '')) continue
    return `volume with secret.secretName="${secret.secretName ?? ''}" is not allowed because service account ${name} does not reference that secret`
  }
  const problem =
    containerProblem(account, 'init container', spec?.initContainers) ??
    containerProblem(account, 'container', spec?.containers)
  if (problem) return problem
  const pullable = new Set((account.imagePullSecrets ?? []).map((s) => s.name))
  for (const [i, secret] of (spec?.imagePullSecrets ?? []).entries()) {
    if (pullable.has(secret.name)) continue
    return `imagePullSecrets[${i}].name="${secret.name ?? ''}" is not allowed because service account ${name} does not reference that imagePullSecret`
  }
  return undefined
}

/** {@link secretReferenceProblem} of ephemeral containers alone. */
export function ephemeralSecretReferenceProblem(account: ServiceAccount, { spec }: Pod): string | undefined {
  return containerProblem(account, 'ephemeral container', spec?.ephemeralContainers)
}

function containerProblem(
  account: ServiceAccount,
  what: string,
  containers: readonly (Container | EphemeralContainer)[] | undefined,
): string | undefined {
  const allowed = mountable(account)
  const behind = (secret: string) =>
    `referencing secret.secretName="${secret}" is not allowed because service account ${account.metadata.name} does not reference that secret`
  for (const { name, env = [], envFrom = [] } of containers ?? []) {
    for (const variable of env) {
      const reference = variable.valueFrom?.secretKeyRef
      if (!reference || allowed.has(reference.name ?? '')) continue
      return `${what} ${name} with envVar ${variable.name} ${behind(reference.name ?? '')}`
    }
    for (const { secretRef } of envFrom) {
      if (!secretRef || allowed.has(secretRef.name ?? '')) continue
      return `${what} ${name} with envFrom ${behind(secretRef.name ?? '')}`
    }
  }
  return undefined
}

const mountable = ({ secrets }: ServiceAccount): ReadonlySet<string> =>
  new Set((secrets ?? []).map((s) => s.name ?? ''))
