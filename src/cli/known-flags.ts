import { type Command, Option } from 'commander'

/** Flags of every component: serving, delegated authentication and authorization, logs, metrics, versions. */
const COMPONENT_FLAGS: readonly string[] = [
  ...['authentication-kubeconfig', 'authentication-skip-lookup', 'authentication-tolerate-lookup-failure'],
  ...['authorization-always-allow-paths', 'authorization-kubeconfig', 'authentication-token-webhook-cache-ttl'],
  ...['authorization-webhook-cache-authorized-ttl', 'authorization-webhook-cache-unauthorized-ttl'],
  ...['bind-address', 'cert-dir', 'client-ca-file', 'contention-profiling', 'debug-socket-path', 'master'],
  ...['http2-max-streams-per-connection', 'permit-address-sharing', 'permit-port-sharing', 'profiling'],
  ...['requestheader-allowed-names', 'requestheader-client-ca-file', 'requestheader-extra-headers-prefix'],
  ...['requestheader-group-headers', 'requestheader-uid-headers', 'requestheader-username-headers', 'secure-port'],
  ...['tls-cert-file', 'tls-cipher-suites', 'tls-curve-preferences', 'tls-min-version', 'tls-private-key-file'],
  ...['tls-sni-cert-key', 'kube-api-burst', 'kube-api-content-type', 'kube-api-qps', 'leader-elect-resource-lock'],
  ...['allow-metric-labels', 'allow-metric-labels-manifest', 'disabled-metrics', 'show-hidden-metrics-for-version'],
  ...['emulated-version', 'min-compatibility-version', 'feature-gates', 'log-flush-frequency', 'logging-format'],
  ...['log-json-info-buffer-size', 'log-json-split-stream', 'log-text-info-buffer-size', 'log-text-split-stream'],
  ...['vmodule'],
]

/**
 * Flags of kube-apiserver v1.36.
 *
 * @see kubernetes cmd/kube-apiserver/app/options, pkg/controlplane/apiserver/options, pkg/kubeapiserver/options;
 *   apiserver pkg/server/options; component-base logs, metrics
 */
