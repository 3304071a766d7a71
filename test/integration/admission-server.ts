import type { AdmissionPlugin } from '../../src/admission/admission.ts'
import type { ObjectReader } from '../../src/admission/object-reader.ts'
import type { RequestAuditor } from '../../src/api/pipeline.ts'
import { systemClock } from '../../src/apimachinery/clock.ts'
import { AdmissionReader } from '../../src/cluster/admission-reader.ts'
import type { ControlPlane, ControlPlaneParts } from '../../src/cluster/control-plane.ts'
import { memoryPlane } from '../suites/memory-plane.ts'

/** What a request got for an answer. */
export interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: tests look wherever they like
  readonly body: any
  readonly warnings: readonly string[]
}

/** An API server without a socket that runs the given admission plugins for everything that an administrator asks. */
export class AdmissionServer {
  readonly plane: ControlPlane

  private constructor(plane: ControlPlane) {
    this.plane = plane
  }

  static async start(
    plugins: (reader: ObjectReader, parts: ControlPlaneParts) => readonly AdmissionPlugin[],
    auditor?: RequestAuditor,
  ): Promise<AdmissionServer> {
    const user = { name: 'admin', uid: 'u1', groups: ['system:masters'], extra: { team: ['a'] } }
    const plane = await memoryPlane({
      user,
      admission: (parts) => plugins(new AdmissionReader(parts.registry), parts),
      auditor,
    })
    const server = new AdmissionServer(plane)
    await server.create('/api/v1/namespaces', { metadata: { name: 'default', labels: { team: 'a' } } })
    return server
  }

  readonly clock = systemClock

  async create(path: string, object: object): Promise<Answer> {
    return await this.ask('POST', path, object)
  }

  async get(path: string): Promise<Answer> {
    return await this.ask('GET', path)
  }

  async ask(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    url: string,
    payload?: object,
    contentType = 'application/json',
  ): Promise<Answer> {
    const response = await this.plane.app.inject({
      method,
      url,
      ...(payload ? { payload: JSON.stringify(payload), headers: { 'content-type': contentType } } : {}),
    })
    const warnings = [response.headers['warning'] ?? []].flat().map(String)
    return { status: response.statusCode, body: response.json(), warnings }
  }

  /** Listens on a port of its own, over plain HTTP; resolves with it. */
  async listen(): Promise<number> {
    return await this.plane.listen('127.0.0.1', 0)
  }

  /** Connections that are open. */
  async connections(): Promise<number> {
    const { server } = this.plane.app
    return await new Promise((resolve, reject) => {
      server.getConnections((error, count) => (error ? reject(error) : resolve(count)))
    })
  }

  async close(): Promise<void> {
    await this.plane.close()
  }
}
