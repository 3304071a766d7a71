import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { CommandLine, kubectlBinary } from '../suites/kubectl.ts'
import { type KubemuProcess, startUp } from '../suites/kubemu-process.ts'
import { startTestServer, type TestServer } from '../suites/server.ts'

/** Manifests of others, in a folder beside the project's. */
const MANIFESTS = join(import.meta.dirname, '../../../shared/manifests')

const present = existsSync(MANIFESTS)
if (!present) console.warn('SKIPPED: manifests of others are not applied: no folder ../shared/manifests')

interface ManifestObject {
  readonly apiVersion?: string
  readonly kind?: string
  readonly spec?: { readonly volumeClaimTemplates?: readonly object[] }
}

interface Manifest {
  readonly name: string
  readonly path: string
  readonly kinds: readonly string[]
  /**
   * Stateful sets with claim templates: kubectl sends these lists again, for what the server defaults in them, and says
   * `configured` of them on any server.
   */
  readonly withClaims: number
}

function manifests(): Manifest[] {
  if (!present) return []
  const files = readdirSync(MANIFESTS, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.yaml'))
  return files.sort().flatMap((name) => {
    const path = join(MANIFESTS, name)
    const objects = parseAllDocuments(readFileSync(path, 'utf8'))
      .map((document) => document.toJS() as ManifestObject | null)
      .filter((object) => object !== null)
    const custom = objects.some(({ apiVersion = '' }) => apiVersion.includes('monitoring.coreos.com'))
    const withClaims = objects.filter(({ spec }) => spec?.volumeClaimTemplates !== undefined).length
    return custom ? [] : [{ name, path, kinds: objects.map(({ kind }) => kind ?? ''), withClaims }]
  })
}

let server: TestServer
let kubectl: CommandLine

beforeAll(async () => {
  server = await startTestServer()
  kubectl = new CommandLine(kubectlBinary(), server.adminKubeconfig, server.folder)
})

afterAll(async () => {
  await server.stop()
})

/** How many lines end so. */
const count = (text: string, ending: string): number => text.split('\n').filter((line) => line.endsWith(ending)).length

describe.each(manifests())('$name', ({ path, kinds, withClaims }) => {
  const run = (...args: string[]): Promise<string> => kubectl.ok([...args, `--filename=${path}`])
  const versions = (): Promise<string> => run('get', '--output=jsonpath={.items[*].metadata.resourceVersion}')
  /** A definition larger than an annotation may be is for server-side apply only. */
  const serverSide = kinds.includes('CustomResourceDefinition') && readFileSync(path).length > 200_000

  test('applies, again without a change, and deletes', async () => {
    if (serverSide) {
      expect(count(await run('apply', '--server-side'), ' serverside-applied')).toBe(kinds.length)
      expect(count(await run('apply', '--server-side'), ' serverside-applied')).toBe(kinds.length)
    } else {
      expect(count(await run('apply'), ' created')).toBe(kinds.length)
      const before = await versions()
      const again = await run('apply')
      expect(count(again, ' unchanged')).toBe(kinds.length - withClaims)
      expect(count(again, ' configured')).toBe(withClaims)
      expect(await versions()).toEqual(before)
      expect(await run('diff')).toBe('')
    }
    const deleted = await run('delete', '--wait=false')
    expect(deleted.trimEnd().split('\n')).toHaveLength(kinds.length)
  })
})

describe('manifests of others come alive', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kubemu-manifests-'))
  const live = new CommandLine(kubectlBinary(), join(folder, 'kubeconfig'), folder)
  const alive = manifests().filter(({ kinds }) => !kinds.includes('CustomResourceDefinition'))
  const wait = ['--timeout=120s']
  const long = { timeoutMs: 150_000 }
  let up: KubemuProcess

  beforeAll(async () => {
    up = await startUp(folder, '--nodes=3')
  })

  afterAll(async () => {
    await up?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  test.each(alive)('$name', async ({ name, path, kinds }) => {
    const namespace = name.replace(/\W+/g, '-')
    const inside = `--namespace=${namespace}`
    await live.ok(['create', 'namespace', namespace])
    await live.ok(['apply', inside, `--filename=${path}`], long)
    if (kinds.includes('Deployment')) {
      await live.ok(['wait', '--for=condition=Available', 'deployments', '--all', inside, ...wait], long)
    }
    const sets = (await live.ok(['get', 'statefulsets,daemonsets', inside, '--output=name']))
      .split('\n')
      .filter(Boolean)
    for (const set of sets) await live.ok(['rollout', 'status', set, inside, ...wait], long)
    await live.ok(['wait', '--for=condition=Ready', 'pods', '--all', inside, ...wait], long)
    // Without a cloud nobody gives out addresses of load balancers.
    const addresses = ['get', 'services', inside, '--output=jsonpath={.items[*].status.loadBalancer.ingress}']
    expect(await live.ok(addresses)).toBe('')
    // Pods leave when they are told to: their grace periods are their own matter.
    await live.ok(['delete', 'namespace', namespace, '--wait=false'])
  })
})
