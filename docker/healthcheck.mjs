// Ends with 0 where the server of this container is ready, with 1 and a reason where it is not.
// KUBEMU_HEALTH_URL names another port or path.
import { get as getPlain } from 'node:http'
import { get as getTls } from 'node:https'

const url = new URL(process.env.KUBEMU_HEALTH_URL ?? 'https://127.0.0.1:6443/readyz')
const get = url.protocol === 'https:' ? getTls : getPlain
// It asks this container alone, and says nothing secret: whose certificate it is does not matter.
const request = get(url, { rejectUnauthorized: false, timeout: 4000 }, (response) => {
  response.resume()
  if (response.statusCode === 200) process.exit(0)
  fail(`${url} answered ${response.statusCode}`)
})
request.on('timeout', () => fail(`${url} did not answer within 4 s`))
request.on('error', (error) => fail(`${url}: ${error.message}`))

function fail(reason) {
  console.error(reason)
  process.exit(1)
}
