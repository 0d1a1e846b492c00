import type { Instant } from '../core/time.ts'
import type { ListPage } from './list-page.ts'

/** Rows that were taken in but could not be used, kept until they are released. */
export interface Quarantine {
  /** Keeps rows; those of the same message or chunk again take the place of the former. */
  write(batch: QuarantineBatch): Promise<void>
  /** A page of batches that have not been released, of one source or of all, newest first. */
  list(page: QuarantinePage): Promise<readonly QuarantineSummary[]>
  /** Undefined when there is none of that id. */
  find(source: string, id: string): Promise<QuarantineSummary | undefined>
  /** The rows of a batch. */
  read(source: string, id: string): Promise<QuarantineBatch | undefined>
  /** Ids of all batches of a source, released ones too, by id; only those after `after`. */
  listIds(
    source: string,
    page: { readonly after: string; readonly countMax: number },
  ): Promise<readonly string[]>
  /** Removes a batch for good. */
  delete(source: string, id: string): Promise<void>
  /** Notes that a batch's rows have been sent again. */
  release(source: string, id: string, time: Instant): Promise<void>
}

export interface QuarantinePage extends ListPage {
  /** Absent for batches of all sources. */
  readonly source?: string | undefined
}

export interface QuarantineSummary {
  readonly id: string
  readonly source: string
  readonly rowCount: number
  /** When its rows came to the door. */
  readonly doorTime: Instant
  /** Reason of its first row. */
  readonly reason: string
  readonly isReleased: boolean
}

/** Rows of one message or one chunk of a load, with all that is needed to send them again under their stamps. */
export interface QuarantineBatch {
  /** Message id, or load and chunk. */
  readonly id: string
  readonly source: string
  readonly pushId: string
  readonly doorTime: Instant
  /** Names of the columns the rows' cells hold. */
  readonly columns: readonly string[]
  readonly rows: readonly QuarantinedRow[]
}

export interface QuarantinedRow {
  readonly index: number
  /** Id of the view whose expression failed; null when an expectation keeps the row from all of them. */
  readonly view: string | null
  readonly reason: string
  /** Comma-separated JSON texts. */
  readonly cells: string
}
