import type * as Yaml from 'yaml'
import { lazyModule } from '../apimachinery/lazy-module.ts'

const yaml = lazyModule<typeof Yaml>('yaml')

/**
 * YAML as upstream writes it: keys sorted, lists not indented; strings that a reader of YAML 1.1 would take for
 * something else in double quotes, those that need quotes for their characters in single ones.
 *
 * @see sigs.k8s.io/yaml goyaml.v2/encode.go (stringv)
 */
export function toYaml(value: unknown): string {
  const { Document, visit } = yaml()
  const document = new Document(value, { sortMapEntries: true, aliasDuplicateObjects: false })
  visit(document, {
    Scalar: (_key, node) => {
      if (typeof node.value === 'string' && isAmbiguous(node.value)) node.type = 'QUOTE_DOUBLE'
    },
  })
  return document.toString({ indentSeq: false, singleQuote: true })
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
