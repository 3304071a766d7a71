import { request } from 'node:https'

const TIMEOUT_MS = 30_000
const MAX_BYTES = 1024 * 1024

/** GETs a JSON document over TLS, with a CA of its own where one is given. Throws on anything but a 200 with JSON. */
export function httpsJson(ca: string | undefined): (url: string) => Promise<unknown> {
  return (url) =>
    new Promise((resolve, reject) => {
      const asked = request(url, { timeout: TIMEOUT_MS, ...(ca ? { ca } : {}) }, (response) => {
        const chunks: Buffer[] = []
        let size = 0
        response.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size > MAX_BYTES) asked.destroy(new Error(`the answer of ${url} is too large`))
          else chunks.push(chunk)
        })
        response.on('error', reject)
        response.on('end', () => {
          if (response.statusCode !== 200) reject(new Error(`${url} answered ${response.statusCode}`))
          else resolve(parsed(Buffer.concat(chunks), reject))
        })
      })
      asked.on('timeout', () => asked.destroy(new Error(`${url} did not answer in time`)))
      asked.on('error', reject)
      asked.end()
    })
}

function parsed(bytes: Buffer, reject: (error: unknown) => void): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    reject(error)
    return undefined
  }
}
