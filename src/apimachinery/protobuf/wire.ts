import type Protobuf from 'protobufjs/minimal.js'
import { lazyModule } from '../lazy-module.ts'

/** protobufjs' reader and writer, loaded with the first protobuf message: a server starts without them. */
export const wire: () => typeof Protobuf = lazyModule<typeof Protobuf>('protobufjs/minimal.js')
