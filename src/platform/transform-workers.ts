/** Workers of one's own that are bound to the store's. */
export interface TransformWorkers {
  /** Whether a Worker is bound under this name. */
  has(service: string): boolean
  /**
   * Gives rows to a method of a Worker and answers what it returns, unchecked. Throws what the Worker throws, and
   * `unavailable` when it is not bound or does not answer within `LIMITS.transformTimeoutMs`.
   */
  call(worker: WorkerMethodName, rows: readonly Readonly<Record<string, unknown>>[]): Promise<unknown>
}

export interface WorkerMethodName {
  readonly service: string
  readonly method: string
}
