// Starts the built program once, on disk and in memory, lets a pod run, and keeps what V8 compiled on the way, so that
// the first start of a user is as fast as all others. What every start or test needs, and no more: all of it is read each
// time.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'

const { bundle, saveCodeCache } = await import('../dist/load.mjs')
// Otherwise what has not been called for a while is forgotten. V8 compares flags when it reads the result.
setFlagsFromString('--no-flush-bytecode')
const folder = mkdtempSync(join(tmpdir(), 'kubemu-build-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
const flags = ['--secure-port', '0', '--bind-address', '127.0.0.1', '--data-dir', join(folder, 'server')]
process.argv.splice(1, Number.POSITIVE_INFINITY, 'kubemu', 'apiserver', ...flags)
bundle.cli()
const { createCluster } = bundle.library()
const cluster = await createCluster({ nodes: 1 })
await cluster.apply({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'nginx' }] } },
  },
})
const isRunning = (pod) => pod.status?.phase === 'Running'
await cluster.waitFor({ apiVersion: 'v1', kind: 'Pod' }, (pods) => pods.some(isRunning))
const fork = await cluster.fork()
await fork.stop()
await cluster.reset()
await cluster.stop()
setFlagsFromString('--flush-bytecode')
saveCodeCache()
process.exit()
