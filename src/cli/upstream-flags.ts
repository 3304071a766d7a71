/** The flags of one of Kubernetes' own programs, by the kind of their value. */
export interface FlagNames {
  readonly values: readonly string[]
  /** Boolean flags, which take a value after `=` alone. */
  readonly switches: readonly string[]
}

const words = (text: string): string[] => text.trim().split(/\s+/)

function together(...sets: readonly FlagNames[]): FlagNames {
  return { values: sets.flatMap(({ values }) => values), switches: sets.flatMap(({ switches }) => switches) }
}

/** @see apiserver pkg/server/options/serving.go */
const SECURE_SERVING: FlagNames = {
  values: words(`
    bind-address cert-dir http2-max-streams-per-connection secure-port tls-cert-file tls-cipher-suites
    tls-curve-preferences tls-min-version tls-private-key-file tls-sni-cert-key`),
  switches: words('permit-address-sharing permit-port-sharing'),
}

/** @see apiserver pkg/server/options/authentication.go */
const CLIENT_CERTIFICATES: FlagNames = {
  values: words(`
    client-ca-file requestheader-allowed-names requestheader-client-ca-file requestheader-extra-headers-prefix
    requestheader-group-headers requestheader-uid-headers requestheader-username-headers`),
  switches: [],
}

/** @see apiserver pkg/server/options/{authentication,authorization}.go Delegating* */
const DELEGATED_AUTH: FlagNames = {
  values: words(`
    authentication-kubeconfig authentication-token-webhook-cache-ttl authorization-always-allow-paths
    authorization-kubeconfig authorization-webhook-cache-authorized-ttl authorization-webhook-cache-unauthorized-ttl`),
  switches: words('authentication-skip-lookup authentication-tolerate-lookup-failure'),
}

/** @see component-base logs, metrics, compatibility, cli/globalflag */
const COMPONENT: FlagNames = {
  values: words(`
    allow-metric-labels allow-metric-labels-manifest disabled-metrics emulated-version feature-gates log-flush-frequency
    log-json-info-buffer-size log-text-info-buffer-size logging-format min-compatibility-version
    show-hidden-metrics-for-version v vmodule`),
  switches: words('log-json-split-stream log-text-split-stream'),
}

/** @see component-base config/options/leaderelectionconfig.go; controller-manager options/generic.go */
const CLIENT: FlagNames = {
  values: words(`
    kube-api-burst kube-api-content-type kube-api-qps kubeconfig leader-elect-lease-duration leader-elect-renew-deadline
    leader-elect-resource-lock leader-elect-resource-name leader-elect-resource-namespace leader-elect-retry-period
    master`),
  switches: words('contention-profiling leader-elect profiling'),
}

/** Gone upstream, still passed by tools that start older programs as well. */
const GONE: FlagNames = { values: words('address port'), switches: words('logtostderr') }

/** @see apiserver pkg/server/options/audit.go */
const AUDIT: FlagNames = {
  values: words(`
    audit-log-batch-buffer-size audit-log-batch-max-size audit-log-batch-max-wait audit-log-batch-throttle-burst
    audit-log-batch-throttle-qps audit-log-format audit-log-maxage audit-log-maxbackup audit-log-maxsize audit-log-mode
    audit-log-path audit-log-truncate-max-batch-size audit-log-truncate-max-event-size audit-log-version
    audit-policy-file audit-webhook-batch-buffer-size audit-webhook-batch-initial-backoff audit-webhook-batch-max-size
    audit-webhook-batch-max-wait audit-webhook-batch-throttle-burst audit-webhook-batch-throttle-qps
    audit-webhook-config-file audit-webhook-initial-backoff audit-webhook-mode audit-webhook-truncate-max-batch-size
    audit-webhook-truncate-max-event-size audit-webhook-version`),
  switches: words(`
    audit-log-batch-throttle-enable audit-log-compress audit-log-truncate-enabled audit-webhook-batch-throttle-enable
    audit-webhook-truncate-enabled`),
}

