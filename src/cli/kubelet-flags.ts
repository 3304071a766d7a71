import type { Command } from 'commander'
import type { KubeletClientOptions } from '../cluster/server-options.ts'
import { durationMs } from './duration.ts'

/** Flags about kubelets as commander hands them over. */
export interface KubeletFlags {
  kubeletClientCertificate?: string
  kubeletClientKey?: string
  kubeletCertificateAuthority?: string
  kubeletPreferredAddressTypes: string
  kubeletTimeout: string
}

/** Adds kube-apiserver's own flags of how kubelets are reached. */
export function addKubeletFlags<C extends Command>(command: C): C {
  return command
    .option('--kubelet-client-certificate <file>', 'certificate to show kubelets; none: one of the cluster')
    .option('--kubelet-client-key <file>', 'key of that certificate')
    .option(
      '--kubelet-certificate-authority <file>',
      'certificates to verify kubelets with; none: they are not verified',
    )
    .option(
      '--kubelet-preferred-address-types <types>',
      'addresses of nodes, the best first',
      'Hostname,InternalDNS,InternalIP,ExternalDNS,ExternalIP',
    )
    .option('--kubelet-timeout <duration>', 'longest wait for a connection to a kubelet', '5s')
}

export function kubeletOptionsOf(flags: KubeletFlags): KubeletClientOptions {
  return {
    clientCertificateFile: flags.kubeletClientCertificate,
    clientKeyFile: flags.kubeletClientKey,
    certificateAuthorityFile: flags.kubeletCertificateAuthority,
    preferredAddressTypes: flags.kubeletPreferredAddressTypes.split(','),
    timeoutMs: durationMs(flags.kubeletTimeout),
  }
}
