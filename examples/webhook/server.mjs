// An admission webhook: /mutate adds a label to pods, /validate refuses images with the tag `latest`.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'

const [certificate, key] = process.argv.slice(2)
const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, async (request, response) => {
  let body = ''
  for await (const chunk of request) body += chunk
  const { apiVersion, kind, request: asked } = JSON.parse(body)
  const answer = request.url.startsWith('/mutate') ? mutate(asked.object) : validate(asked.object)
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ apiVersion, kind, response: { uid: asked.uid, ...answer } }))
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))

function mutate({ metadata }) {
  const label = { op: 'add', path: '/metadata/labels/reviewed', value: 'true' }
  const labels = { op: 'add', path: '/metadata/labels', value: {} }
  const patch = metadata.labels ? [label] : [labels, label]
  return { allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') }
}

function validate({ spec }) {
  const latest = spec.containers.find(({ image }) => !image.includes(':') || image.endsWith(':latest'))
  if (!latest) return { allowed: true }
  return { allowed: false, status: { code: 403, message: `${latest.image}: say which version` } }
}
