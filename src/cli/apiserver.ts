import { isIP } from 'node:net'
import { InvalidArgumentError, Option } from 'commander'
import { pino } from 'pino'
import { admissionFacts } from '../../openapi/data.ts'
import { held } from '../cluster/held.ts'
import type { EndpointReconcilerType } from '../cluster/kubernetes-endpoints.ts'
import { parseRuntimeConfig } from '../cluster/runtime-config.ts'
import { startServer } from '../cluster/server.ts'
import type { ServerOptions, StorageOptions } from '../cluster/server-options.ts'
import { type AuditFlags, addAuditFlags, auditOptionsOf } from './audit-flags.ts'
import { type AuthFlags, addAuthFlags, authOptionsOf } from './auth-flags.ts'
import { isCalled } from './called-as.ts'
import { durationMs } from './duration.ts'
import { failWith } from './failure.ts'
import { FlagCommand } from './flag-command.ts'
import { addHttpFlags, type HttpFlags, httpOptionsOf } from './http-flags.ts'
import { acceptKnownFlags } from './known-flags.ts'
import { addKubeletFlags, type KubeletFlags, kubeletOptionsOf } from './kubelet-flags.ts'
import { endOnSignal } from './signals.ts'
import { APISERVER_FLAGS } from './upstream-flags.ts'
import { webhookServiceOption } from './webhook-service-option.ts'
import { portNumber, wholeNumber } from './whole-number.ts'

interface Flags extends HttpFlags, AuthFlags, AuditFlags, KubeletFlags {
  bindAddress: string
  advertiseAddress?: string
  endpointReconcilerType: EndpointReconcilerType
  apiserverCount: number
  securePort?: number
  insecurePort?: number
  insecureBindAddress?: string
  memory?: boolean
  dataDir?: string
  etcdServers?: string
  etcdPrefix: string
  etcdCafile?: string
  etcdCertfile?: string
  etcdKeyfile?: string
  etcdCompactionInterval: string
  tlsCertFile?: string
  tlsPrivateKeyFile?: string
  certDir?: string
  tlsSan: string[]
  serviceClusterIpRange: string
  serviceNodePortRange: string
  enableAdmissionPlugins?: string
  disableAdmissionPlugins?: string
  admissionControl?: string
  admissionControlConfigFile?: string
  webhookService: Readonly<Record<string, string>>
  defaultNotReadyTolerationSeconds: number
  defaultUnreachableTolerationSeconds: number
  allowPrivileged: boolean
  runtimeConfig?: string
  featureGates?: string
  eventTtl: string
  kubeconfig?: string
}

/** `kubemu apiserver`: the API server alone, with kube-apiserver's own flag names. */
export function apiserverCommand(): FlagCommand {
  return acceptKnownFlags(withOwnFlags(), APISERVER_FLAGS)
}

function withOwnFlags(): FlagCommand {
  return addKubeletFlags(addHttpFlags(addAuditFlags(addAuthFlags(new FlagCommand('apiserver')))))
    .description('Run the API server alone, with the flags of kube-apiserver')
    .option('--bind-address <ip>', 'address to listen on', '127.0.0.1')
    .option(
      '--advertise-address <ip>',
      'where the Service kubernetes leads; default: an address of the machine',
      ipAddress,
    )
    .addOption(
      new Option('--endpoint-reconciler-type <type>', 'how the addresses of several servers are kept')
        .choices(['lease', 'master-count', 'none'])
        .default('lease'),
    )
    .option('--apiserver-count <n>', 'servers that the reconciler master-count keeps', wholeNumber(), 1)
    .option('--secure-port <port>', 'HTTPS port', portNumber)
    .addOption(insecurePortOption())
    .option('--insecure-bind-address <ip>', 'address of the plain HTTP port, where there is no other')
    .option('--memory', 'keep everything in memory')
    .option('--data-dir <dir>', 'folder of the embedded store')
    .option('--etcd-servers <urls>', 'etcd servers to store in, separated by commas')
    .option('--etcd-prefix <prefix>', 'prefix of all keys', '/registry')
    .option('--etcd-cafile <file>', 'certificates to verify etcd with')
    .option('--etcd-certfile <file>', 'certificate to show etcd')
    .option('--etcd-keyfile <file>', 'key of that certificate')
    .option('--etcd-compaction-interval <duration>', 'how often old revisions are forgotten, 0s for never', '5m0s')
    .option('--tls-cert-file <file>', 'certificate of the server; none: one of its own CA')
    .option('--tls-private-key-file <file>', 'key of that certificate')
    .option('--cert-dir <dir>', 'folder of certificates that the server makes; default: pki in the data folder')
    .option(
      '--tls-san <name>',
      'further name or address of the server, may be repeated',
      (v, all: string[]) => [...all, v],
      [],
    )
    .option('--service-cluster-ip-range <cidrs>', 'addresses of services', '10.96.0.0/12')
    .option('--service-node-port-range <range>', 'ports of NodePort services', '30000-32767')
    .option('--enable-admission-plugins <names>', 'admission plugins to run besides the default ones')
    .option('--disable-admission-plugins <names>', 'admission plugins not to run')
    .addOption(new Option('--admission-control <names>', 'the admission plugins to run, and no others').hideHelp())
    .option('--admission-control-config-file <file>', 'configuration of admission plugins')
    .addOption(webhookServiceOption())
    .option(
      '--default-not-ready-toleration-seconds <n>',
      'time that pods stay on a node that is not ready',
      wholeNumber(),
      300,
    )
    .option(
      '--default-unreachable-toleration-seconds <n>',
      'time that pods stay on a node out of reach',
      wholeNumber(),
      300,
    )
    .option('--allow-privileged [bool]', 'let pods ask for privileged containers', false)
    .option('--runtime-config <versions>', 'APIs to serve or not: group/version=true,api/beta=true,…')
    .option('--feature-gates <gates>', 'feature gates: Name=true,…')
    .option('--event-ttl <duration>', 'how long events are kept', '1h0m0s')
    .option('--kubeconfig <file>', "file to write the administrator's kubeconfig to")
    .action(async (flags: Flags) => {
      await run(flags).catch(failWith)
    })
}

