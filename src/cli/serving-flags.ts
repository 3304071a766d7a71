import type { Command } from 'commander'
import type { ComponentServing } from '../cluster/component-server.ts'
import { portNumber } from './whole-number.ts'

/** Flags of a component's own port as commander hands them over. */
export interface ServingFlags {
  bindAddress: string
  securePort: number
  tlsCertFile?: string
  tlsPrivateKeyFile?: string
}

/** Adds the flags that Kubernetes' own components have for the port of their health and metrics. */
export function addServingFlags<C extends Command>(command: C, port: number): C {
  return command
    .option('--bind-address <address>', 'where health and metrics are served', '0.0.0.0')
    .option('--secure-port <port>', 'and on which port, over TLS; 0: nowhere', portNumber, port)
    .option('--tls-cert-file <file>', 'certificate of that port; default: one of its own')
    .option('--tls-private-key-file <file>', 'its key')
}

/** Undefined where nothing is to be served. */
export function servingOf({ bindAddress, securePort, tlsCertFile, tlsPrivateKeyFile }: ServingFlags) {
  const serving: ComponentServing = { bindAddress, port: securePort, tlsCertFile, tlsPrivateKeyFile }
  return securePort === 0 ? undefined : serving
}
