import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { cleanPath, escapePath, joinPaths } from './go-path.ts'
import { HtmlLinks } from './html-links.ts'
import { proxiedLink } from './page-links.ts'

const PAGE = { pathPrefix: '/api/v1/nodes/n/proxy', backendHost: '10.0.0.1:80', requestHost: 'localhost:8001' }

describe('paths', () => {
  test.each([
    ['', '/'],
    ['/', '/'],
    ['/a/../../b', '/b'],
    ['//a//b/./c/..', '/a/b'],
    ['/../..', '/'],
  ])('%s is %s', (path, clean) => expect(cleanPath(path)).toBe(clean))

  test('joined, the slash at the end stays', () => {
    expect(joinPaths('/p', '/a/')).toBe('/p/a/')
    expect(joinPaths('/p', '/../a')).toBe('/a')
    expect(joinPaths('', '/')).toBe('/')
  })

  test('what means something in a URL is escaped', () => {
    expect(escapePath('/a b?c#d%e/ü')).toBe('/a%20b%3Fc%23d%25e/%C3%BC')
    expect(escapePath('/$&+,:;=@~-_.')).toBe('/$&+,:;=@~-_.')
  })
})

/** @see apimachinery pkg/util/proxy/transport_test.go */
describe('links', () => {
  test.each([
    ['/foo', '/api/v1/nodes/n/proxy/foo'],
    ['/foo/', '/api/v1/nodes/n/proxy/foo/'],
    ['/', '/api/v1/nodes/n/proxy/'],
    ['/foo?a=/b#c', '/api/v1/nodes/n/proxy/foo?a=/b#c'],
    ['http://10.0.0.1:80/foo', '/api/v1/nodes/n/proxy/foo'],
    ['//10.0.0.1:80/foo', '/api/v1/nodes/n/proxy/foo'],
    ['http://localhost:8001/foo', 'http://localhost:8001/api/v1/nodes/n/proxy/foo'],
    ['/api/v1/nodes/n/proxy/foo', '/api/v1/nodes/n/proxy/foo'],
    ['/a%20b', '/api/v1/nodes/n/proxy/a%20b'],
    ['foo', 'foo'],
    ['?x', '?x'],
    ['#top', '#top'],
    ['mailto:a@b', 'mailto:a@b'],
    ['javascript:void(0)', 'javascript:void(0)'],
    ['http://10.0.0.1:81/foo', 'http://10.0.0.1:81/foo'],
    ['https://elsewhere/foo', 'https://elsewhere/foo'],
    ['/%zz', '/%zz'],
    ['/a\nb', '/a\nb'],
  ])('%j becomes %j', (link, proxied) => expect(proxiedLink(link, PAGE)).toBe(proxied))
})

describe('pages', () => {
  const rewrite = (link: string): string => (link.startsWith('/') ? `/p${link}` : link)

  /** In pieces of so many bytes: what a page becomes must not depend on how it comes. */
  async function rewritten(page: string, size: number): Promise<string> {
    const bytes = Buffer.from(page)
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.subarray(i * size, (i + 1) * size),
    )
    return await text(Readable.from(pieces).pipe(new HtmlLinks(rewrite)))
  }

  test.each([
    ['<a href="/x">', '<a href="/p/x">'],
    ["<A class=b HREF='/x' id=c>t</A>", '<A class=b HREF="/p/x" id=c>t</A>'],
    ['<img src=/x.png alt=/y>', '<img src="/p/x.png" alt=/y>'],
    ['<link href = "/x"/>', '<link href="/p/x"/>'],
    ['<form action="/x?a=1&amp;b=2">', '<form action="/p/x?a=1&amp;b=2">'],
    ['<a title=">" href="/ü">', '<a title=">" href="/p/ü">'],
    ['<a data-href="/x" href="y">', '<a data-href="/x" href="y">'],
    ['<p href="/x">1 < 2 <', '<p href="/x">1 < 2 <'],
    ['<!-- <a href="/x"> --><a href="/y">', '<!-- <a href="/x"> --><a href="/p/y">'],
    ['<!doctype html><base href="/x/">', '<!doctype html><base href="/p/x/">'],
    [
      '<script src="/x">if (a<b) "<a href=\'/y\'>"</script><a href="/z">',
      '<script src="/p/x">if (a<b) "<a href=\'/y\'>"</script><a href="/p/z">',
    ],
    ['<style>a{background:url(/x)}</style>', '<style>a{background:url(/x)}</style>'],
    ['<textarea><a href="/x"></textarea>', '<textarea><a href="/x"></textarea>'],
    ['<a href="/x"', '<a href="/x"'],
    ['</a href="/x"><?x <a href="/y">', '</a href="/x"><?x <a href="/y">'],
    ['<object data="/&#47;x" usemap=\'"/"\'>', '<object data="/p//x" usemap=\'"/"\'>'],
  ])('%j', async (page, expected) => {
    for (const size of [1, 2, 7, 1000]) expect(await rewritten(page, size)).toBe(expected)
  })

  test('a tag without an end costs no more than its size', async () => {
    const page = `<a href="/${'x'.repeat(200_000)}`
    expect(await rewritten(page, 4096)).toBe(page)
  })
})
