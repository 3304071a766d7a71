import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'

const TIMEOUT_MS = 30_000
const MAX_BYTES = 1024 * 1024

/** GETs a text, with a bearer token where one is given. Throws on anything but a 200. */
export type FetchText = (url: string, token?: string) => Promise<string>

/** Over TLS, with a CA of its own where one is given, or plainly where the URL says so. */
export function textFetcher(ca: string | undefined): FetchText {
  return (url, token) =>
    new Promise((resolve, reject) => {
      const isTls = url.startsWith('https:')
      const options = {
        timeout: TIMEOUT_MS,
        headers: token ? { authorization: `Bearer ${token}` } : {},
        ...(isTls && ca ? { ca } : {}),
      }
      const asked = (isTls ? httpsRequest : httpRequest)(url, options, (response) => {
        const chunks: Buffer[] = []
        let size = 0
        response.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size > MAX_BYTES) asked.destroy(new Error(`the answer of ${url} is too large`))
          else chunks.push(chunk)
        })
        response.on('error', reject)
        response.on('end', () => {
          if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString('utf8'))
          else reject(new Error(`${url} answered ${response.statusCode}`))
        })
      })
      asked.on('timeout', () => asked.destroy(new Error(`${url} did not answer in time`)))
      asked.on('error', reject)
      asked.end()
    })
}
