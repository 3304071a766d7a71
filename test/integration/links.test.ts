import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const DOCUMENTS = [
  ...readdirSync(ROOT),
  ...['docs', 'bench', 'examples'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((path) => `${folder}/${path}`),
  ),
].filter((path) => path.endsWith('.md'))

/** GitHub's anchors of a document's headings. */
function anchorsOf(path: string): string[] {
  const headings = [...readFileSync(path, 'utf8').matchAll(/^#{1,6} (.+)$/gm)].map(([, text]) => text!)
  return headings.map((text) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** What a link inside the repository leads to, as a sentence where that is nothing. */
function problemOf(document: string, link: string): string | undefined {
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? join(ROOT, document) : join(ROOT, dirname(document), path)
  if (!existsSync(target)) return `${document}: ${link} leads to nothing`
  if (anchor && !anchorsOf(target).includes(anchor)) return `${document}: ${link} has no such heading`
  return undefined
}

describe('links between documents', () => {
  test.each(DOCUMENTS)('%s', (document) => {
    const text = readFileSync(join(ROOT, document), 'utf8').replace(/^```.*?^```$/gms, '')
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!)
    const inside = links.filter((link) => !/^[a-z]+:/.test(link))
    expect(inside.flatMap((link) => problemOf(document, link) ?? [])).toEqual([])
  })

  test('the documentation lists every one of its pages', () => {
    const index = readFileSync(join(ROOT, 'docs/README.md'), 'utf8')
    const pages = DOCUMENTS.filter((path) => /^docs\/[^/]+\.md$/.test(path) && path !== 'docs/README.md')
    expect(pages.filter((path) => !index.includes(`](${path.slice('docs/'.length)})`))).toEqual([])
  })

  test('files and folders that the architecture names are there', () => {
    const named = [
      ...readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8').matchAll(/`([a-z][\w-]*\/[\w/-]+\.ts|src\/[\w/-]+)`/g),
    ]
    const paths = named.map(([, path]) => (path!.startsWith('src/') ? path! : `src/${path}`))
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
  })
})
