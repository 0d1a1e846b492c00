/**
 * Sorts the items from `start` to `end` (exclusive); equal ones stay as they stood. Most ranges have few items, mostly in
 * order already: calling the runtime's sort for each would take longer than the sorting.
 */
export function sortRange(
  items: Int32Array,
  start: number,
  end: number,
  compare: (a: number, b: number) => number,
): void {
  if (end - start > INSERTED_MAX) {
    items.subarray(start, end).sort(compare)
    return
  }
  for (let at = start + 1; at < end; at++) {
    const item = items[at]!
    let place = at
    for (; place > start && compare(items[place - 1]!, item) > 0; place--) items[place] = items[place - 1]!
    items[place] = item
  }
}

const INSERTED_MAX = 32