/** @see kubernetes pkg/kubeapiserver/options/{authentication,authorization}.go */
const SERVER_AUTH: FlagNames = {
  values: words(`
    api-audiences authentication-config authentication-token-webhook-cache-ttl authentication-token-webhook-config-file
    authentication-token-webhook-version authorization-config authorization-mode authorization-policy-file
    authorization-webhook-cache-authorized-ttl authorization-webhook-cache-unauthorized-ttl
    authorization-webhook-config-file authorization-webhook-version oidc-ca-file oidc-client-id oidc-groups-claim
    oidc-groups-prefix oidc-issuer-url oidc-required-claim oidc-signing-algs oidc-username-claim oidc-username-prefix
    service-account-issuer service-account-jwks-uri service-account-key-file service-account-max-token-expiration
    service-account-signing-endpoint service-account-signing-key-file token-auth-file`),
  switches: words(`
    anonymous-auth enable-bootstrap-token-auth service-account-extend-token-expiration service-account-lookup`),
}

/** @see apiserver pkg/server/options/etcd.go */
const ETCD: FlagNames = {
  values: words(`
    default-watch-cache-size delete-collection-workers encryption-provider-config etcd-cafile etcd-certfile
    etcd-compaction-interval etcd-count-metric-poll-period etcd-db-metric-poll-interval etcd-healthcheck-timeout
    etcd-keyfile etcd-prefix etcd-readycheck-timeout etcd-servers etcd-servers-overrides lease-reuse-duration-seconds
    storage-backend storage-media-type watch-cache-sizes`),
  switches: words('enable-garbage-collector encryption-provider-config-automatic-reload watch-cache'),
}

/** @see apiserver pkg/server/options/{server_run_options,feature,api_enablement,admission,egress_selector,tracing}.go */
const SERVER: FlagNames = {
  values: words(`
    admission-control admission-control-config-file advertise-address coordinated-leadership-lease-duration
    coordinated-leadership-renew-deadline coordinated-leadership-retry-period cors-allowed-origins debug-socket-path
    disable-admission-plugins egress-selector-config-file enable-admission-plugins external-hostname goaway-chance
    livez-grace-period max-mutating-requests-inflight max-requests-inflight min-request-timeout request-timeout
    runtime-config shutdown-delay-duration shutdown-watch-termination-grace-period storage-initialization-timeout
    strict-transport-security-directives tracing-config-file`),
  switches: words(`
    contention-profiling disable-http2-serving emulation-forward-compatible enable-priority-and-fairness profiling
    runtime-config-emulation-forward-compatible shutdown-send-retry-after`),
}

/** @see kubernetes cmd/kube-apiserver/app/options, pkg/controlplane/apiserver/options */
const KUBE_APISERVER: FlagNames = {
  values: words(`
    apiserver-count default-not-ready-toleration-seconds default-unreachable-toleration-seconds endpoint-reconciler-type
    event-ttl kubelet-certificate-authority kubelet-client-certificate kubelet-client-key kubelet-port
    kubelet-preferred-address-types kubelet-read-only-port kubelet-timeout kubernetes-service-node-port
    max-connection-bytes-per-sec peer-advertise-ip peer-advertise-port peer-ca-file proxy-client-cert-file
    proxy-client-key-file service-cluster-ip-range service-node-port-range`),
  switches: words(`
    aggregator-reject-forwarding-redirect allow-privileged enable-aggregator-routing enable-logs-handler`),
}

/** Flags of kube-apiserver v1.36. */
export const APISERVER_FLAGS = together(
  ...[SECURE_SERVING, CLIENT_CERTIFICATES, COMPONENT, AUDIT, SERVER_AUTH, ETCD, SERVER, KUBE_APISERVER, GONE],
  { values: words('cloud-config cloud-provider insecure-bind-address'), switches: [] },
)

/** Flags of kube-scheduler v1.36. @see kubernetes cmd/kube-scheduler/app/options */
export const SCHEDULER_FLAGS = together(SECURE_SERVING, CLIENT_CERTIFICATES, DELEGATED_AUTH, COMPONENT, CLIENT, GONE, {
  values: words('config debug-socket-path pod-max-in-unschedulable-pods-duration policy-config-file write-config-to'),
  switches: [],
})

