// Builds the image and tries it with a real engine: `npm run docker-smoke`.
//
//   DOCKER=podman                 another engine than docker
//   COMPOSE="docker compose"      how compose is called; default: `docker compose`, else `docker-compose`
//   BASE_IMAGE, ETCD_BASE_IMAGE   other base images
//   SKIP_BUILD=1                  use the images that are there
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')
const engine = process.env.DOCKER ?? 'docker'
const suffix = `${process.pid}`
const folder = mkdtempSync(join(tmpdir(), 'kubemu-docker-'))
const kubectlPath = process.env.KUBECTL ?? join(root, 'node_modules/.cache/kubemu-tools/kubectl')
let passed = 0

if (spawnSync(engine, ['info'], { stdio: 'ignore' }).status !== 0) {
  console.error(`SKIPPED: no container engine answers to "${engine} info": the image was neither built nor run`)
  process.exit(process.env.CI ? 0 : 1)
}

const compose = composeCommand()
try {
  if (!process.env.SKIP_BUILD) build()
  await image()
  if (compose) {
    await composeOne()
    await composeHighAvailability()
  } else console.error('SKIPPED: no compose: the compose files were not run')
  console.log(`\n${passed} passed, 0 failed`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function build() {
  const base = process.env.BASE_IMAGE ? ['--build-arg', `BASE_IMAGE=${process.env.BASE_IMAGE}`] : []
  const etcdBase = process.env.ETCD_BASE_IMAGE ? ['--build-arg', `BASE_IMAGE=${process.env.ETCD_BASE_IMAGE}`] : []
  step('builds the image', () => docker('build', '-q', '-f', 'docker/Dockerfile', '-t', 'kubemu', ...base, '.'))
  step('builds etcd', () =>
    docker('build', '-q', '-f', 'docker/etcd.Dockerfile', '-t', 'kubemu-etcd', ...etcdBase, 'docker'),
  )
}

/** One container by hand: everything that the Dockerfile promises. */
async function image() {
  const name = `kubemu-smoke-${suffix}`
  const port = await freePort()
  try {
    step('runs as nobody special', () => {
      const id = docker('run', '--rm', '--entrypoint', 'id', 'kubemu', '-u')
      equal(id, '1000')
    })
    docker('run', '-d', '--name', name, '-p', `127.0.0.1:${port}:6443`, '-v', `${name}:/data`, 'kubemu')
    await healthy(name)
    step('is healthy', () => {})
    const kubeconfig = join(folder, 'image.conf')
    const command = ['kubemu', 'kubeconfig', '--component', 'admin', '--data-dir', '/data']
    writeFileSync(kubeconfig, docker('exec', name, ...command, '--server', `https://127.0.0.1:${port}`))
    const kubectl = kubectlFor(kubeconfig)
    step('runs a Deployment', () => {
      kubectl('create', 'deployment', 'web', '--image=nginx', '--replicas=2')
      kubectl('rollout', 'status', 'deployment/web', '--timeout=60s')
    })
    const uids = podUids(kubectl)
    step('ends by itself when it is told to', () => {
      const began = Date.now()
      docker('stop', '-t', '30', name)
      equal(docker('inspect', '-f', '{{.State.ExitCode}}', name), '0')
      console.log(`    after ${Date.now() - began} ms`)
    })
    docker('start', name)
    await healthy(name)
    step('finds its data again', () => {
      kubectl('rollout', 'status', 'deployment/web', '--timeout=60s')
      equal(podUids(kubectl), uids)
    })
    step('tells when it is not healthy', () => {
      const check = spawnSync(engine, [
        'exec',
        '-e',
        'KUBEMU_HEALTH_URL=https://127.0.0.1:1/readyz',
        name,
        'node',
        '/app/docker/healthcheck.mjs',
      ])
      equal(check.status, 1)
    })
  } finally {
    spawnSync(engine, ['rm', '-f', name], { stdio: 'ignore' })
    spawnSync(engine, ['volume', 'rm', name], { stdio: 'ignore' })
  }
}

async function composeOne() {
  const env = { KUBEMU_PORT: String(await freePort()) }
  const run = composeRunner('docker/compose.yaml', `kubemu-one-${suffix}`, env)
  try {
    run('up', '-d', '--no-build')
    await healthy(run('ps', '-q', 'kubemu'))
    const kubeconfig = join(folder, 'compose.conf')
    writeFileSync(
      kubeconfig,
      run('exec', '-T', 'kubemu', 'cat', '/data/kubeconfig').replace('127.0.0.1:6443', `127.0.0.1:${env.KUBEMU_PORT}`),
    )
    const kubectl = kubectlFor(kubeconfig)
    step('compose.yaml: three nodes', () => equal(kubectl('get', 'nodes', '-o', 'name').split('\n').length, 3))
    kubectl('create', 'configmap', 'kept')
    run('down')
    run('up', '-d', '--no-build')
    await healthy(run('ps', '-q', 'kubemu'))
    step('compose.yaml: data outlives the container', () => kubectl('get', 'configmap', 'kept'))
  } finally {
    run('down', '-v')
  }
}

async function composeHighAvailability() {
  const [port1, port2] = [await freePort(), await freePort()]
  const env = { KUBEMU_PORT_1: String(port1), KUBEMU_PORT_2: String(port2) }
  const run = composeRunner('docker/compose.ha.yaml', `kubemu-ha-${suffix}`, env)
  const kubectlOf = (port) => {
    const kubeconfig = join(folder, `ha-${port}.conf`)
    const command = ['kubemu', 'kubeconfig', '--component', 'admin', '--cert-dir', '/pki']
    writeFileSync(kubeconfig, run('exec', '-T', 'api-2', ...command, '--server', `https://127.0.0.1:${port}`))
    return kubectlFor(kubeconfig)
  }
  try {
    run('up', '-d', '--no-build')
    for (const name of ['api', 'controllers', 'scheduler', 'nodes'].flatMap((part) => [`${part}-1`, `${part}-2`])) {
      await healthy(run('ps', '-q', name))
    }
    const first = kubectlOf(port1)
    const second = kubectlOf(port2)
    step('compose.ha.yaml: a Deployment through the first API server', () => {
      first('create', 'deployment', 'web', '--image=nginx', '--replicas=3')
      first('rollout', 'status', 'deployment/web', '--timeout=120s')
    })
    const uids = podUids(second)
    const pod = first('get', 'pods', '-o', 'name').split('\n')[0]
    step('compose.ha.yaml: exec reaches a pod from both', () => {
      equal(first('exec', pod, '--', 'echo', 'hi'), 'hi')
      equal(second('exec', pod, '--', 'echo', 'hi'), 'hi')
    })
    step('compose.ha.yaml: one of each is killed, nothing is lost', () => {
      for (const name of ['etcd-1', 'api-1', 'controllers-1', 'scheduler-1', 'nodes-1'])
        docker('kill', run('ps', '-q', name))
      equal(podUids(second), uids)
      second('scale', 'deployment/web', '--replicas=5')
      second('rollout', 'status', 'deployment/web', '--timeout=120s')
      equal(podUids(second).split(' ').length, 5)
    })
  } catch (error) {
    console.error(run('logs', '--tail', '5'))
    throw error
  } finally {
    run('down', '-v')
  }
}

function composeCommand() {
  const candidates = process.env.COMPOSE ? [process.env.COMPOSE.split(' ')] : [[engine, 'compose'], ['docker-compose']]
  return candidates.find(
    ([program, ...args]) => spawnSync(program, [...args, 'version'], { stdio: 'ignore' }).status === 0,
  )
}

function composeRunner(file, project, env) {
  const [program, ...args] = compose
  return (...words) =>
    execFileSync(program, [...args, '-f', file, '-p', project, ...words], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim()
}

function docker(...args) {
  return execFileSync(engine, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
}

function kubectlFor(kubeconfig) {
  return (...args) => execFileSync(kubectlPath, ['--kubeconfig', kubeconfig, ...args], { encoding: 'utf8' }).trim()
}

function podUids(kubectl) {
  return kubectl('get', 'pods', '-o', 'jsonpath={.items[*].metadata.uid}').split(' ').sort().join(' ')
}

async function healthy(container) {
  for (let attempt = 0; attempt < 240; attempt++) {
    const status = docker('inspect', '-f', '{{if .State.Health}}{{.State.Health.Status}}{{end}}', container)
    if (status === 'healthy') return
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  throw new Error(`${container} did not become healthy:\n${docker('logs', container)}`)
}

function step(what, work) {
  const began = Date.now()
  work()
  passed++
  console.log(`  ok ${what} (${((Date.now() - began) / 1000).toFixed(1)} s)`)
}

function equal(found, wanted) {
  if (found !== wanted) throw new Error(`wanted ${wanted}, found ${found}`)
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}
