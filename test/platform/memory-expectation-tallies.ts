import type { ExpectationSum, ExpectationTallies, ExpectationTally } from '../../src/platform.ts'

export function memoryExpectationTallies(): ExpectationTallies {
  const tallies = new Map<string, ExpectationTally>()
  const folded: ExpectationTally[] = []
  return {
    async write(given) {
      for (const tally of given) tallies.set(`${tally.source}/${tally.id}`, structuredClone(tally))
    },
    async read(source, since) {
      const sums: Record<string, ExpectationSum> = {}
      const add = (tally: ExpectationTally, isRecent: boolean) => {
        for (const [name, count] of Object.entries(tally.counts)) {
          const { unmet, unmetSince, newestTime } = sums[name] ?? {
            unmet: 0,
            unmetSince: 0,
            newestTime: tally.time,
          }
          sums[name] = {
            unmet: unmet + count,
            unmetSince: unmetSince + (isRecent && tally.time >= since ? count : 0),
            newestTime: Math.max(newestTime, tally.time),
          }
        }
      }
      for (const tally of folded) if (tally.source === source) add(tally, false)
      for (const tally of tallies.values()) if (tally.source === source) add(tally, true)
      return sums
    },
    async fold(before) {
      for (const [key, tally] of tallies) {
        if (tally.time >= before) continue
        folded.push(tally)
        tallies.delete(key)
      }
    },
  }
}
