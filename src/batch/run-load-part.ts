import { isPermanent, type JobSteps, type Platform, runStep } from '../platform.ts'
import { decodePartId } from './load-parts.ts'
import { failLoad, findLoad, isUnderWay } from './load-under-way.ts'
import { seeToShare } from './share-chunks.ts'

/**
 * Sees to one part of a load's chunks. What is not to be mended fails the load, and so ends the others; a part whose load has
 * ended, is tried again or goes on under another generation, ends without a word.
 */
export async function runLoadPart(platform: Platform, partId: string, steps: JobSteps): Promise<void> {
  const part = decodePartId(partId)
  const { load: id, attempt, generation } = part
  try {
    const chunkCount = await runStep(steps, 'chunk_count', async () => {
      const load = await findLoad(platform, id)
      return isUnderWay(load, part) ? load.chunkCount : null
    })
    if (chunkCount === null) return
    const badRowsMax = await runStep(
      steps,
      'max_bad_rows',
      async () => (await findLoad(platform, id)).badRowsMax,
    )
    await seeToShare(platform, steps, { ...part, id, chunkCount, badRowsMax, name: (step) => step })
  } catch (error) {
    if (!isPermanent(error)) throw error
    await failLoad(platform, id, { attempt, generation, error })
  }
}