/** @see controller-manager options, pkg/leadermigration/options; cloud-provider options */
const GENERIC_CONTROLLER_MANAGER: FlagNames = {
  values: words(`
    cidr-allocator-type cloud-config cloud-provider cluster-cidr cluster-name concurrent-service-syncs
    controller-shutdown-timeout controller-start-interval controllers debug-socket-path external-cloud-volume-plugin
    leader-migration-config min-resync-period node-monitor-period node-sync-period route-reconciliation-period`),
  switches: words(`
    allocate-node-cidrs allow-untagged-cloud configure-cloud-routes enable-leader-migration
    use-service-account-credentials`),
}

/** @see kubernetes cmd/kube-controller-manager/app/options: a file for each controller */
const CONTROLLERS: FlagNames = {
  values: words(`
    attach-detach-reconcile-sync-period cloud-provider-gce-lb-src-cidrs cluster-signing-cert-file
    cluster-signing-duration cluster-signing-key-file cluster-signing-kube-apiserver-client-cert-file
    cluster-signing-kube-apiserver-client-key-file cluster-signing-kubelet-client-cert-file
    cluster-signing-kubelet-client-key-file cluster-signing-kubelet-serving-cert-file
    cluster-signing-kubelet-serving-key-file cluster-signing-legacy-unknown-cert-file
    cluster-signing-legacy-unknown-key-file concurrent-cron-job-syncs concurrent-daemonset-syncs
    concurrent-deployment-syncs concurrent-device-taint-eviction-syncs concurrent-endpoint-syncs
    concurrent-ephemeralvolume-syncs concurrent-gc-syncs concurrent-horizontal-pod-autoscaler-syncs
    concurrent-job-syncs concurrent-namespace-syncs concurrent-rc-syncs concurrent-replicaset-syncs
    concurrent-resource-claim-syncs concurrent-resource-quota-syncs concurrent-service-endpoint-syncs
    concurrent-serviceaccount-token-syncs concurrent-statefulset-syncs concurrent-ttl-after-finished-syncs
    concurrent-validating-admission-policy-status-syncs endpoint-updates-batch-period endpointslice-updates-batch-period
    flex-volume-plugin-dir horizontal-pod-autoscaler-cpu-initialization-period
    horizontal-pod-autoscaler-downscale-stabilization horizontal-pod-autoscaler-initial-readiness-delay
    horizontal-pod-autoscaler-sync-period horizontal-pod-autoscaler-tolerance large-cluster-size-threshold
    legacy-service-account-token-clean-up-period max-endpoints-per-slice mirroring-concurrent-service-endpoint-syncs
    mirroring-endpointslice-updates-batch-period mirroring-max-endpoints-per-subset namespace-sync-period
    node-cidr-mask-size node-cidr-mask-size-ipv4 node-cidr-mask-size-ipv6 node-eviction-rate node-monitor-grace-period
    node-startup-grace-period pod-eviction-timeout pv-recycler-increment-timeout-nfs
    pv-recycler-minimum-timeout-hostpath pv-recycler-minimum-timeout-nfs pv-recycler-pod-template-filepath-hostpath
    pv-recycler-pod-template-filepath-nfs pv-recycler-timeout-increment-hostpath pvclaimbinder-sync-period
    resource-quota-sync-period root-ca-file secondary-node-eviction-rate service-account-private-key-file
    service-cluster-ip-range terminated-pod-gc-threshold unhealthy-zone-threshold volume-host-cidr-denylist`),
  switches: words(`
    disable-attach-detach-reconcile-sync disable-force-detach-on-timeout enable-dynamic-provisioning
    enable-garbage-collector enable-hostpath-provisioner volume-host-allow-local-loopback`),
}

/** Flags of kube-controller-manager v1.36. */
export const CONTROLLER_MANAGER_FLAGS = together(
  ...[SECURE_SERVING, CLIENT_CERTIFICATES, DELEGATED_AUTH, COMPONENT, CLIENT, GENERIC_CONTROLLER_MANAGER, CONTROLLERS],
  GONE,
)
