import { expect, test } from 'vitest'
import { goJsonObjectError } from './go-json.ts'

// Messages of Go's encoding/json scanner.
test.each([
  ['text', "invalid character 'e' in literal true (expecting 'r')"],
  ['', 'unexpected end of JSON input'],
  ['{', 'unexpected end of JSON input'],
  ['{"a"', 'unexpected end of JSON input'],
  ['hello', "invalid character 'h' looking for beginning of value"],
  ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
  ['{"a" 1}', "invalid character '1' after object key"],
  ['{"a":1 "b"}', "invalid character '\"' after object key:value pair"],
  ['[1 2]', "invalid character '2' after array element"],
  ['{} x', "invalid character 'x' after top-level value"],
  ['{"a":-x}', "invalid character 'x' in numeric literal"],
  ['{"a":1.x}', "invalid character 'x' after decimal point in numeric literal"],
  ['{"a":1ex}', "invalid character 'x' in exponent of numeric literal"],
  ['{"a":"\\q"}', "invalid character 'q' in string escape code"],
  ['{"a":"\\u12g4"}', "invalid character 'g' in \\u hexadecimal character escape"],
  ['{"a":"\n"}', "invalid character '\\n' in string literal"],
  ["'a'", "invalid character '\\'' looking for beginning of value"],
  ['[1,]', "invalid character ']' looking for beginning of value"],
  ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
  ['01', "invalid character '1' after top-level value"],
  ['é', "invalid character 'Ã' looking for beginning of value"],
  ['[]', 'json: cannot unmarshal array into Go value of type map[string]interface {}'],
  ['"a"', 'json: cannot unmarshal string into Go value of type map[string]interface {}'],
  ['1', 'json: cannot unmarshal number into Go value of type map[string]interface {}'],
  ['true', 'json: cannot unmarshal bool into Go value of type map[string]interface {}'],
])('%j fails as in Go', (text, message) => {
  expect(goJsonObjectError(Buffer.from(text))).toBe(message)
})

test.each(['{}', ' {"auths":{"r":{"auth":"eA=="}}} ', 'null'])('%j is taken', (text) => {
  expect(goJsonObjectError(Buffer.from(text))).toBeUndefined()
})

test('a text of many open brackets needs no deep stack', () => {
  expect(goJsonObjectError(Buffer.from('['.repeat(100_000)))).toBe('unexpected end of JSON input')
})
