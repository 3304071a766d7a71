import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startTestServer } from '../suites/server.ts'

/** Recorded conversations with a real kube-apiserver v1.36; a folder beside the project's, not part of it. */
const ORACLE = join(import.meta.dirname, '../../../shared/oracle')

/** Area → how many answers have to equal the recorded ones. Raised as areas get better, never lowered. */
const floors = JSON.parse(readFileSync(join(import.meta.dirname, 'floors.json'), 'utf8')) as Record<string, number>

const present = existsSync(join(ORACLE, 'replay.mjs'))
if (!present) console.warn('SKIPPED: answers are not compared with recorded ones: no folder ../shared/oracle')

interface Replay {
  readonly equal: number
  readonly total: number
  readonly report: string
}

function replay(url: string, area: string): Promise<Replay> {
  const args = [join(ORACLE, 'replay.mjs'), '--base', url, '--scenarios', join(ORACLE, 'scenarios', area)]
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const totals = /(\d+) of (\d+) answers equal/.exec(stdout)
      if (totals === null) return reject(new Error(`the replay did not finish: ${stderr}`, { cause: error }))
      resolve({ equal: Number(totals[1]), total: Number(totals[2]), report: stdout })
    })
  })
}

describe.skipIf(!present)('recorded answers of a real kube-apiserver', () => {
  for (const [area, floor] of Object.entries(floors)) {
    test(`${area}: at least ${floor} answers are equal`, { timeout: 300_000 }, async () => {
      const server = await startTestServer({
        tokensFile: join(ORACLE, 'tokens.csv'),
        runtimeConfig: { 'admissionregistration.k8s.io/v1beta1': true },
      })
      try {
        const { equal, total, report } = await replay(server.url, area)
        console.info(`${area}: ${equal} of ${total} recorded answers are equal (floor: ${floor})`)
        if (equal < floor) console.error(report)
        expect(equal).toBeGreaterThanOrEqual(floor)
      } finally {
        await server.stop()
      }
    })
  }
})
