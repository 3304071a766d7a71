import { InvalidArgumentError, Option } from 'commander'

const MAPPING = /^([^/=\s]+\/[^/=:\s]+(?::[0-9]{1,5})?)=((?:\[[^\]\s]+\]|[^:\s]+):[0-9]{1,5})$/

/** `--webhook-service namespace/name[:port]=host:port`: where a webhook that is named by a service really listens. */
export function webhookServiceOption(): Option {
  return new Option(
    '--webhook-service <service=address>',
    'where webhooks of a service listen: namespace/name[:port]=host:port; may be repeated',
  )
    .default({}, 'none')
    .argParser((text: string, all: Readonly<Record<string, string>>) => {
      const [, service, address] = MAPPING.exec(text) ?? []
      if (service === undefined || address === undefined) {
        throw new InvalidArgumentError('want namespace/name[:port]=host:port')
      }
      return { ...all, [service]: address }
    })
}
