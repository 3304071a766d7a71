import { describe, expect, test } from 'vitest'
import { apiserverOptions } from './apiserver.ts'

const authOf = (...args: string[]) => apiserverOptions(['--memory', ...args]).auth
const auditOf = (...args: string[]) => apiserverOptions(['--memory', '--audit-policy-file=p.yaml', ...args]).audit

describe('flags of authentication and authorization', () => {
  test('upstream’s defaults', () => {
    expect(authOf()).toMatchObject({
      authorizationModes: ['AlwaysAllow'],
      anonymousAuth: true,
      bootstrapTokens: false,
      serviceAccounts: { extendExpiration: true, lookup: true, maxTokenSeconds: undefined },
      warnings: [],
    })
  })

  test('switches without a value are on, lists may be given item by item', () => {
    const auth = authOf(
      '--anonymous-auth',
      '--service-account-lookup=false',
      '--api-audiences=a,b',
      '--api-audiences=c',
      '--requestheader-client-ca-file=ca.crt',
      '--requestheader-username-headers=X-Remote-User',
      '--requestheader-username-headers=X-User',
      '--requestheader-uid-headers=x-remote-uid',
    )
    expect(auth).toMatchObject({
      anonymousAuth: true,
      apiAudiences: ['a', 'b', 'c'],
      serviceAccounts: { lookup: false },
      requestHeader: { usernameHeaders: ['X-Remote-User', 'X-User'], uidHeaders: ['x-remote-uid'] },
      warnings: [],
    })
  })

  test.each([
    [['--authentication-config=f'], 'not supported'],
    [['--authorization-config=f'], 'not supported'],
    [['--service-account-signing-endpoint=@s'], 'not supported'],
    [['--service-account-issuer=a', '--service-account-issuer=a'], 'service-account-issuer "a" is already specified'],
    [['--service-account-issuer='], 'service-account-issuer should not be an empty string'],
    [['--service-account-issuer=https://a b:c'], "contained a ':' but was not a valid URL"],
    [['--service-account-jwks-uri=http://a/keys'], 'requires https scheme'],
    [['--service-account-max-token-expiration=59m'], 'must be between 1 hour and 2^32 seconds'],
    [['--oidc-issuer-url=https://i'], 'must be specified together when any oidc-* flags are set'],
    [['--oidc-groups-claim=groups'], 'must be specified together when any oidc-* flags are set'],
    [['--requestheader-allowed-names=a,,b'], 'empty value in "requestheader-allowed-names"'],
    [['--requestheader-uid-headers=X-Uid'], 'without specifying the standard X-Remote-Uid header'],
    [['--authorization-mode=RBAC,RBAC'], 'has mode specified more than once'],
    [['--authorization-mode=Nobody'], 'authorization-mode "Nobody" is not a valid mode'],
    [['--authorization-mode=ABAC'], "authorization-mode ABAC's authorization policy file not passed"],
    [['--authorization-policy-file=f'], 'cannot specify --authorization-policy-file without mode ABAC'],
  ])('%j: %s', (args, message) => {
    expect(() => authOf(...args)).toThrow(message)
  })

  test('what upstream warns of', () => {
    expect(authOf('--requestheader-group-headers=X-Groups').warnings).toEqual([
      '--requestheader-group-headers is set without specifying the standard X-Remote-Group header - API aggregation will not work',
    ])
    expect(authOf('--service-account-max-token-expiration=1h').warnings).toHaveLength(2)
    const off = ['--service-account-max-token-expiration=1h', '--service-account-extend-token-expiration=false']
    expect(authOf(...off).warnings).toEqual([])
  })
})

describe('flags of the audit', () => {
  test('upstream’s defaults', () => {
    expect(auditOf('--audit-log-path=-', '--audit-webhook-config-file=w')).toMatchObject({
      log: {
        format: 'json',
        maxBytes: 100 * 1024 * 1024,
        maxBackups: 100,
        maxAgeMs: 366 * 86_400_000,
        isStrict: false,
        maxEventBytes: undefined,
      },
      webhook: {
        maxBatchSize: 400,
        maxBatchWaitMs: 30_000,
        maxBuffered: 10_000,
        throttle: { perSecond: 10, burst: 15 },
        initialBackoffMs: 10_000,
        isStrict: false,
      },
      warnings: [],
    })
    expect(auditOf()).toBeUndefined()
  })

  test('modes and truncation', () => {
    const audit = auditOf(
      '--audit-log-path=-',
      '--audit-log-maxsize=0',
      '--audit-log-mode=blocking-strict',
      '--audit-log-truncate-enabled',
      '--audit-log-batch-max-size=5',
      '--audit-webhook-config-file=w',
      '--audit-webhook-mode=blocking',
      '--audit-webhook-truncate-enabled=true',
      '--audit-webhook-truncate-max-event-size=1000',
    )
    expect(audit).toMatchObject({
      log: { maxBytes: Number.POSITIVE_INFINITY, isStrict: true, maxEventBytes: 102_400 },
      webhook: { maxBatchSize: 1, throttle: undefined, maxEventBytes: 1000 },
    })
    expect(audit?.warnings).toHaveLength(1)
  })

  test.each([
    [['--audit-log-mode=never'], 'invalid audit log mode never, allowed modes are "batch,blocking,blocking-strict"'],
    [['--audit-log-format=xml'], 'invalid audit log format xml, allowed formats are "legacy,json"'],
    [['--audit-log-version=audit.k8s.io/v1beta1'], 'invalid group version'],
    [['--audit-log-maxage=-1'], "--audit-log-maxage -1 can't be a negative number"],
    [['--audit-log-truncate-max-event-size=0'], 'max event size 0, must be a positive number'],
    [['--audit-log-truncate-max-batch-size=10'], 'must be greater than max event size'],
    [['--audit-log-mode=batch', '--audit-log-batch-buffer-size=0'], 'buffer size 0, must be a positive number'],
  ])('%j: %s', (args, message) => {
    expect(() => auditOf('--audit-log-path=-', ...args)).toThrow(message)
  })
})
