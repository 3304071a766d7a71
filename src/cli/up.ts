import { join, resolve } from 'node:path'
import { pino } from 'pino'
import { KUBEMU_VERSION, KUBERNETES_VERSION } from '../api/version.ts'
import { ApiError } from '../apimachinery/api-error.ts'
import { type RunningCluster, startCluster } from '../cluster/cluster.ts'
import { held } from '../cluster/held.ts'
import { apiserverOptions } from './apiserver.ts'
import { failWith } from './failure.ts'
import { FlagCommand } from './flag-command.ts'
import { endOnSignal } from './signals.ts'
import { webhookServiceOption } from './webhook-service-option.ts'
import { portNumber, wholeNumber } from './whole-number.ts'

interface Flags {
  port: number
  bindAddress: string
  tlsSan: string[]
  dataDir: string
  memory?: boolean
  kubeconfig?: string
  etcdServers?: string
  nodes: number
  controllers: boolean
  webhookService: Readonly<Record<string, string>>
}

/** `kubemu up`: everything, ready to use. */
export function upCommand(): FlagCommand {
  return new FlagCommand('up')
    .description('Run a cluster: API server, controllers, scheduler and simulated nodes')
    .withExamples(EXAMPLES)
    .option('--port <port>', 'HTTPS port; 0: any that is free', portNumber, 6443)
    .option('--bind-address <ip>', 'address to listen on', '127.0.0.1')
    .option(
      '--tls-san <name>',
      'further name or address of the server, may be repeated',
      (name, all: string[]) => [...all, name],
      [],
    )
    .option('--data-dir <dir>', 'folder of the data, certificates and kubeconfig', 'data')
    .option('--memory', 'keep the objects in memory: they are gone with the process')
    .option('--kubeconfig <file>', "kubeconfig to put the administrator's entry into")
    .option('--etcd-servers <urls>', 'etcd servers to store in, separated by commas')
    .option('--nodes <n>', 'simulated nodes', wholeNumber(99_999), 1)
    .option('--no-controllers', 'run the API server alone: objects stay as they are written')
    .addOption(webhookServiceOption())
    .action(async (flags: Flags) => {
      await run(flags).catch(failWith)
    })
}

const EXAMPLES = `# A cluster that keeps its data in ./data
kubemu up

# Nothing on disk, another port, five nodes
kubemu up --memory --port 16443 --nodes 5

# On etcd
kubemu up --etcd-servers http://127.0.0.1:2379`

async function run(flags: Flags): Promise<void> {
  const dataDir = resolve(flags.dataDir)
  const kubeconfig = resolve(flags.kubeconfig ?? join(dataDir, 'kubeconfig'))
  const args = [
    '--secure-port',
    String(flags.port),
    '--bind-address',
    flags.bindAddress,
    '--authorization-mode',
    'Node,RBAC',
    '--allow-privileged',
    '--cert-dir',
    join(dataDir, 'pki'),
    '--kubeconfig',
    kubeconfig,
    ...Object.entries(flags.webhookService).flatMap((entry) => ['--webhook-service', entry.join('=')]),
    ...flags.tlsSan.flatMap((name) => ['--tls-san', name]),
    ...storageFlags(flags, dataDir),
  ]
  const options = {
    server: apiserverOptions(args),
    controllers: flags.controllers,
    scheduler: flags.controllers,
    ...(flags.controllers ? { nodes: { count: flags.nodes } } : {}),
  }
  const cluster = await held(startCluster(options, await loggerOf()))
  endOnSignal(() => cluster.close())
  process.stdout.write(welcome(cluster, kubeconfig))
}

function storageFlags({ memory, etcdServers }: Flags, dataDir: string): string[] {
  if (etcdServers) return ['--etcd-servers', etcdServers]
  return memory ? ['--memory'] : ['--data-dir', dataDir]
}

/** Readable on a terminal, JSON elsewhere; quiet unless something needs a person. */
async function loggerOf(): Promise<pino.Logger> {
  const options = { level: 'warn', serializers: { err: loggedError } }
  if (!process.stderr.isTTY) return pino(options, pino.destination(2))
  const { default: prettyStream } = await import('pino-pretty')
  return pino(options, prettyStream({ destination: 2, sync: true, ignore: 'pid,hostname' }))
}

/** The API's answers say it all; other errors are shown with where they come from. */
function loggedError(error: Error): unknown {
  return error instanceof ApiError ? error.message : pino.stdSerializers.err(error)
}

/** What to do with a cluster that is ready, and how long after the start of the process it was. */
function welcome(cluster: RunningCluster, kubeconfig: string): string {
  return `
kubemu ${KUBEMU_VERSION} · Kubernetes ${KUBERNETES_VERSION.gitVersion} · ready in ${Math.round(performance.now())} ms

  API          ${cluster.url}
  kubeconfig   export KUBECONFIG=${kubeconfig}

  Try          kubectl get namespaces
               kubectl create deployment web --image=nginx
               kubemu trace deployment/web
               kubectl auth can-i --list

  Ctrl-C stops it.

`
}
