import { featureEnabled } from '../registry/core/pod/feature-gates.ts'
import type { AdmissionPlugin } from './admission.ts'
import type { AdmissionDependencies } from './admission-dependencies.ts'
import { enabledPlugins, type PluginSwitches, pluginSwitchProblems } from './enabled-plugins.ts'
import { alwaysAdmit, alwaysDeny } from './plugins/always.ts'
import { alwaysPullImages } from './plugins/always-pull-images.ts'
import { certificateApproval } from './plugins/certificate-approval.ts'
import { certificateSigning } from './plugins/certificate-signing.ts'
import { certificateSubjectRestriction } from './plugins/certificate-subject-restriction.ts'
import { clusterTrustBundleAttest } from './plugins/cluster-trust-bundle-attest.ts'
import { defaultIngressClass } from './plugins/default-ingress-class.ts'
import { defaultStorageClass } from './plugins/default-storage-class.ts'
import { type DefaultTolerationOptions, defaultTolerationSeconds } from './plugins/default-toleration-seconds.ts'
import { denyServiceExternalIPs } from './plugins/deny-service-external-ips.ts'
import { eventRateLimitPlugin, parseEventRateLimitConfiguration } from './plugins/event-rate-limit.ts'
import { extendedResourceToleration } from './plugins/extended-resource-toleration.ts'
import { imagePolicyWebhookPlugin, parseImagePolicyConfiguration } from './plugins/image-policy-webhook.ts'
import { limitPodHardAntiAffinityTopology } from './plugins/limit-pod-hard-anti-affinity-topology.ts'
import { limitRanger } from './plugins/limit-ranger/limit-ranger.ts'
import { namespaceAutoProvision } from './plugins/namespace-auto-provision.ts'
import { namespaceExists } from './plugins/namespace-exists.ts'
import { namespaceLifecycle } from './plugins/namespace-lifecycle.ts'
import { nodeDeclaredFeatureValidator } from './plugins/node-declared-feature-validator.ts'
import { NodeRestriction } from './plugins/node-restriction/node-restriction.ts'
import { OwnerReferencesPermissionEnforcement } from './plugins/owner-references-permission-enforcement.ts'
import { persistentVolumeClaimResize } from './plugins/persistent-volume-claim-resize.ts'
import { PodNodeSelector } from './plugins/pod-node-selector.ts'
import { podResizeValidator } from './plugins/pod-resize-validator.ts'
import { PodTolerationRestriction } from './plugins/pod-toleration-restriction.ts'
import { podTopologyLabels } from './plugins/pod-topology-labels.ts'
import { priority } from './plugins/priority.ts'
import { parseResourceQuotaConfiguration } from './plugins/resource-quota/configuration.ts'
import { resourceQuotaPlugin } from './plugins/resource-quota/resource-quota.ts'
import { runtimeClass } from './plugins/runtime-class.ts'
import { ServiceAccountPlugin } from './plugins/service-account/service-account.ts'
import { storageObjectInUseProtection } from './plugins/storage-object-in-use-protection.ts'
import { taintNodesByCondition } from './plugins/taint-nodes-by-condition.ts'
import { PodSecurity } from './pod-security/pod-security.ts'
import { podSecurityConfiguration } from './pod-security/pod-security-configuration.ts'
import { parseWebhookAdmissionConfiguration } from './webhook/webhook-kubeconfig.ts'
import { mutatingWebhookPlugin, validatingWebhookPlugin } from './webhook/webhook-plugins.ts'

/** How admission is set up, as the command line and the configuration file say it. */
export interface AdmissionOptions extends PluginSwitches {
  /** Configuration of plugins by their name, parsed, from `--admission-control-config-file`. */
  readonly configurations: ReadonlyMap<string, unknown>
  /** How long pods stay on nodes that fail, unless they say otherwise. */
  readonly tolerations?: DefaultTolerationOptions
  /** Services that webhooks are reached by (`namespace/name`, `namespace/name:port`) → `host:port` on this machine. */
  readonly webhookServices?: Readonly<Record<string, string>>
}

/** Makes a plugin. `configuration` is undefined where the file has none. Errors: what is wrong with it. */
type PluginFactory = (
  dependencies: AdmissionDependencies,
  configuration: unknown,
  options: AdmissionOptions,
) => AdmissionPlugin

