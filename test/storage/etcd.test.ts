import { afterAll, beforeAll, describe } from 'vitest'
import { EtcdStore } from '../../src/storage/etcd/etcd-store.ts'
import { type EtcdServer, etcdVersion, startEtcd } from '../suites/etcd-server.ts'
import { storeContract } from '../suites/store-contract.ts'

const version = etcdVersion('the etcd backend')

describe.skipIf(version === undefined)(`etcd ${version}`, () => {
  let server: EtcdServer
  let fixtures = 0

  beforeAll(async () => {
    server = await startEtcd()
  })

  afterAll(async () => {
    await server?.stop()
  })

  storeContract(
    'etcd',
    async () => {
      const store = new EtcdStore({ endpoints: [server.endpoint], keyPrefix: `/registry-${++fixtures}` })
      return { store, prefix: '/pods/', dispose: () => store.close() }
    },
    { exclusive: false, minTtlSeconds: 2 },
  )
})
