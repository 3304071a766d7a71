import type * as Yaml from 'yaml'
import { lazyModule } from './lazy-module.ts'

/** The package of that name: most servers and requests never see YAML. */
export const yaml: () => typeof Yaml = lazyModule<typeof Yaml>('yaml')
