// Starts the built program once and keeps how what every cluster begins with is stored: later starts write it as it is.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

const { bundle } = await import('../dist/load.mjs')
const { createCluster } = bundle.library()
const cluster = await createCluster({ nodes: 0, controllers: false, listen: false })
await cluster.stop()
const file = join(import.meta.dirname, '../dist/initial-objects.json')
writeFileSync(file, JSON.stringify(bundle.initialObjects()))
process.exit()
