import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readTexts } from './initial-objects.ts'

test('a file that a build did not finish counts as none: objects are made anew', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kubemu-initial-'))
  try {
    const file = join(folder, 'initial-objects.json')
    expect(readTexts(file)).toEqual(new Map())
    writeFileSync(file, '{"a":"text","b":"te')
    expect(readTexts(file)).toEqual(new Map())
    writeFileSync(file, '{"a":"text"}')
    expect(readTexts(file)).toEqual(new Map([['a', 'text']]))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
