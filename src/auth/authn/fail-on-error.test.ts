import { describe, expect, test } from 'vitest'
import { anonymousAuthenticator } from './anonymous.ts'
import { AuthenticatedGroupAdder } from './authenticated-group.ts'
import { AuthenticationError, type AuthenticationRequest } from './authenticator.ts'
import { BasicAuthenticator } from './basic.ts'
import { BearerTokenAuthenticator } from './bearer-token.ts'
import { FailOnErrorAuthenticator } from './fail-on-error.ts'
import { AudienceAgnosticToken, TokenUnion } from './token-authenticator.ts'
import { TokenFileAuthenticator } from './token-file.ts'
import { UnionAuthenticator } from './union.ts'
import { WebSocketTokenAuthenticator } from './websocket-token.ts'

const AUDIENCES = ['https://kubernetes.default.svc']
const tokens = new TokenUnion([
  new AudienceAgnosticToken(new TokenFileAuthenticator('t-jane,jane,u1,"dev,qa"\nt-bob,bob,u2\n'), AUDIENCES),
])
const chain = new FailOnErrorAuthenticator([
  new AuthenticatedGroupAdder(
    new UnionAuthenticator([
      new BasicAuthenticator('secret,jane,u1,"dev"'),
      new BearerTokenAuthenticator(tokens, AUDIENCES),
      new WebSocketTokenAuthenticator(tokens, AUDIENCES),
    ]),
  ),
  anonymousAuthenticator,
])

function request(headers: AuthenticationRequest['headers']): AuthenticationRequest {
  return { headers, rawHeaders: [], peerCertificate: undefined, peerIntermediates: [], peerAuthorized: false }
}

/** As a promise, whether there was anything to wait for or not. */
async function authenticate(headers: AuthenticationRequest['headers']): Promise<string | undefined> {
  return (await chain.authenticate(request(headers)))?.user.name
}

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`
const protocol = (token: string): string =>
  `base64url.bearer.authorization.k8s.io.${Buffer.from(token).toString('base64url')}`

describe('the chain of authenticators', () => {
  test.each<[string, AuthenticationRequest['headers'], string, string[]]>([
    ['a token', { authorization: 'Bearer t-jane' }, 'jane', ['dev', 'qa', 'system:authenticated']],
    ['a token, scheme in lower case', { authorization: 'bearer t-bob' }, 'bob', ['system:authenticated']],
    ['a password', { authorization: basic('jane:secret') }, 'jane', ['dev', 'system:authenticated']],
    ['nothing', {}, 'system:anonymous', ['system:unauthenticated']],
    ['a scheme that nobody knows', { authorization: 'Negotiate x' }, 'system:anonymous', ['system:unauthenticated']],
    ['an empty token', { authorization: 'Bearer ' }, 'system:anonymous', ['system:unauthenticated']],
  ])('%s', async (_, headers, name, groups) => {
    const answer = await chain.authenticate(request(headers))
    expect(answer?.user).toMatchObject({ name, groups })
  })

  test.each<[string, AuthenticationRequest['headers']]>([
    ['an unknown token', { authorization: 'Bearer nope' }],
    ['a token with another’s beginning', { authorization: 'Bearer t-jan' }],
    ['a wrong password', { authorization: basic('jane:wrong') }],
    ['an unknown user', { authorization: basic('eve:secret') }],
    ['the digest’s own password of nobody', { authorization: basic('eve:') }],
    ['no user name', { authorization: basic('secret') }],
  ])('%s is refused, not anonymous', async (_, headers) => {
    await expect(authenticate(headers)).rejects.toThrow(AuthenticationError)
  })

  const upgrade = { connection: 'keep-alive, Upgrade', upgrade: 'websocket' }

  test('a WebSocket’s token comes as a subprotocol, and goes no further', async () => {
    const headers = { ...upgrade, 'sec-websocket-protocol': `v4.channel.k8s.io, ${protocol('t-jane')}` }
    expect(await authenticate(headers)).toBe('jane')
    expect(headers['sec-websocket-protocol']).toBe('v4.channel.k8s.io')
  })

  test.each<[string, AuthenticationRequest['headers']]>([
    ['alone', { ...upgrade, 'sec-websocket-protocol': protocol('t-jane') }],
    ['twice', { ...upgrade, 'sec-websocket-protocol': `a,${protocol('t-jane')},${protocol('t-bob')}` }],
    ['padded', { ...upgrade, 'sec-websocket-protocol': `a,${protocol('t-jane')}==` }],
    ['of nobody', { ...upgrade, 'sec-websocket-protocol': `a,${protocol('nope')}` }],
  ])('a token %s in the subprotocols is refused', async (_, headers) => {
    await expect(authenticate(headers)).rejects.toThrow(AuthenticationError)
  })

  test('without the upgrade, the subprotocol is no credential', async () => {
    const headers = { 'sec-websocket-protocol': `a,${protocol('t-jane')}` }
    expect(await authenticate(headers)).toBe('system:anonymous')
  })
})
