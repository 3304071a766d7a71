import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ADMIN, type HttpServer, startHttpServer } from '../suites/http-server.ts'

let http: HttpServer

beforeAll(async () => {
  http = await startHttpServer('--enable-swagger-ui', '--cors-allowed-origins=^https://example\\.com$')
})

afterAll(() => http.stop())

const ask = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> =>
  fetch(`http://127.0.0.1:${http.port}${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN}`, ...headers },
    redirect: 'manual',
  })

const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io'

describe('componentstatuses', () => {
  test('the store is looked at, and the ports of components on this machine', async () => {
    const answer = await ask('/api/v1/componentstatuses', { accept: TABLE })
    const { kind, columnDefinitions, rows } = (await answer.json()) as {
      kind: string
      columnDefinitions: { name: string }[]
      rows: { cells: string[] }[]
    }
    expect(kind).toBe('Table')
    expect(columnDefinitions.map((c) => c.name)).toEqual(['Name', 'Status', 'Message', 'Error'])
    expect(rows.map((row) => row.cells[0])).toEqual(['controller-manager', 'scheduler', 'etcd-0'])
    expect(rows.at(-1)!.cells).toEqual(['etcd-0', 'Healthy', 'ok', ''])
    expect(answer.headers.get('warning')).toBe('299 - "v1 ComponentStatus is deprecated in v1.19+"')
  })

  test('what runs here is healthy', async () => {
    const stopped = http.server.plane.components.started('scheduler')
    const read = async (): Promise<string | undefined> => {
      const answer = await ask('/api/v1/componentstatuses/scheduler')
      return ((await answer.json()) as { conditions: { status: string }[] }).conditions[0]?.status
    }
    expect(await read()).toBe('True')
    stopped()
  })
})

describe('CORS', () => {
  test('a preflight needs no credential', async () => {
    const headers = { origin: 'https://example.com', authorization: 'Bearer wrong' }
    const answer = await ask('/api/v1/pods', headers, 'OPTIONS')
    expect(answer.status).toBe(204)
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://example.com')
    expect(answer.headers.get('access-control-allow-credentials')).toBe('true')
  })

  test('answers may be read by pages of that origin, by no others', async () => {
    const allowed = await ask('/api/v1/pods', { origin: 'https://example.com' })
    expect(allowed.status).toBe(200)
    expect(allowed.headers.get('access-control-expose-headers')).toBe('Date')
    const other = await ask('/api/v1/pods', { origin: 'https://example.org' })
    expect(other.headers.has('access-control-allow-origin')).toBe(false)
  })
})

describe('/swagger-ui/', () => {
  test('is behind authentication', async () => {
    expect((await ask('/swagger-ui/', { authorization: 'Bearer wrong' })).status).toBe(401)
  })

  test('shows the documents under /openapi', async () => {
    expect((await ask('/swagger-ui')).headers.get('location')).toBe('/swagger-ui/')
    const page = await ask('/swagger-ui/')
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(page.headers.has('audit-id')).toBe(true)
    expect(await page.text()).toContain('swagger-ui-bundle.js')
    const script = await (await ask('/swagger-ui/static/swagger-initializer.js')).text()
    const urls = [...script.matchAll(/"url":\s*"([^"]+)"/g)].map((m) => m[1]!)
    expect(urls).toContain('/openapi/v3/apis/apps/v1')
    for (const url of [urls[0]!, urls.at(-1)!]) expect((await ask(url)).status).toBe(200)
    expect((await ask('/swagger-ui/static/swagger-ui-bundle.js')).status).toBe(200)
    expect((await ask('/swagger-ui/nothing')).status).toBe(404)
  })
})

