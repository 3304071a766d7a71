import { FieldPath } from '../../apimachinery/field-path.ts'
import type { ServiceAccount } from '../../apimachinery/types/core-v1.ts'
import { validateServiceAccountName } from '../../apimachinery/validation/object-meta.ts'
import { defineResource } from '../resource.ts'
import { age, ageColumn, nameColumn } from '../table-cells.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from './core-object-meta.ts'

const METADATA = FieldPath.of('metadata')

/** Pods of the account may mount only the secrets that the account names. */
const ENFORCE_MOUNTABLE_SECRETS_ANNOTATION = 'kubernetes.io/enforce-mountable-secrets'

/** Of a reference to a secret only its name counts. */
function cleanSecretReferences(account: ServiceAccount): void {
  if (account.secrets) account.secrets = account.secrets.map(({ name }) => (name ? { name } : {}))
}

function warnings(account: ServiceAccount, old?: ServiceAccount): string[] {
  const key = ENFORCE_MOUNTABLE_SECRETS_ANNOTATION
  if (account.metadata.annotations?.[key] === undefined) return []
  if (old?.metadata.annotations?.[key] !== undefined) return []
  const advice = 'deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets'
  return [`metadata.annotations[${key}]: ${advice}`]
}

/** @see kubernetes pkg/registry/core/serviceaccount/strategy.go */
export const serviceAccounts = defineResource<ServiceAccount>({
  group: '',
  resource: 'serviceaccounts',
  hubVersion: 'v1',
  strategy: {
    prepareForCreate: cleanSecretReferences,
    validate: (account) => validateObjectMeta(account.metadata, true, validateServiceAccountName, METADATA),
    warningsOnCreate: (account) => warnings(account),
    prepareForUpdate: cleanSecretReferences,
    validateUpdate: (account, old) => [
      ...validateObjectMetaUpdate(account.metadata, old.metadata, METADATA),
      ...validateObjectMeta(account.metadata, true, validateServiceAccountName, METADATA),
    ],
    warningsOnUpdate: warnings,
  },
  deletion: { returnsObject: true },
  table: {
    columns: [nameColumn, ageColumn],
    cells: (account, now) => [account.metadata.name ?? '', age(account, now)],
  },
})
