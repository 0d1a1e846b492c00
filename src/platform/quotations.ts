/** Sentences in the store's tables that quote values: why a row was rejected, a load failed, a message was not taken in. */
export interface Quotations {
  /** Puts `QUOTATION_ERASED` in the place of every sentence that quotes one of these. Answers how many. */
  erase(quoted: readonly Quoted[]): Promise<number>
}

export interface Quoted {
  /** As it stands in a sentence. */
  readonly text: string
  /** A number is meant as a whole: 12 is not quoted by a sentence about 123. */
  readonly isNumber: boolean
}

export const QUOTATION_ERASED = 'The reason quoted a value that has been erased'
