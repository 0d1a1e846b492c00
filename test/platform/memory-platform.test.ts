import { describeDueWork } from '../contracts/due-work.ts'
import { describePlatform } from '../contracts/platform.ts'
import { describeTrainingPlatform } from '../contracts/training-platform.ts'
import { describeWriterStorage } from '../contracts/writer-storage.ts'
import { memoryPlatform } from './memory-platform.ts'
import { memoryWriterStorage } from './memory-writer-storage.ts'

describePlatform('memory', async () => memoryPlatform(1_000_000))
describeTrainingPlatform('memory', async () => memoryPlatform(1_000_000))
describeDueWork('memory', async () => memoryPlatform(1_767_225_600_000_000))
describeWriterStorage('memory', async (work) => work(memoryWriterStorage()))
