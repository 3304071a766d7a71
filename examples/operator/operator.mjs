// Gives each namespace with the label `team` a quota, and keeps it as it should be.
import { CoreV1Api, KubeConfig, makeInformer, PatchStrategy, setHeaderOptions } from '@kubernetes/client-node'

const config = new KubeConfig()
config.loadFromDefault()
const core = config.makeApiClient(CoreV1Api)

const quota = (namespace) => ({
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata: { name: 'team', namespace },
  spec: { hard: { pods: '10' } },
})

/** Says what is wanted; the server works out what has to change, if anything. */
async function reconcile(namespace) {
  await core.patchNamespacedResourceQuota(
    { name: 'team', namespace, body: quota(namespace), fieldManager: 'team-operator', force: true },
    setHeaderOptions('Content-Type', PatchStrategy.ServerSideApply),
  )
  console.log(`quota of ${namespace} is as it should be`)
}

const teams = new Set()
const namespaces = makeInformer(config, '/api/v1/namespaces', () => core.listNamespace())
const seen = ({ metadata, status }) => {
  const isTeam = metadata.labels?.team !== undefined && status?.phase === 'Active'
  if (!isTeam) return void teams.delete(metadata.name)
  if (teams.has(metadata.name)) return
  teams.add(metadata.name)
  reconcile(metadata.name).catch((error) => console.error(error.message))
}
namespaces.on('add', seen)
namespaces.on('update', seen)
namespaces.on('delete', ({ metadata }) => teams.delete(metadata.name))

const quotas = makeInformer(config, '/api/v1/resourcequotas', () => core.listResourceQuotaForAllNamespaces())
const changed = ({ metadata, spec }) => {
  if (metadata.name !== 'team' || !teams.has(metadata.namespace)) return
  if (spec.hard?.pods === '10' && metadata.deletionTimestamp === undefined) return
  reconcile(metadata.namespace).catch((error) => console.error(error.message))
}
quotas.on('update', changed)
quotas.on('delete', ({ metadata }) => {
  if (metadata.name === 'team' && teams.has(metadata.namespace)) {
    reconcile(metadata.namespace).catch((error) => console.error(error.message))
  }
})

for (const informer of [namespaces, quotas]) {
  // A watch that breaks is begun again.
  informer.on('error', () => setTimeout(() => informer.start(), 1000))
  await informer.start()
}
console.log('watching')
