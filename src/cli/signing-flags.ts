import type { Command } from 'commander'
import type { ControllerManagerProcessOptions } from '../cluster/controller-manager-process.ts'
import { durationMs } from './duration.ts'

/** Flags of whose certificate requests are signed, as commander hands them over. */
export interface SigningFlags {
  clusterSigningCertFile?: string
  clusterSigningKeyFile?: string
  clusterSigningKubeletServingCertFile?: string
  clusterSigningKubeletServingKeyFile?: string
  clusterSigningKubeletClientCertFile?: string
  clusterSigningKubeletClientKeyFile?: string
  clusterSigningKubeApiserverClientCertFile?: string
  clusterSigningKubeApiserverClientKeyFile?: string
  clusterSigningLegacyUnknownCertFile?: string
  clusterSigningLegacyUnknownKeyFile?: string
  clusterSigningDuration: string
}

/** Adds kube-controller-manager's own flags of signing. */
export function addSigningFlags<C extends Command>(command: C): C {
  return command
    .option('--cluster-signing-cert-file <file>', 'authority that signs certificate requests')
    .option('--cluster-signing-key-file <file>', 'its key')
    .option('--cluster-signing-kubelet-serving-cert-file <file>', 'the same for kubernetes.io/kubelet-serving alone')
    .option('--cluster-signing-kubelet-serving-key-file <file>', 'its key')
    .option(
      '--cluster-signing-kubelet-client-cert-file <file>',
      'the same for kubernetes.io/kube-apiserver-client-kubelet alone',
    )
    .option('--cluster-signing-kubelet-client-key-file <file>', 'its key')
    .option(
      '--cluster-signing-kube-apiserver-client-cert-file <file>',
      'the same for kubernetes.io/kube-apiserver-client alone',
    )
    .option('--cluster-signing-kube-apiserver-client-key-file <file>', 'its key')
    .option('--cluster-signing-legacy-unknown-cert-file <file>', 'the same for kubernetes.io/legacy-unknown alone')
    .option('--cluster-signing-legacy-unknown-key-file <file>', 'its key')
    .option('--cluster-signing-duration <duration>', 'longest life of certificates that are signed', '8760h')
}

export function signingOf(flags: SigningFlags): ControllerManagerProcessOptions['signing'] {
  return {
    all: { certFile: flags.clusterSigningCertFile, keyFile: flags.clusterSigningKeyFile },
    kubeletServing: {
      certFile: flags.clusterSigningKubeletServingCertFile,
      keyFile: flags.clusterSigningKubeletServingKeyFile,
    },
    kubeletClient: {
      certFile: flags.clusterSigningKubeletClientCertFile,
      keyFile: flags.clusterSigningKubeletClientKeyFile,
    },
    apiserverClient: {
      certFile: flags.clusterSigningKubeApiserverClientCertFile,
      keyFile: flags.clusterSigningKubeApiserverClientKeyFile,
    },
    legacyUnknown: {
      certFile: flags.clusterSigningLegacyUnknownCertFile,
      keyFile: flags.clusterSigningLegacyUnknownKeyFile,
    },
    durationMs: durationMs(flags.clusterSigningDuration),
  }
}
