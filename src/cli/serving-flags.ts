import type { Command } from 'commander'
import type { ComponentServing } from '../cluster/component-server.ts'
import { durationMs } from './duration.ts'
import {
  addRequestHeaderFlags,
  joined,
  listOf,
  type RequestHeaderFlagValues,
  requestHeaderOf,
} from './request-header-flags.ts'
import { portNumber } from './whole-number.ts'

/** Flags of a component's own port as commander hands them over. */
export interface ServingFlags extends RequestHeaderFlagValues {
  bindAddress: string
  securePort: number
  tlsCertFile?: string
  tlsPrivateKeyFile?: string
  clientCaFile?: string
  authenticationSkipLookup: boolean
  authenticationTokenWebhookCacheTtl: string
  authorizationAlwaysAllowPaths?: string
  authorizationWebhookCacheAuthorizedTtl: string
  authorizationWebhookCacheUnauthorizedTtl: string
}

const OPEN_PATHS = '/healthz,/readyz,/livez'
/** Headers of front proxies whose names are not given. */
const PROXY_HEADERS = {
  usernameHeaders: ['x-remote-user'],
  groupHeaders: ['x-remote-group'],
  extraHeaderPrefixes: ['x-remote-extra-'],
}

/** Adds the flags that Kubernetes' own components have for the port of their health and metrics. */
export function addServingFlags<C extends Command>(command: C, port: number): C {
  command
    .option('--bind-address <address>', 'where health and metrics are served', '0.0.0.0')
    .option('--secure-port <port>', 'and on which port, over TLS; 0: nowhere', portNumber, port)
    .option('--tls-cert-file <file>', 'certificate of that port; default: one of its own')
    .option('--tls-private-key-file <file>', 'its key')
    .option('--client-ca-file <file>', 'whose client certificates count there; none: as the API server publishes')
    .option('--authentication-skip-lookup [bool]', 'leave alone what the API server publishes', false)
    .option('--authentication-token-webhook-cache-ttl <duration>', 'how long a known token counts', '10s')
    .option('--authorization-always-allow-paths <paths>', `paths for everybody; default: ${OPEN_PATHS}`, joined)
    .option('--authorization-webhook-cache-authorized-ttl <duration>', 'how long a permission counts', '10s')
    .option('--authorization-webhook-cache-unauthorized-ttl <duration>', 'how long a refusal counts', '10s')
  return addRequestHeaderFlags(command)
}

/** Undefined where nothing is to be served. */
export function servingOf(flags: ServingFlags): ComponentServing | undefined {
  const { bindAddress, securePort, tlsCertFile, tlsPrivateKeyFile } = flags
  if (securePort === 0) return undefined
  const proxies = requestHeaderOf(flags)
  return {
    bindAddress,
    port: securePort,
    tlsCertFile,
    tlsPrivateKeyFile,
    auth: {
      clientCaFile: flags.clientCaFile,
      requestHeader: proxies && {
        ...proxies,
        usernameHeaders: orElse(proxies.usernameHeaders, PROXY_HEADERS.usernameHeaders),
        groupHeaders: orElse(proxies.groupHeaders, PROXY_HEADERS.groupHeaders),
        extraHeaderPrefixes: orElse(proxies.extraHeaderPrefixes, PROXY_HEADERS.extraHeaderPrefixes),
      },
      skipLookup: flags.authenticationSkipLookup,
      alwaysAllowPaths: listOf(flags.authorizationAlwaysAllowPaths ?? OPEN_PATHS),
      tokenTtlMs: durationMs(flags.authenticationTokenWebhookCacheTtl),
      authorizedTtlMs: durationMs(flags.authorizationWebhookCacheAuthorizedTtl),
      unauthorizedTtlMs: durationMs(flags.authorizationWebhookCacheUnauthorizedTtl),
    },
  }
}

const orElse = (given: readonly string[], usual: readonly string[]): readonly string[] =>
  given.length > 0 ? given : usual
