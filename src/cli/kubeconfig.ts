import { join } from 'node:path'
import { type KubeconfigEntry, kubeconfigText, writeKubeconfig } from '../cluster/kubeconfig/kubeconfig.ts'
import type { KeyPair } from '../cluster/pki/certificate-authority.ts'
import { ClusterPki } from '../cluster/pki/cluster-pki.ts'
import { openPkiDirectory } from '../cluster/pki/pki-files.ts'
import { failWith } from './failure.ts'
import { FlagCommand } from './flag-command.ts'

interface Flags {
  user?: string
  group: string[]
  uid?: string
  node?: string
  component?: string
  dataDir?: string
  certDir?: string
  server: string
  clusterName: string
  namespace?: string
  kubeconfig?: string
}

interface Identity {
  readonly user: string
  readonly groups: readonly string[]
  readonly uid?: string
}

/** `kubemu kubeconfig`: a client certificate of the cluster's CA, in a kubeconfig. */
export function kubeconfigCommand(): FlagCommand {
  const collect = (value: string, before: string[]): string[] => [...before, value]
  return new FlagCommand('kubeconfig')
    .description('Make a kubeconfig for a user, a node or a component of a cluster')
    .withExamples(EXAMPLES)
    .option('--user <name>', 'user to make a certificate for')
    .option('--group <name>', 'group of the user, may be repeated', collect, [])
    .option('--uid <uid>', 'uid of the user')
    .option('--node <name>', 'the kubelet of this node')
    .option('--component <name>', 'admin, controller-manager or scheduler')
    .option('--data-dir <dir>', "the cluster's data folder")
    .option('--cert-dir <dir>', 'folder of certificates, where it is not pki in the data folder')
    .option('--server <url>', 'URL of the API server', 'https://127.0.0.1:6443')
    .option('--cluster-name <name>', 'name of cluster and context', 'kubemu')
    .option('--namespace <name>', 'namespace of the context')
    .option('--kubeconfig <file>', 'file to merge it into; none: print it')
    .action(async (flags: Flags) => {
      await run(flags).catch(failWith)
    })
}

const EXAMPLES = `# A user of two groups
kubemu kubeconfig --user jane --group dev --group ops --data-dir data > jane.conf

# The administrator, merged into the kubeconfig of every kubectl
kubemu kubeconfig --component admin --data-dir data --kubeconfig ~/.kube/config`

async function run(flags: Flags): Promise<void> {
  const identity = identityOf(flags)
  const directory = flags.certDir ?? (flags.dataDir && join(flags.dataDir, 'pki'))
  if (!directory) throw new Error('--data-dir or --cert-dir must say where the certificates of the cluster are')
  const pki = new ClusterPki(await openPkiDirectory(directory))
  const authority = await pki.authority()
  const entry = entryOf(flags, identity, authority.pair.certificate, await authority.issueClient(identity))
  if (flags.kubeconfig) await writeKubeconfig(flags.kubeconfig, entry)
  else process.stdout.write(kubeconfigText(entry))
}

/** Users and groups that the default roles are bound to. */
const COMPONENTS: Readonly<Record<string, Identity>> = {
  admin: { user: 'kubernetes-admin', groups: ['system:masters'] },
  'controller-manager': { user: 'system:kube-controller-manager', groups: [] },
  scheduler: { user: 'system:kube-scheduler', groups: [] },
}

function identityOf({ user, group, uid, node, component }: Flags): Identity {
  if ([user, node, component].filter((given) => given !== undefined).length !== 1) {
    throw new Error('one of --user, --node and --component must be given')
  }
  if (node !== undefined) return { user: `system:node:${node}`, groups: ['system:nodes'] }
  if (user !== undefined) return { user, groups: group, ...(uid ? { uid } : {}) }
  const known = COMPONENTS[component!]
  if (!known) throw new Error(`no such component: ${component} (${Object.keys(COMPONENTS).join(', ')})`)
  return known
}

function entryOf(
  flags: Flags,
  { user }: Identity,
  certificateAuthority: string,
  credentials: KeyPair,
): KubeconfigEntry {
  const { clusterName, server, namespace } = flags
  return {
    clusterName,
    userName: `${user}@${clusterName}`,
    contextName: user === COMPONENTS['admin']!.user ? clusterName : `${user}@${clusterName}`,
    server,
    certificateAuthority,
    credentials,
    ...(namespace ? { namespace } : {}),
  }
}
