import type { ListPage, Schedule, TrainingDataset, TrainingRecords } from '../../src/platform.ts'
import { takePage } from './take-page.ts'

/** Training datasets, steps and schedules in maps. */
export function memoryTraining(): TrainingRecords {
  const datasets = new Map<string, TrainingDataset>()
  const steps = new Map<string, Map<string, string>>()
  const schedules = new Map<string, Schedule>()
  const pageOf = <T extends { readonly createdTime: number; readonly id: string }>(
    all: Iterable<T>,
    page: ListPage,
  ) => takePage(all, ({ createdTime: time, id }) => ({ time, id }), page)
  return {
    async begin(dataset) {
      const first = datasets.get(dataset.id) ?? structuredClone(dataset)
      datasets.set(dataset.id, first)
      return first
    },
    find: async (id) => datasets.get(id),
    list: async (page) => pageOf(datasets.values(), page),
    async update(id, change) {
      datasets.set(id, { ...datasets.get(id)!, ...structuredClone(change) })
    },
    readSteps: async (id) => new Map(steps.get(id)),
    async writeStep(id, step, content) {
      steps.set(id, (steps.get(id) ?? new Map()).set(step, content))
    },
    async deleteSteps(id) {
      steps.delete(id)
    },
    async touch(views, reason) {
      for (const dataset of datasets.values()) {
        const reads = dataset.pins?.views.some((view) => views.includes(view)) ?? false
        if (reads && dataset.touched === null) datasets.set(dataset.id, { ...dataset, touched: reason })
      }
    },
    async beginSchedule(schedule) {
      if (!schedules.has(schedule.id)) schedules.set(schedule.id, schedule)
    },
    findSchedule: async (id) => schedules.get(id),
    listSchedules: async (page) => pageOf(schedules.values(), page),
    listDueSchedules: async ({ now, countMax }) =>
      [...schedules.values()]
        .filter(({ nextTime, leaseTime }) => nextTime !== null && nextTime <= now && leaseTime <= now)
        .sort((a, b) => a.nextTime! - b.nextTime! || (a.id < b.id ? -1 : 1))
        .slice(0, countMax),
    async leaseSchedule(id, dueTime, { now, until }) {
      const schedule = schedules.get(id)
      if (schedule?.nextTime !== dueTime || schedule.leaseTime > now) return false
      schedules.set(id, { ...schedule, leaseTime: until })
      return true
    },
    async advanceSchedule(id, dueTime, nextTime) {
      const schedule = schedules.get(id)
      if (schedule?.nextTime === dueTime) schedules.set(id, { ...schedule, nextTime, leaseTime: 0 })
    },
    async cancelSchedule(id) {
      const schedule = schedules.get(id)
      if (schedule === undefined || schedule.nextTime === null) return false
      schedules.set(id, { ...schedule, nextTime: null })
      return true
    },
  }
}
