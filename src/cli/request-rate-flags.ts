import { type Command, InvalidArgumentError } from 'commander'
import type { ComponentProcessOptions } from '../cluster/component-process.ts'

/** Flags of how fast a component may ask, as commander hands them over. */
export interface RequestRateFlags {
  kubeApiQps: number
  kubeApiBurst: number
}

/** Adds the flags that Kubernetes' own components have; unless they are given, there is no limit. */
export function addRequestRateFlags<C extends Command>(command: C): C {
  return command
    .option('--kube-api-qps <n>', 'requests per second of each identity; 0: any number', number, 0)
    .option('--kube-api-burst <n>', 'and how many at once', number, 30)
}

/** Undefined where there is no limit. */
export function requestRateOf({ kubeApiQps, kubeApiBurst }: RequestRateFlags): ComponentProcessOptions['rate'] {
  return kubeApiQps > 0 ? { perSecond: kubeApiQps, burst: Math.max(kubeApiBurst, 1) } : undefined
}

function number(text: string): number {
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text)
  throw new InvalidArgumentError(`strconv.ParseFloat: parsing ${JSON.stringify(text)}: invalid syntax`)
}