function ipAddress(text: string): string {
  if (isIP(text) === 0) throw new InvalidArgumentError(`failed to parse IP: "${text}"`)
  return text
}

/** What these arguments of `kubemu apiserver` ask for; throws a CommanderError where they are wrong. */
export function apiserverOptions(args: readonly string[]): ServerOptions {
  const command = apiserverCommand()
    .exitOverride()
    .action(() => {})
  command.parse(args, { from: 'user' })
  return optionsOf(command.opts<Flags>())
}

async function run(flags: Flags): Promise<void> {
  const logger = pino()
  const server = await held(startServer(optionsOf(flags), logger))
  endOnSignal(() => server.close())
  logger.info({ url: server.url }, 'serving')
}

function optionsOf(flags: Flags): ServerOptions {
  const [first, last] = flags.serviceNodePortRange.split('-').map(Number)
  return Object.freeze({
    bindAddress: bindAddressOf(flags),
    advertiseAddress: flags.advertiseAddress,
    endpointReconcilerType: flags.endpointReconcilerType,
    serverCount: flags.apiserverCount,
    securePort: securePortOf(flags),
    insecurePort: flags.insecurePort,
    tlsCertFile: flags.tlsCertFile,
    tlsPrivateKeyFile: flags.tlsPrivateKeyFile,
    certDir: flags.certDir,
    tlsSans: flags.tlsSan,
    http: httpOptionsOf(flags),
    storage: storageOf(flags),
    keyPrefix: flags.etcdPrefix,
    auth: authOptionsOf(flags),
    audit: auditOptionsOf(flags),
    kubelet: kubeletOptionsOf(flags),
    serviceClusterIpRanges: flags.serviceClusterIpRange.split(','),
    serviceNodePortRange: { first: first!, last: last! },
    ...admissionPluginsOf(flags),
    admissionControlConfigFile: flags.admissionControlConfigFile,
    webhookServices: flags.webhookService,
    defaultNotReadyTolerationSeconds: flags.defaultNotReadyTolerationSeconds,
    defaultUnreachableTolerationSeconds: flags.defaultUnreachableTolerationSeconds,
    allowPrivileged: flags.allowPrivileged,
    runtimeConfig: parseRuntimeConfig(flags.runtimeConfig),
    featureGates: Object.fromEntries(pairs(flags.featureGates).map(([k, v]) => [k, v === 'true'])),
    eventTtlSeconds: Math.ceil(durationMs(flags.eventTtl) / 1000),
    kubeconfig: flags.kubeconfig,
  })
}

/** TLS unless only the plain port is asked for; as upstream, on 6443. */
function securePortOf({ securePort, insecurePort }: Flags): number | undefined {
  if (securePort !== undefined) return securePort
  return insecurePort === undefined ? 6443 : undefined
}

function bindAddressOf({ bindAddress, securePort, insecurePort, insecureBindAddress }: Flags): string {
  return securePort === undefined && insecurePort !== undefined ? (insecureBindAddress ?? bindAddress) : bindAddress
}

/** What tools that look for it in the help of an old kube-apiserver must not find under that name. */
function insecurePortOption(): Option {
  const option = new Option('--insecure-port <port>', 'plain HTTP port').argParser(portNumber)
  return isCalled('kube-apiserver') ? option.hideHelp() : option
}

/** `--admission-control` is the old way to say it: these and no others. @see pkg/kubeapiserver/options/admission.go */
function admissionPluginsOf(flags: Flags): Pick<ServerOptions, 'enableAdmissionPlugins' | 'disableAdmissionPlugins'> {
  const { admissionControl, enableAdmissionPlugins, disableAdmissionPlugins } = flags
  const listOf = (text = ''): string[] => text.split(',').filter((name) => name !== '')
  if (admissionControl === undefined) {
    const [enabled, disabled] = [listOf(enableAdmissionPlugins), listOf(disableAdmissionPlugins)]
    return { enableAdmissionPlugins: enabled, disableAdmissionPlugins: disabled }
  }
  if (enableAdmissionPlugins !== undefined || disableAdmissionPlugins !== undefined) {
    throw new Error(
      'admission-control and enable-admission-plugins/disable-admission-plugins flags are mutually exclusive',
    )
  }
  const wanted = new Set(listOf(admissionControl))
  const others = admissionFacts()
    .plugins.map(({ name }) => name)
    .filter((name) => !wanted.has(name))
  return { enableAdmissionPlugins: [...wanted], disableAdmissionPlugins: others }
}

function pairs(text: string | undefined): [string, string][] {
  if (!text) return []
  return text.split(',').map((pair) => {
    const at = pair.indexOf('=')
    return at < 0 ? [pair, 'true'] : [pair.slice(0, at), pair.slice(at + 1)]
  })
}

function storageOf(flags: Flags): StorageOptions {
  const { etcdServers, etcdCafile: caFile, etcdCertfile: certFile, etcdKeyfile: keyFile } = flags
  if (etcdServers) {
    const compactionIntervalMs = durationMs(flags.etcdCompactionInterval)
    return { kind: 'etcd', servers: etcdServers.split(','), caFile, certFile, keyFile, compactionIntervalMs }
  }
  if (flags.dataDir && !flags.memory) return { kind: 'leveldb', dataDir: flags.dataDir, mode: 'sync' }
  return { kind: 'memory' }
}
