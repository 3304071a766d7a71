import type { Pod } from '../../../apimachinery/types/core-v1.ts'
import { MAX_NODE_SCORE, type SchedulerPlugin } from '../plugin.ts'

const MEBIBYTE = 1024 * 1024
/** Images smaller than this in all are no reason to prefer a node. */
const MIN_BYTES = 23 * MEBIBYTE
/** Beyond this, per container, more makes no difference. */
const MAX_BYTES_PER_CONTAINER = 1000 * MEBIBYTE

/** The name with `:latest` where it has no tag. */
function normalized(image: string): string {
  return image.lastIndexOf(':') <= image.lastIndexOf('/') ? `${image}:latest` : image
}

function imagesOf(pod: Pod): string[] {
  const { initContainers = [], containers = [], volumes = [] } = pod.spec ?? { containers: [] }
  return [
    ...[...initContainers, ...containers].map((c) => c.image ?? ''),
    ...volumes.flatMap((v) => (v.image ? [v.image.reference ?? ''] : [])),
  ].map(normalized)
}

/** Likes nodes that have the images already. @see plugins/imagelocality/image_locality.go */
export const imageLocality: SchedulerPlugin = {
  name: 'ImageLocality',
  weight: 1,
  scorer({ pod, cluster }) {
    const images = imagesOf(pod)
    const nodeCount = cluster.nodes.length
    const containers = (pod.spec?.initContainers?.length ?? 0) + (pod.spec?.containers.length ?? 0)
    const most = MAX_BYTES_PER_CONTAINER * containers
    return {
      score({ name }) {
        let sum = 0
        for (const image of images) {
          const present = cluster.image(image, name)
          if (present) sum += Math.trunc(present.sizeBytes * (present.nodeCount / nodeCount))
        }
        const bounded = Math.min(Math.max(sum, MIN_BYTES), most)
        return Math.trunc((MAX_NODE_SCORE * (bounded - MIN_BYTES)) / (most - MIN_BYTES))
      },
    }
  },
}
