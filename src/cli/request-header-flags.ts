import type { Command } from 'commander'
import type { RequestHeaderFlags } from '../cluster/auth-options.ts'

/** Flags about front proxies as commander hands them over. */
export interface RequestHeaderFlagValues {
  requestheaderClientCaFile?: string
  requestheaderAllowedNames?: string
  requestheaderUsernameHeaders?: string
  requestheaderUidHeaders?: string
  requestheaderGroupHeaders?: string
  requestheaderExtraHeadersPrefix?: string
}

/** The value of a list that is given in several flags. */
export const joined = (value: string, before?: string): string => (before === undefined ? value : `${before},${value}`)

/** Adds the flags about front proxies. */
export function addRequestHeaderFlags<C extends Command>(command: C): C {
  return command
    .option('--requestheader-client-ca-file <file>', 'CAs of front proxies')
    .option('--requestheader-allowed-names <names>', 'common names of their certificates; none: any', joined)
    .option('--requestheader-username-headers <names>', 'headers that name the user', joined)
    .option('--requestheader-uid-headers <names>', 'headers that name its uid', joined)
    .option('--requestheader-group-headers <names>', 'headers that name its groups', joined)
    .option('--requestheader-extra-headers-prefix <prefixes>', 'prefixes of headers with more about it', joined)
}

/** Undefined where there are none. Errors: names that are none. */
export function requestHeaderOf(flags: RequestHeaderFlagValues): RequestHeaderFlags | undefined {
  const proxies = {
    allowedNames: filled('requestheader-allowed-names', flags.requestheaderAllowedNames),
    usernameHeaders: filled('requestheader-username-headers', flags.requestheaderUsernameHeaders),
    uidHeaders: filled('requestheader-uid-headers', flags.requestheaderUidHeaders),
    groupHeaders: filled('requestheader-group-headers', flags.requestheaderGroupHeaders),
    extraHeaderPrefixes: filled('requestheader-extra-headers-prefix', flags.requestheaderExtraHeadersPrefix),
  }
  if (proxies.uidHeaders.length > 0 && !has(proxies.uidHeaders, 'X-Remote-Uid')) {
    throw new Error(
      '--requestheader-uid-headers is set without specifying the standard X-Remote-Uid header - API aggregation will not work',
    )
  }
  const clientCaFile = flags.requestheaderClientCaFile
  return clientCaFile ? { clientCaFile, ...proxies } : undefined
}

/** @see apiserver pkg/server/options/authentication.go */
export function requestHeaderWarnings(flags: RequestHeaderFlagValues): string[] {
  const standards = [
    ['username-headers', flags.requestheaderUsernameHeaders, 'X-Remote-User header'],
    ['group-headers', flags.requestheaderGroupHeaders, 'X-Remote-Group header'],
    ['extra-headers-prefix', flags.requestheaderExtraHeadersPrefix, 'X-Remote-Extra- header prefix'],
  ] as const
  return standards
    .filter(([, given, standard]) => given !== undefined && !has(listOf(given), standard.split(' ')[0]!))
    .map(
      ([flag, , standard]) =>
        `--requestheader-${flag} is set without specifying the standard ${standard} - API aggregation will not work`,
    )
}

const has = (names: readonly string[], wanted: string): boolean =>
  names.some((name) => name.toLowerCase() === wanted.toLowerCase())

/** A list without empty items. */
function filled(flag: string, text: string | undefined): string[] {
  if (text === undefined || text === '') return []
  const items = text.split(',').map((item) => item.trim())
  if (items.includes('')) throw new Error(`empty value in "${flag}"`)
  return items
}

/** The items of a list that commas separate. */
export function listOf(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}