export const APISERVER_FLAGS: readonly string[] = [
  ...[
    'admission-control',
    'admission-control-config-file',
    'advertise-address',
    'aggregator-reject-forwarding-redirect',
  ],
  ...['allow-metric-labels', 'allow-metric-labels-manifest', 'allow-privileged', 'anonymous-auth', 'api-audiences'],
  ...['audit-log-batch-buffer-size', 'audit-log-batch-max-size', 'audit-log-batch-max-wait'],
  ...['audit-log-batch-throttle-burst', 'audit-log-batch-throttle-enable', 'audit-log-batch-throttle-qps'],
  ...['audit-log-compress', 'audit-log-format', 'audit-log-maxage', 'audit-log-maxbackup', 'audit-log-maxsize'],
  ...['audit-log-mode', 'audit-log-path', 'audit-log-truncate-enabled', 'audit-log-truncate-max-batch-size'],
  ...['audit-log-truncate-max-event-size', 'audit-log-version', 'audit-policy-file'],
  ...['audit-webhook-batch-buffer-size', 'audit-webhook-batch-initial-backoff', 'audit-webhook-batch-max-size'],
  ...['audit-webhook-batch-max-wait', 'audit-webhook-batch-throttle-burst', 'audit-webhook-batch-throttle-enable'],
  ...['audit-webhook-batch-throttle-qps', 'audit-webhook-config-file', 'audit-webhook-initial-backoff'],
  ...['audit-webhook-mode', 'audit-webhook-truncate-enabled', 'audit-webhook-truncate-max-batch-size'],
  ...['audit-webhook-truncate-max-event-size', 'audit-webhook-version', 'authentication-config'],
  ...['authentication-token-webhook-cache-ttl', 'authentication-token-webhook-config-file'],
  ...['authentication-token-webhook-version', 'authorization-config', 'authorization-mode'],
  ...['authorization-policy-file', 'authorization-webhook-cache-authorized-ttl'],
  ...['authorization-webhook-cache-unauthorized-ttl', 'authorization-webhook-config-file'],
  ...['authorization-webhook-version', 'bind-address', 'cert-dir', 'client-ca-file', 'contention-profiling'],
  ...['coordinated-leadership-lease-duration', 'coordinated-leadership-renew-deadline'],
  ...['coordinated-leadership-retry-period', 'cors-allowed-origins', 'debug-socket-path'],
  ...['default-not-ready-toleration-seconds', 'default-unreachable-toleration-seconds', 'default-watch-cache-size'],
  ...['delete-collection-workers', 'disable-admission-plugins', 'disable-http2-serving', 'disabled-metrics'],
  ...['egress-selector-config-file', 'emulated-version', 'emulation-forward-compatible', 'enable-admission-plugins'],
  ...['enable-aggregator-routing', 'enable-bootstrap-token-auth', 'enable-garbage-collector', 'enable-logs-handler'],
  ...['enable-priority-and-fairness', 'encryption-provider-config', 'encryption-provider-config-automatic-reload'],
  ...['endpoint-reconciler-type', 'etcd-cafile', 'etcd-certfile', 'etcd-compaction-interval'],
  ...['etcd-count-metric-poll-period', 'etcd-db-metric-poll-interval', 'etcd-healthcheck-timeout', 'etcd-keyfile'],
  ...['etcd-prefix', 'etcd-readycheck-timeout', 'etcd-servers', 'etcd-servers-overrides', 'event-ttl'],
  ...['external-hostname', 'feature-gates', 'goaway-chance', 'http2-max-streams-per-connection'],
  ...['kubelet-certificate-authority', 'kubelet-client-certificate', 'kubelet-client-key', 'kubelet-port'],
  ...['kubelet-preferred-address-types', 'kubelet-read-only-port', 'kubelet-timeout', 'kubernetes-service-node-port'],
  ...['lease-reuse-duration-seconds', 'livez-grace-period', 'log-flush-frequency', 'log-json-info-buffer-size'],
  ...['log-json-split-stream', 'log-text-info-buffer-size', 'log-text-split-stream', 'logging-format'],
  ...['max-connection-bytes-per-sec', 'max-mutating-requests-inflight', 'max-requests-inflight'],
  ...['min-compatibility-version', 'min-request-timeout', 'oidc-ca-file', 'oidc-client-id', 'oidc-groups-claim'],
  ...['oidc-groups-prefix', 'oidc-issuer-url', 'oidc-required-claim', 'oidc-signing-algs', 'oidc-username-claim'],
  ...['oidc-username-prefix', 'peer-advertise-ip', 'peer-advertise-port', 'peer-ca-file', 'permit-address-sharing'],
  ...['permit-port-sharing', 'profiling', 'proxy-client-cert-file', 'proxy-client-key-file', 'request-timeout'],
  ...['requestheader-allowed-names', 'requestheader-client-ca-file', 'requestheader-extra-headers-prefix'],
  ...['requestheader-group-headers', 'requestheader-uid-headers', 'requestheader-username-headers'],
  ...['runtime-config', 'runtime-config-emulation-forward-compatible', 'secure-port'],
  ...['service-account-extend-token-expiration', 'service-account-issuer', 'service-account-jwks-uri'],
  ...['service-account-key-file', 'service-account-lookup', 'service-account-max-token-expiration'],
  ...['service-account-signing-endpoint', 'service-account-signing-key-file', 'service-cluster-ip-range'],
  ...['service-node-port-range', 'show-hidden-metrics-for-version', 'shutdown-delay-duration'],
  ...['shutdown-send-retry-after', 'shutdown-watch-termination-grace-period', 'storage-backend'],
  ...['storage-initialization-timeout', 'storage-media-type', 'strict-transport-security-directives'],
  ...['tls-cert-file', 'tls-cipher-suites', 'tls-curve-preferences', 'tls-min-version', 'tls-private-key-file'],
  ...['tls-sni-cert-key', 'token-auth-file', 'tracing-config-file', 'vmodule', 'watch-cache', 'watch-cache-sizes'],
  // Gone upstream, still passed by tools that start older servers as well.
  ...['apiserver-count', 'cloud-config', 'cloud-provider', 'insecure-bind-address', 'logtostderr', 'port', 'address'],
]

