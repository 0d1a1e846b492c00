import { WorkerEntrypoint } from 'cloudflare:workers'

/** What the store gives of a row: the source's columns by name. Times are text, int64 is a bigint. */
interface OrderRow {
  readonly payload: string | null
}

/** What the view's features without SQL declare. */
interface OrderFields {
  readonly items: number
  readonly total: number
  readonly device: string | null
}

/** Reads orders that arrive as JSON in a column, which no SQL expression of the store can. */
export default class OrderPayloads extends WorkerEntrypoint {
  /**
   * One outcome for each row, in their order: its fields, null to leave the row out, or an error, which puts this row
   * alone in quarantine. What it throws makes all rows come again, so throw only for what another try may mend. Rows
   * come again after a fault: answer the same for the same row.
   */
  parseOrders(rows: readonly OrderRow[]): (OrderFields | Error | null)[] {
    return rows.map(({ payload }) => (payload === null ? null : parseOrder(payload)))
  }
}

function parseOrder(payload: string): OrderFields | Error {
  try {
    const { lines, device = null } = JSON.parse(payload) as Order
    const total = lines.reduce((sum, { price, count }) => sum + price * count, 0)
    return { items: lines.length, total, device }
  } catch (error) {
    return new Error(`The payload is no order: ${(error as Error).message}`)
  }
}

interface Order {
  readonly lines: readonly { readonly price: number; readonly count: number }[]
  readonly device?: string
}
