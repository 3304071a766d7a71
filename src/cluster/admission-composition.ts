import { resourceFacts } from '../../openapi/data.ts'
import type { AdmissionPlugin } from '../admission/admission.ts'
import { readAdmissionConfiguration } from '../admission/admission-configuration.ts'
import type { ServedResource } from '../admission/admission-dependencies.ts'
import { type AdmissionOptions, admissionPlugins } from '../admission/plugin-registry.ts'
import { RegistryVersions } from '../admission/webhook/registry-versions.ts'
import { serviceResolver } from '../admission/webhook/service-resolver.ts'
import type { GroupVersionKind } from '../apimachinery/group-version.ts'
import type { Authorizer } from '../auth/authz/authorizer.ts'
import { AdmissionReader } from './admission-reader.ts'
import { ensureObject } from './bootstrap/ensure.ts'
import type { ControlPlaneParts } from './control-plane.ts'
import { quotaStatusWriter } from './quota-status-writer.ts'
import type { ServerOptions } from './server-options.ts'

/** How admission is set up, as the server's options say it. Errors: what is wrong with its configuration file. */
export function admissionOptionsOf(options: ServerOptions): AdmissionOptions {
  const {
    enableAdmissionPlugins: enable,
    disableAdmissionPlugins: disable,
    admissionControlConfigFile,
    defaultNotReadyTolerationSeconds: notReadySeconds = 300,
    defaultUnreachableTolerationSeconds: unreachableSeconds = 300,
  } = options
  return {
    enable,
    disable,
    configurations: admissionControlConfigFile ? readAdmissionConfiguration(admissionControlConfigFile) : new Map(),
    tolerations: { notReadySeconds, unreachableSeconds },
    ...(options.webhookServices ? { webhookServices: options.webhookServices } : {}),
  }
}

/** The admission plugins of a server, with what they need of it. */
export function clusterAdmission(
  options: AdmissionOptions,
  { registry, clock, serves, admissionObserver }: ControlPlaneParts,
  authorizer: Authorizer,
): readonly AdmissionPlugin[] {
  const reader = new AdmissionReader(registry)
  return admissionPlugins(options, {
    reader,
    versions: new RegistryVersions(registry, serves),
    observer: admissionObserver,
    services: serviceResolver(reader, options.webhookServices),
    quotaStatus: quotaStatusWriter(registry, clock),
    clock,
    authorizer,
    config: registry.config,
    createNamespace: async (name) => {
      const namespace = { kind: 'Namespace', apiVersion: 'v1', metadata: { name } }
      await ensureObject(registry, '', 'namespaces', namespace)
    },
    resourceOf: builtinResourceOf,
  })
}

function builtinResourceOf({ group, version, kind }: GroupVersionKind): ServedResource | undefined {
  const fact = resourceFacts().find((f) => f.group === group && f.version === version && f.kind === kind)
  return fact && { group, version, resource: fact.resource, namespaced: fact.namespaced }
}
