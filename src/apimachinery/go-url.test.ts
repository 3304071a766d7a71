import { expect, test } from 'vitest'
import { GoUrlError, parseGoUrl } from './go-url.ts'

/** Expectations are those of Go's net/url (url_test.go at go1.25). */
test.each([
  ['https://h:1/a%20b?x=1#f', { scheme: 'https', host: 'h:1', path: '/a b', rawQuery: 'x=1', fragment: 'f' }],
  ['HTTP://u:p@h', { scheme: 'http', userInfo: 'u:p', host: 'h', path: '' }],
  ['http://[::1]:80/', { host: '[::1]:80', path: '/' }],
  ['mailto:a@b', { scheme: 'mailto', host: '', path: '' }],
  ['//h/p', { scheme: '', host: 'h', path: '/p' }],
  ['///p', { scheme: '', host: '', path: '///p' }],
  ['https:///x', { scheme: 'https', host: '', path: '/x' }],
  ['a/b:c', { scheme: '', host: '', path: 'a/b:c' }],
  ['', { scheme: '', host: '', path: '' }],
])('takes %j apart', (raw, parts) => {
  expect(parseGoUrl(raw)).toMatchObject(parts)
})

test.each([
  ['%zz', 'invalid URL escape "%zz"'],
  ['http://h/%', 'invalid URL escape "%"'],
  [':x', 'missing protocol scheme'],
  ['1a:b', 'first path segment in URL cannot contain colon'],
  ['http://h:x/', 'invalid port ":x" after host'],
  ['http://[::1', "missing ']' in host"],
  ['http://a b/', 'invalid character " " in host name'],
  ['http://%41/', 'invalid URL escape "%41"'],
  ['http://a^b@h/', 'net/url: invalid userinfo'],
  ['http://h/\u007f', 'net/url: invalid control character in URL'],
])('refuses %j', (raw, why) => {
  expect(() => parseGoUrl(raw)).toThrow(GoUrlError)
  expect(() => parseGoUrl(raw)).toThrow(why)
})