const FACTORIES: ReadonlyMap<string, PluginFactory> = new Map<string, PluginFactory>([
  ['AlwaysAdmit', () => alwaysAdmit],
  ['NamespaceAutoProvision', namespaceAutoProvision],
  ['NamespaceLifecycle', ({ reader }) => namespaceLifecycle(reader)],
  ['NamespaceExists', ({ reader }) => namespaceExists(reader)],
  ['LimitPodHardAntiAffinityTopology', () => limitPodHardAntiAffinityTopology],
  [
    'LimitRanger',
    ({ reader, config }) => limitRanger(reader, { podLevelResources: featureEnabled(config, 'PodLevelResources') }),
  ],
  ['ServiceAccount', ({ reader, clock }) => new ServiceAccountPlugin(reader, clock)],
  ['NodeRestriction', (dependencies) => new NodeRestriction(dependencies)],
  ['TaintNodesByCondition', () => taintNodesByCondition],
  ['AlwaysPullImages', () => alwaysPullImages],
  [
    'PodSecurity',
    ({ reader, clock, observer }, configuration) =>
      new PodSecurity(reader, clock, podSecurityConfiguration(configuration), observer),
  ],
  ['PodNodeSelector', ({ reader }, configuration) => new PodNodeSelector(reader, configuration)],
  ['Priority', ({ reader }) => priority(reader)],
  [
    'DefaultTolerationSeconds',
    (_dependencies, _configuration, options) => defaultTolerationSeconds(options.tolerations),
  ],
  ['ImagePolicyWebhook', ({ clock }, c) => imagePolicyWebhookPlugin(parseImagePolicyConfiguration(c), clock)],
  ['EventRateLimit', ({ clock }, c) => eventRateLimitPlugin(parseEventRateLimitConfiguration(c), clock)],
  [
    'MutatingAdmissionWebhook',
    (dependencies, c) => mutatingWebhookPlugin({ ...dependencies, credentials: parseWebhookAdmissionConfiguration(c) }),
  ],
  [
    'ValidatingAdmissionWebhook',
    (dependencies, c) =>
      validatingWebhookPlugin({ ...dependencies, credentials: parseWebhookAdmissionConfiguration(c) }),
  ],
  [
    'ResourceQuota',
    (dependencies, c) => resourceQuotaPlugin({ ...dependencies, configuration: parseResourceQuotaConfiguration(c) }),
  ],
  ['PodTolerationRestriction', ({ reader }, configuration) => new PodTolerationRestriction(reader, configuration)],
  ['ExtendedResourceToleration', () => extendedResourceToleration],
  ['DefaultStorageClass', ({ reader }) => defaultStorageClass(reader)],
  ['StorageObjectInUseProtection', () => storageObjectInUseProtection],
  ['OwnerReferencesPermissionEnforcement', (dependencies) => new OwnerReferencesPermissionEnforcement(dependencies)],
  ['PersistentVolumeClaimResize', ({ reader }) => persistentVolumeClaimResize(reader)],
  ['RuntimeClass', ({ reader }) => runtimeClass(reader)],
  ['CertificateApproval', ({ authorizer }) => certificateApproval(authorizer)],
  ['CertificateSigning', ({ authorizer }) => certificateSigning(authorizer)],
  ['ClusterTrustBundleAttest', ({ authorizer }) => clusterTrustBundleAttest(authorizer)],
  ['CertificateSubjectRestriction', () => certificateSubjectRestriction],
  ['DefaultIngressClass', ({ reader }) => defaultIngressClass(reader)],
  ['DenyServiceExternalIPs', () => denyServiceExternalIPs],
  ['PodTopologyLabels', ({ reader }) => podTopologyLabels(reader)],
  ['NodeDeclaredFeatureValidator', ({ reader }) => nodeDeclaredFeatureValidator(reader)],
  ['PodResizeValidator', ({ reader }) => podResizeValidator(reader)],
  ['AlwaysDeny', () => alwaysDeny],
])

/** The plugins that run, in upstream's order. Errors: plugins that are unknown or badly configured. */
export function admissionPlugins(
  options: AdmissionOptions,
  dependencies: AdmissionDependencies,
): readonly AdmissionPlugin[] {
  const problems = pluginSwitchProblems(options)
  if (problems.length > 0) throw new Error(problems.join('; '))
  const { featureGates } = dependencies.config
  return enabledPlugins(options, featureGates).flatMap(({ name }) => {
    const factory = FACTORIES.get(name)
    return factory ? [factory(dependencies, options.configurations.get(name), options)] : []
  })
}
