import { yaml } from '../apimachinery/yaml.ts'

/**
 * YAML as upstream writes it: keys sorted, lists not indented; strings that a reader of YAML 1.1 would take for
 * something else in double quotes, those that need quotes for their characters in single ones; lines folded at the first
 * space behind column 80.
 *
 * @see sigs.k8s.io/yaml goyaml.v2/encode.go (stringv), goyaml.v2/emitterc.go
 */
export function toYaml(value: unknown): string {
  const { Document, stringify, visit } = yaml()
  const document = new Document(value, { sortMapEntries: true, aliasDuplicateObjects: false })
  visit(document, {
    Scalar: (_key, node) => {
      const { value: text } = node
      if (typeof text !== 'string') return
      if (isAmbiguous(text)) node.type = 'QUOTE_DOUBLE'
      // The package would take double quotes around single ones.
      else if (/^[^\n"]*'[^\n"]*$/.test(text) && stringify(text).startsWith('"')) node.type = 'QUOTE_SINGLE'
    },
  })
  return folded(document.toString({ indentSeq: false, singleQuote: true, lineWidth: 0, blockQuote: 'literal' }))
}

const BEST_WIDTH = 80
/** Indentation and dashes, a key, a value. */
const LINE = /^((?: |- )*)((?:'(?:[^']|'')*'|"(?:[^"\\]|\\.)*"|[^\s'"].*?): )?(.*)$/
const BLOCK_HEADER = /^[|>][-+\d]*$/

/** Folds the values of a document that has each on one line, but for blocks, which stay. */
function folded(text: string): string {
  if (text.length <= BEST_WIDTH) return text
  let blockIndent = -1
  return text
    .split('\n')
    .map((line) => {
      if (blockIndent >= 0 && (line === '' || indentOf(line) > blockIndent)) return line
      const [, lead = '', key = '', value = ''] = LINE.exec(line) ?? []
      const column = key === '' ? lead.replace(/- $/, '').length : lead.length
      blockIndent = BLOCK_HEADER.test(value) ? column : -1
      return line.length > BEST_WIDTH ? lead + key + foldedValue(value, (lead + key).length, column + 2) : line
    })
    .join('\n')
}

const indentOf = (line: string): number => line.length - line.trimStart().length

/** `column`: where the value begins; `indent`: where its further lines do. */
function foldedValue(value: string, column: number, indent: number): string {
  const quote = value.startsWith("'") || value.startsWith('"') ? value[0]! : ''
  const characters = [...value]
  const [first, last] = quote === '' ? [0, characters.length - 1] : [1, characters.length - 2]
  let out = ''
  let at = column
  for (const [i, character] of characters.entries()) {
    const isFold =
      character === ' ' &&
      at > BEST_WIDTH &&
      i > first &&
      i < last &&
      characters[i - 1] !== ' ' &&
      (characters[i + 1] !== ' ' || quote === '"')
    out += isFold ? `\n${' '.repeat(indent)}${characters[i + 1] === ' ' ? '\\' : ''}` : character
    at = isFold ? indent + (characters[i + 1] === ' ' ? 1 : 0) : at + 1
  }
  return out
}

const WORD = /^(?:~|<<|null|y|n|yes|no|on|off|true|false|[-+]?\.inf|\.nan)$/i
const NUMBER =
  /^[-+]?(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+|\d[\d_]*|[\d_]*\.?[\d_]+(?:[eE][-+]?\d+)?|\d[\d_]*\.)$/
/** Numbers to the base of sixty, which YAML 1.1 has and 1.2 has not. */
const BASE_60 = /^[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.[\d_]*)?$/
const TIMESTAMP =
  /^\d{4}-\d{1,2}-\d{1,2}(?:[Tt]\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?(?:Z|[-+]\d{2}:\d{2})| \d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?)?$/

/** A reader would not see a string in it. */
function isAmbiguous(text: string): boolean {
  if (text === '') return true
  if (text.length > 40) return false
  return WORD.test(text) || NUMBER.test(text) || BASE_60.test(text) || TIMESTAMP.test(text)
}
