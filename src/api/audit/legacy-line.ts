import { goQuote } from '../../apimachinery/go-quote.ts'
import type { AuditEvent } from './audit-event.ts'

interface Shown {
  readonly username?: string
  readonly groups?: readonly string[]
}

/**
 * An event as one line of text, with a part of what it says (`--audit-log-format=legacy`).
 *
 * @see apiserver pkg/audit/format.go
 */
export function legacyLine(event: AuditEvent): string {
  const { user, impersonatedUser, objectRef, responseStatus, sourceIPs, userAgent } = event as unknown as {
    readonly user: Shown
    readonly impersonatedUser?: Shown
    readonly objectRef?: { readonly namespace?: string }
    readonly responseStatus?: { readonly code?: number }
    readonly sourceIPs?: readonly string[]
    readonly userAgent?: string
  }
  const listed = (groups: readonly string[]): string => groups.map(goQuote).join(',')
  const fields: readonly (readonly [string, unknown])[] = [
    ['id', event['auditID']],
    ['stage', event.stage],
    ['ip', sourceIPs?.[0] ?? '<unknown>'],
    ['method', event['verb']],
    ['user', user.username ?? '<none>'],
    ['groups', user.username && user.groups?.length ? listed(user.groups) : '<none>'],
    ['as', impersonatedUser ? (impersonatedUser.username ?? '') : '<self>'],
    ['asgroups', impersonatedUser?.groups ? listed(impersonatedUser.groups) : '<lookup>'],
    ['user-agent', userAgent ?? ''],
    ['namespace', objectRef?.namespace ?? '<none>'],
    ['uri', event['requestURI']],
    ['response', responseStatus ? String(responseStatus.code ?? 0) : '<deferred>'],
  ]
  const text = fields.map(([name, value]) => `${name}=${goQuote(String(value))}`).join(' ')
  return `${rfc3339Nano(String(event['requestReceivedTimestamp']))} AUDIT: ${text}`
}

/** Go's RFC3339Nano has no zeros at the end of the fraction. */
const rfc3339Nano = (time: string): string => time.replace(/\.?0*Z$/, 'Z')