/** Flags of kube-controller-manager v1.36. @see kubernetes cmd/kube-controller-manager/app/options */
export const CONTROLLER_MANAGER_FLAGS: readonly string[] = [
  ...COMPONENT_FLAGS,
  ...['allocate-node-cidrs', 'attach-detach-reconcile-sync-period', 'cidr-allocator-type', 'cloud-config'],
  ...['cloud-provider', 'cloud-provider-gce-lb-src-cidrs', 'cluster-cidr', 'cluster-name'],
  ...['cluster-signing-cert-file', 'cluster-signing-duration', 'cluster-signing-key-file'],
  ...['cluster-signing-kube-apiserver-client-cert-file', 'cluster-signing-kube-apiserver-client-key-file'],
  ...['cluster-signing-kubelet-client-cert-file', 'cluster-signing-kubelet-client-key-file'],
  ...['cluster-signing-kubelet-serving-cert-file', 'cluster-signing-kubelet-serving-key-file'],
  ...['cluster-signing-legacy-unknown-cert-file', 'cluster-signing-legacy-unknown-key-file'],
  ...['concurrent-cron-job-syncs', 'concurrent-daemonset-syncs', 'concurrent-deployment-syncs'],
  ...['concurrent-device-taint-eviction-syncs', 'concurrent-endpoint-syncs', 'concurrent-ephemeralvolume-syncs'],
  ...['concurrent-gc-syncs', 'concurrent-horizontal-pod-autoscaler-syncs', 'concurrent-job-syncs'],
  ...['concurrent-namespace-syncs', 'concurrent-rc-syncs', 'concurrent-replicaset-syncs'],
  ...['concurrent-resource-claim-syncs', 'concurrent-resource-quota-syncs', 'concurrent-service-endpoint-syncs'],
  ...['concurrent-service-syncs', 'concurrent-serviceaccount-token-syncs', 'concurrent-statefulset-syncs'],
  ...['concurrent-ttl-after-finished-syncs', 'concurrent-validating-admission-policy-status-syncs'],
  ...['configure-cloud-routes', 'controller-shutdown-timeout', 'controller-start-interval', 'controllers'],
  ...['disable-attach-detach-reconcile-sync', 'disable-force-detach-on-timeout', 'enable-dynamic-provisioning'],
  ...['enable-garbage-collector', 'enable-hostpath-provisioner', 'enable-leader-migration'],
  ...['endpoint-updates-batch-period', 'endpointslice-updates-batch-period', 'external-cloud-volume-plugin'],
  ...['flex-volume-plugin-dir', 'horizontal-pod-autoscaler-cpu-initialization-period'],
  ...['horizontal-pod-autoscaler-downscale-stabilization', 'horizontal-pod-autoscaler-initial-readiness-delay'],
  ...['horizontal-pod-autoscaler-sync-period', 'horizontal-pod-autoscaler-tolerance', 'large-cluster-size-threshold'],
  ...['leader-migration-config', 'legacy-service-account-token-clean-up-period', 'max-endpoints-per-slice'],
  ...[
    'min-resync-period',
    'mirroring-concurrent-service-endpoint-syncs',
    'mirroring-endpointslice-updates-batch-period',
  ],
  ...['mirroring-max-endpoints-per-subset', 'namespace-sync-period', 'node-cidr-mask-size', 'node-cidr-mask-size-ipv4'],
  ...['node-cidr-mask-size-ipv6', 'node-eviction-rate', 'node-monitor-grace-period', 'node-monitor-period'],
  ...['node-startup-grace-period', 'pv-recycler-increment-timeout-nfs', 'pv-recycler-minimum-timeout-hostpath'],
  ...['pv-recycler-minimum-timeout-nfs', 'pv-recycler-pod-template-filepath-hostpath'],
  ...['pv-recycler-pod-template-filepath-nfs', 'pv-recycler-timeout-increment-hostpath', 'pvclaimbinder-sync-period'],
  ...['resource-quota-sync-period', 'root-ca-file', 'route-reconciliation-period', 'secondary-node-eviction-rate'],
  ...['service-account-private-key-file', 'service-cluster-ip-range', 'terminated-pod-gc-threshold'],
  ...['unhealthy-zone-threshold', 'use-service-account-credentials', 'volume-host-allow-local-loopback'],
  ...['volume-host-cidr-denylist'],
  // Gone upstream, still passed by tools that start older ones as well.
  ...['address', 'pod-eviction-timeout', 'port'],
]

/** Flags of kube-scheduler v1.36. @see kubernetes cmd/kube-scheduler/app/options */
export const SCHEDULER_FLAGS: readonly string[] = [
  ...COMPONENT_FLAGS,
  ...['config', 'pod-max-in-unschedulable-pods-duration', 'write-config-to'],
  // Gone upstream, still passed by tools that start older ones as well.
  ...['address', 'policy-config-file', 'port'],
]

/**
 * Lets a command take the flags that its upstream counterpart knows and it does not act on. They are not in its help; those
 * that are given are told in one line of warning. Others stay unknown, and refused.
 */
export function acceptKnownFlags(command: Command, names: readonly string[]): Command {
  const own = new Set(command.options.map((option) => option.long))
  const ignored = new Set<string>()
  const ignore = (flags: string, name: string): void => {
    const option = new Option(flags).hideHelp().argParser(() => ignored.add(name))
    // A switch without a value has no parser to call.
    command.addOption(option).on(`option:${option.name()}`, () => ignored.add(name))
  }
  for (const name of names) if (!own.has(`--${name}`)) ignore(`--${name} [value]`, name)
  ignore('-v, --v [level]', 'v')
  return command.hook('preAction', () => {
    if (ignored.size === 0) return
    const list = [...ignored].map((name) => `--${name}`).join(', ')
    process.stderr.write(`kubemu: known to Kubernetes, without effect here: ${list}\n`)
  })
}

/** `--etcd_servers` → `--etcd-servers`: Kubernetes' components take both. Values stay. */
export function withDashes(args: readonly string[]): string[] {
  return args.map((arg) =>
    /^--[a-z0-9_-]+(=|$)/.test(arg) ? arg.replace(/^[^=]+/, (name) => name.replaceAll('_', '-')) : arg,
  )
}
