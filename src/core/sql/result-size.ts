import { invalid } from '../error.ts'
import { LIMITS } from '../limits.ts'

/** Passes on a text that an expression may make (S27). Throws `invalid_argument` for a longer one. */
export function checkTextSize<T extends { readonly length: number }>(text: T): T {
  if (text.length > LIMITS.expressionStringCharsMax) {
    throw invalid(
      `Cannot make a string of ${text.length} characters: ${LIMITS.expressionStringCharsMax} are allowed`,
    )
  }
  return text
}

/** Passes on a list that an expression may make (S27). Throws `invalid_argument` for a longer one. */
export function checkListSize<T extends { readonly length: number }>(list: T): T {
  if (list.length > LIMITS.expressionListItemsMax) {
    throw invalid(`Cannot make a list of ${list.length} items: ${LIMITS.expressionListItemsMax} are allowed`)
  }
  return list
}
