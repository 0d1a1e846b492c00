import type { Instant } from '../core/time.ts'
import type { StoredFile } from './files.ts'
import type { ListPage } from './list-page.ts'

/** Training datasets beside the jobs of the same ids that make them, the steps of their making, and schedules. */
export interface TrainingRecords {
  /** The dataset of this id: the one given if it is the first, else the first one. */
  begin(dataset: TrainingDataset): Promise<TrainingDataset>
  find(id: string): Promise<TrainingDataset | undefined>
  /** A page of them, newest first. */
  list(page: ListPage): Promise<readonly TrainingDataset[]>
  update(id: string, change: Partial<Pick<TrainingDataset, 'pins' | 'result' | 'touched'>>): Promise<void>
  /** What finished steps of a dataset's making left behind, by name. */
  readSteps(id: string): Promise<ReadonlyMap<string, string>>
  writeStep(id: string, step: string, content: string): Promise<void>
  deleteSteps(id: string): Promise<void>
  /**
   * Notes that rows which datasets were made from are no longer what they were (S5, S11): of every dataset that
   * reads one of these views, by name, and is pinned. The first reason stays.
   */
  touch(views: readonly string[], reason: string): Promise<void>
  beginSchedule(schedule: Schedule): Promise<void>
  findSchedule(id: string): Promise<Schedule | undefined>
  /** Likewise; those that have ended are among them. */
  listSchedules(page: ListPage): Promise<readonly Schedule[]>
  /** Those that are due and that nobody has the lease of, the longest due first and among those of one time by id. */
  listDueSchedules(due: { readonly now: Instant; readonly countMax: number }): Promise<readonly Schedule[]>
  /** Takes the lease of a schedule that is due at `dueTime`; false when another has it or the run was made. */
  leaseSchedule(id: string, dueTime: Instant, lease: Lease): Promise<boolean>
  /** Moves a schedule from one due time to the next (null: there is none), and gives the lease back; a cancelled one stays. */
  advanceSchedule(id: string, dueTime: Instant, nextTime: Instant | null): Promise<void>
  /** Ends a schedule; false when it has none left to come. */
  cancelSchedule(id: string): Promise<boolean>
}

export interface TrainingDataset {
  readonly id: string
  readonly name: string
  readonly request: DatasetRequest
  /** Null until its making has begun. */
  readonly pins: DatasetPins | null
  /** Null until it is made. */
  readonly result: DatasetResult | null
  /** Why it can no longer be made again; null while it can. */
  readonly touched: string | null
  readonly createdTime: Instant
  /** The schedule that made it; null for a request. */
  readonly schedule: string | null
}

/** What a dataset is to be made of. */
export interface DatasetRequest {
  /** A feature service by name, or a view whose features are the columns. */
  readonly of: { readonly kind: 'service' | 'view'; readonly name: string }
  readonly labels: LabelsRequest
  /** Only rows ingested at or before this; null pins the time of its start. */
  readonly asOf: Instant | null
  readonly isKnowledgeCutoff: boolean
  readonly hasStatuses: boolean
}

export type LabelsRequest =
  | { readonly kind: 'file'; readonly path: string }
  /** Every key of the entity that has a row at the time. */
  | { readonly kind: 'entities'; readonly entity: string; readonly at: Instant }

/** The bounds within which a dataset was read, and is read when it is made again (S5). */
export interface DatasetPins {
  readonly generation: number
  readonly asOf: Instant
  /** The newest registration of segments that counts. */
  readonly commit: number
  /** Null where entities are the labels. */
  readonly labels: StoredFile | null
  /** Labels of one row group: where files are cut is part of their bytes. */
  readonly chunkRows: number
  /** Names of the views it reads. */
  readonly views: readonly string[]
  /** Ids of the versions it reads; absent in datasets of before they were noted. */
  readonly viewIds?: readonly string[]
}

export interface DatasetResult {
  readonly rowCount: number
  readonly files: readonly DatasetFile[]
  /** Path of the manifest. */
  readonly manifest: string
}

export interface DatasetFile {
  readonly path: string
  readonly rows: number
  readonly bytes: number
}

/** A dataset that is made again and again. */
export interface Schedule {
  readonly id: string
  readonly name: string
  /** Five fields, UTC. */
  readonly cron: string
  /** JSON of the request, with patterns where each run differs. */
  readonly request: string
  readonly createdTime: Instant
  /** When it is due next; null when it never is again. */
  readonly nextTime: Instant | null
  /** Until when somebody is starting what is due; 0 when nobody is. */
  readonly leaseTime: Instant
}

export interface Lease {
  readonly now: Instant
  readonly until: Instant
}
