import { readFileSync } from 'node:fs'
import type { FastifyBaseLogger } from 'fastify'
import { openApiPath } from '../api/openapi-path.ts'
import { rootPaths } from '../api/root-paths.ts'
import { versionPath } from '../api/version.ts'
import { anonymousAuthenticator } from '../auth/authn/anonymous.ts'
import { AuthenticatedGroupAdder } from '../auth/authn/authenticated-group.ts'
import type { Authenticator } from '../auth/authn/authenticator.ts'
import { TokenFileAuthenticator } from '../auth/authn/token-file.ts'
import { UnionAuthenticator } from '../auth/authn/union.ts'
import { alwaysAllowAuthorizer, privilegedGroupAuthorizer } from '../auth/authz/always.ts'
import { UnionAuthorizer } from '../auth/authz/union.ts'
import { bootstrap } from './bootstrap/bootstrap.ts'
import { type ControlPlane, createControlPlane } from './control-plane.ts'
import { openStore } from './open-store.ts'
import type { ServerOptions } from './server-options.ts'
import { virtualHandlers } from './virtual-handlers.ts'

export interface RunningServer {
  readonly plane: ControlPlane
  readonly url: string
  close(): Promise<void>
}

/** Starts an API server as its options say and waits until it listens. */
export async function startServer(options: ServerOptions, logger: FastifyBaseLogger): Promise<RunningServer> {
  const store = await openStore(options.storage)
  const plane = createControlPlane({
    store,
    sharedStore: options.storage.kind === 'etcd',
    keyPrefix: options.keyPrefix,
    logger,
    config: {
      allowPrivileged: options.allowPrivileged,
      serviceClusterIpRanges: options.serviceClusterIpRanges,
      serviceNodePortRange: options.serviceNodePortRange,
      eventTtlSeconds: options.eventTtlSeconds,
      featureGates: options.featureGates,
    },
    authenticator: () => authenticatorOf(options),
    authorizer: () => new UnionAuthorizer([privilegedGroupAuthorizer, alwaysAllowAuthorizer]),
    impersonate: () => () => undefined,
    admission: () => [],
    virtual: ({ registry, clock }) => virtualHandlers(registry, clock),
    paths: (_parts, catalog) => [versionPath, openApiPath(catalog), rootPaths(catalog)],
  })
  await bootstrap(plane)
  const port = await plane.listen(options.bindAddress, options.insecurePort ?? 0)
  return { plane, url: `http://${options.bindAddress}:${port}`, close: () => plane.close() }
}

function authenticatorOf(options: ServerOptions): Authenticator {
  const mechanisms: Authenticator[] = []
  if (options.tokenAuthFile) mechanisms.push(new TokenFileAuthenticator(readFileSync(options.tokenAuthFile, 'utf8')))
  if (options.anonymousAuth) mechanisms.push(anonymousAuthenticator)
  return new AuthenticatedGroupAdder(new UnionAuthenticator(mechanisms))
}