describe('/metrics', () => {
  test('counts under upstream’s names what has a route, not what clients make up', async () => {
    await ask('/api/v1/namespaces/default/pods/none')
    await ask('/api/v1/namespaces/default/madeups/none')
    await ask('/apis/made.up/v1/things')
    await ask('/api/v1/namespaces?watch=true&timeoutSeconds=1').then((response) => response.text())
    const answer = await ask('/metrics')
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8; escaping=underscores')
    const text = await answer.text()
    const labels = 'verb="GET",dry_run="",group="",version="v1",resource="pods",subresource="",scope="resource"'
    expect(text).toContain(`apiserver_request_total{${labels},component="apiserver",code="404"} 1\n`)
    expect(text).toContain(`apiserver_request_duration_seconds_count{${labels},component="apiserver"} 1\n`)
    expect(text).toContain(
      `apiserver_response_sizes_bucket{${labels.replace('dry_run="",', '')},component="apiserver",le="1000"} 1\n`,
    )
    const own = `apiserver_request_sli_duration_seconds_count{${labels.replace('dry_run="",', '')},component="apiserver"} 1\n`
    expect(text).toContain(own)
    const namespaces = 'group="",version="v1",resource="namespaces"'
    const events = new RegExp(`\\napiserver_watch_events_total\\{${namespaces}\\} (\\d+)\\n`).exec(text)?.[1]
    expect(Number(events)).toBeGreaterThanOrEqual(4)
    expect(text).toContain(`apiserver_watch_events_sizes_count{${namespaces}} ${events}\n`)
    const flow = 'priority_level="exempt",flow_schema="exempt"'
    expect(text).toMatch(
      new RegExp(`\\napiserver_flowcontrol_request_wait_duration_seconds_count\\{${flow},execute="true"\\} \\d+\\n`),
    )
    expect(text).toMatch(
      new RegExp(`\\napiserver_flowcontrol_request_execution_seconds_count\\{${flow},type="watch"\\} 1\\n`),
    )
    expect(text).toMatch(/\napiserver_storage_objects\{resource="flowschemas\.flowcontrol\.apiserver\.k8s\.io"\} 11\n/)
    expect(text).toMatch(/\napiserver_current_inflight_requests\{request_kind="readOnly"\} \d+\n/)
    expect(text).toMatch(/\nprocess_resident_memory_bytes \d+\n/)
    expect(text).toMatch(/\nnodejs_heap_size_used_bytes \d+\n/)
    expect(text).not.toMatch(/madeups|made\.up/)
  })
})

test('--min-request-timeout ends watches, --strict-transport-security-directives tells browsers to stay with TLS', async () => {
  const flags = ['--min-request-timeout=1', '--strict-transport-security-directives=max-age=31536000,includeSubDomains']
  const own = await startHttpServer(...flags)
  try {
    const watch = await fetch(`http://127.0.0.1:${own.port}/api/v1/namespaces?watch=true`, {
      headers: { authorization: `Bearer ${ADMIN}` },
    })
    expect(watch.headers.get('strict-transport-security')).toBe('max-age=31536000; includeSubDomains')
    expect(await watch.text()).toContain('"ADDED"')
  } finally {
    await own.stop()
  }
  await expect(startHttpServer('--strict-transport-security-directives=always')).rejects.toThrow(
    '--strict-transport-security-directives invalid, allowed values: max-age=expireTime, includeSubDomains, preload.',
  )
})

test('--runtime-config=api/all=true: whatever discovery names can be listed', async () => {
  const own = await startHttpServer('--runtime-config=api/all=true')
  const get = async (path: string): Promise<Response> =>
    await fetch(`http://127.0.0.1:${own.port}${path}`, { headers: { authorization: `Bearer ${ADMIN}` } })
  try {
    const { groups } = (await (await get('/apis')).json()) as {
      groups: { versions: { groupVersion: string }[] }[]
    }
    const paths = ['/api/v1', ...groups.flatMap((g) => g.versions.map((v) => `/apis/${v.groupVersion}`))]
    expect(paths).toContain('/apis/resource.k8s.io/v1beta1')
    const answers: string[] = []
    for (const path of paths) {
      const { resources } = (await (await get(path)).json()) as { resources: { name: string; verbs: string[] }[] }
      for (const { name, verbs } of resources) {
        if (!verbs.includes('list')) continue
        const { status } = await get(`${path}/${name}`)
        if (status !== 200) answers.push(`${path}/${name}: ${status}`)
      }
    }
    expect(answers).toEqual([])
  } finally {
    await own.stop()
  }
})
