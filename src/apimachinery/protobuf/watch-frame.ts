import { wire } from './wire.ts'

const LENGTH_PREFIX_BYTES = 4

/**
 * One frame of a protobuf watch stream (`application/vnd.kubernetes.protobuf;stream=watch`): four bytes of length, big
 * endian, and a bare metav1.WatchEvent whose object is enveloped.
 *
 * @see apimachinery pkg/util/framer/framer.go, pkg/apis/meta/v1/watch.go
 */
export function encodeWatchFrame(type: string, envelopedObject: Uint8Array): Buffer {
  const writer = wire().Writer.create()
  writer.uint32(0x0a).string(type)
  writer.uint32(0x12).fork().uint32(0x0a).bytes(envelopedObject).ldelim()
  const message = writer.finish()
  const frame = Buffer.allocUnsafe(LENGTH_PREFIX_BYTES + message.length)
  frame.writeUInt32BE(message.length)
  frame.set(message, LENGTH_PREFIX_BYTES)
  return frame
}
