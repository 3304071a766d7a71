import { describe, expect, test } from 'vitest'
import {
  formatLabelSelector,
  labelKeyErrors,
  labelSelectorAsSelector,
  NOTHING,
  newRequirement,
  parseLabelSelector,
  selectorFromSet,
} from './label-selector.ts'

const NAME_ERROR =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"

/** Facts of apimachinery pkg/labels/selector_test.go. */
describe('string form', () => {
  test.each([
    ['', ''],
    ['x=a,y=b,z=c', 'x=a,y=b,z=c'],
    ['x!=a,y=b', 'x!=a,y=b'],
    ['x=', 'x='],
    ['x= ', 'x='],
    ['x=,z= ', 'x=,z='],
    ['!x', '!x'],
    ['x>1,z<5', 'x>1,z<5'],
    ['x=a,a=x', 'a=x,x=a'],
    ['x in (b,a)', 'x in (a,b)'],
    ['x in (foo,,baz),y,z notin ()', 'x in (,baz,foo),y,z notin ()'],
    ['x in (,a)', 'x in (,a)'],
    ['x in (a,)', 'x in (,a)'],
    ['x notin (a,,)', 'x notin (,a)'],
    ['in in (in,notin)', 'in in (in,notin)'],
    ['x==a', 'x==a'],
    ['\t x \n=\r a', 'x=a'],
    ['example.com/x=1', 'example.com/x=1'],
  ])('%j prints as %j', (text, printed) => {
    expect(parseLabelSelector(text).toString()).toBe(printed)
  })

  /** Recorded answers of a real server, and upstream's sources. */
  test.each([
    ['app===', "unable to parse requirement: found '=', expected: identifier"],
    ['app=a b', "found 'b', expected: ',' or 'end of string'"],
    ['a b=c', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ['a^b', `unable to parse requirement: <nil>: Invalid value: "a^b": ${NAME_ERROR}`],
    [
      'n>abc',
      `unable to parse requirement: values[0]: Invalid value: "abc": for 'Gt', 'Lt' operators, the value must be an integer`,
    ],
    ['app in (a', "unable to parse requirement: found '', expected: ',' or ')'"],
    ['app in a', "unable to parse requirement: found 'a' expected: '('"],
    ['app in (a b)', "unable to parse requirement: found 'b', expected: ',' or ')'"],
    ['app in (=', "unable to parse requirement: found '=', expected: ',', ')' or identifier"],
    ['app in (a,=', "unable to parse requirement: found '=', expected: ',', or identifier"],
    [',app', "found ',', expected: !, identifier, or 'end of string'"],
    ['=', "found '=', expected: !, identifier, or 'end of string'"],
    ['app,', "found '', expected: identifier after ','"],
    ['!', "unable to parse requirement: found '', expected: identifier"],
    ['x!', "unable to parse requirement: found '!', expected: in, notin, =, ==, !=, gt, lt"],
    [
      `app=${'v'.repeat(64)}`,
      `unable to parse requirement: values[0][app]: Invalid value: "${'v'.repeat(64)}": must be no more than 63 bytes`,
    ],
    [
      'UPPER.com/x=1',
      "unable to parse requirement: <nil>: Invalid value: \"UPPER.com/x\": prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
    ['!app=web', "found '=', expected: ',' or 'end of string'"],
    ['app notin', "unable to parse requirement: found '' expected: '('"],
    ['x=(', "unable to parse requirement: found '(', expected: identifier"],
  ])('%j: %s', (text, message) => {
    expect(() => parseLabelSelector(text)).toThrow(message)
  })

  test('a long run of odd characters is read in linear time', () => {
    expect(() => parseLabelSelector(`${'a.'.repeat(100_000)}~`)).toThrow('unable to parse requirement')
    expect(() => parseLabelSelector('>'.repeat(200_000))).toThrow('expected: !, identifier')
  })
})

describe('matching', () => {
  test.each([
    ['', { x: 'y' }, true],
    ['x=y', { x: 'y' }, true],
    ['x=y,z=w', { x: 'y', z: 'w' }, true],
    ['x!=y,z!=w', { x: 'z', z: 'a' }, true],
    ['notin=in', { notin: 'in' }, true],
    ['x', { x: 'z' }, true],
    ['!x', { y: 'z' }, true],
    ['x>1', { x: '2' }, true],
    ['x<1', { x: '0' }, true],
    ['x=z', {}, false],
    ['x=y', { x: 'z' }, false],
    ['x=y,z=w', { x: 'w', z: 'w' }, false],
    ['x!=y,z!=w', { x: 'z', z: 'w' }, false],
    ['x', { y: 'z' }, false],
    ['!x', { x: 'z' }, false],
    ['x>1', { x: '0' }, false],
    ['x<1', { x: '2' }, false],
    ['x>1', { x: 'many' }, false],
    ['x notin (a,b)', {}, true],
    ['x in (a,b)', { x: 'b' }, true],
    ['constructor', {}, false],
  ])('%s on %j: %s', (text, labels, matches) => {
    expect(parseLabelSelector(text).matches(labels)).toBe(matches)
  })

  test('an object without labels', () => {
    expect(parseLabelSelector('!x').matches(undefined)).toBe(true)
    expect(parseLabelSelector('x').matches(undefined)).toBe(false)
    expect(selectorFromSet({ a: 'b' }).matches({ a: 'b', c: 'd' })).toBe(true)
  })

  test('the one value that a label must have', () => {
    expect(parseLabelSelector('a=b,c').requiresExactMatch('a')).toBe('b')
    expect(parseLabelSelector('a in (b)').requiresExactMatch('a')).toBe('b')
    expect(parseLabelSelector('a in (b,c)').requiresExactMatch('a')).toBeUndefined()
    expect(parseLabelSelector('a!=b').requiresExactMatch('a')).toBeUndefined()
  })
})

describe('LabelSelector of an object', () => {
  test('absent selects nothing, empty selects everything', () => {
    expect(labelSelectorAsSelector(undefined)).toBe(NOTHING)
    expect(NOTHING.matches({})).toBe(false)
    expect(labelSelectorAsSelector({}).isEmpty()).toBe(true)
    expect(formatLabelSelector({})).toBe('<none>')
  })

  test('labels and expressions, sorted by key', () => {
    const matchExpressions = [
      { key: 'tier', operator: 'In', values: ['b', 'a'] },
      { key: 'gone', operator: 'DoesNotExist' },
    ]
    expect(formatLabelSelector({ matchLabels: { app: 'web' }, matchExpressions })).toBe('app=web,!gone,tier in (a,b)')
  })

  test('bad operators, values and keys are told', () => {
    const expression = (operator: string, values: string[]) => () =>
      labelSelectorAsSelector({ matchExpressions: [{ key: 'a', operator, values }] })
    expect(expression('Near', [])).toThrow('"Near" is not a valid label selector operator')
    expect(expression('In', [])).toThrow(
      "values: Invalid value: null: for 'in', 'notin' operators, values set can't be empty",
    )
    expect(expression('Exists', ['b'])).toThrow(
      'values: Invalid value: ["b"]: values set must be empty for exists and does not exist',
    )
    expect(formatLabelSelector({ matchLabels: { 'a b': 'c' } })).toBe('<error>')
    expect(() => newRequirement('', '=', ['a', 'b'])).toThrow(
      /^\[key: Invalid value: "": name part must be non-empty; /,
    )
  })

  test('a key has at most one slash', () => {
    expect(labelKeyErrors('a/b/c')).toHaveLength(1)
    expect(labelKeyErrors('a/b/c')[0]).toMatch(/^a valid label key must consist of .*with an optional DNS subdomain/)
  })
})
