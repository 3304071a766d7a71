import { expect, test } from 'vitest'
import { imageTag } from './image-name.ts'

const DIGEST = `sha256:${'a'.repeat(64)}`

/** Expectations: kubernetes pkg/util/parsers/parsers_test.go and the grammar of github.com/distribution/reference. */
test.each([
  ['root', 'latest'],
  ['root:tag', 'tag'],
  [`root@${DIGEST}`, ''],
  [`root:v1@${DIGEST}`, 'v1'],
  ['user/repo', 'latest'],
  ['user/repo:latest', 'latest'],
  ['url:5000/repo', 'latest'],
  ['url:5000/repo:1.0', '1.0'],
  ['localhost/repo', 'latest'],
  ['docker.io/library/nginx:1.2', '1.2'],
  ['Upper/case', 'latest'],
  ['Upper/Case', ''],
  ['UPPER', ''],
  ['', ''],
  [' x', ''],
  ['a'.repeat(64), ''],
  ['repo:', ''],
  ['repo@sha256:abc', ''],
])('%s → %j', (image, tag) => {
  expect(imageTag(image)).toBe(tag)
})

test('a hostile name costs no time', () => {
  expect(imageTag(`${'a.'.repeat(100_000)}/`)).toBe('')
  expect(imageTag(`${'a-'.repeat(500)}:`)).toBe('')
})
