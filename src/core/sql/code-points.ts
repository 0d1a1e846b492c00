/** A text by its code points, which is how SQL counts; JavaScript counts UTF-16 units. */

const SURROGATE = /[\ud800-\udfff]/

/** Letters whose upper case is one letter in Unicode's simple mapping, but several in JavaScript's full one. */
const SIMPLE_UPPER = new Map([
  ['ß', 'ẞ'],
  ...pairs('ᾀᾁᾂᾃᾄᾅᾆᾇᾐᾑᾒᾓᾔᾕᾖᾗᾠᾡᾢᾣᾤᾥᾦᾧᾳῃῳ', 'ᾈᾉᾊᾋᾌᾍᾎᾏᾘᾙᾚᾛᾜᾝᾞᾟᾨᾩᾪᾫᾬᾭᾮᾯᾼῌῼ'),
])
const SIMPLE_LOWER = new Map([['İ', 'i']])

/** How many code points a text has. */
export function countCodePoints(text: string): number {
  if (!SURROGATE.test(text)) return text.length
  let count = 0
  for (const _ of text) count++
  return count
}

/** The code points from `start` to `end`, exclusive; both lie within the text. */
export function sliceCodePoints(text: string, start: number, end: number): string {
  if (!SURROGATE.test(text)) return text.slice(start, end)
  return [...text].slice(start, end).join('')
}

/** Lower case, letter by letter: no letter becomes two, and a final sigma is like others. */
export function toLower(text: string): string {
  return isAscii(text) ? text.toLowerCase() : mapLetters(text, SIMPLE_LOWER, (letter) => letter.toLowerCase())
}

/** Upper case, letter by letter: ß becomes ẞ, ligatures stay. */
export function toUpper(text: string): string {
  return isAscii(text) ? text.toUpperCase() : mapLetters(text, SIMPLE_UPPER, (letter) => letter.toUpperCase())
}

/** A loop, for a regular expression takes longer on short texts. */
function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) return false
  return true
}

function mapLetters(
  text: string,
  simple: ReadonlyMap<string, string>,
  map: (letter: string) => string,
): string {
  let mapped = ''
  for (const letter of text) {
    const full = map(letter)
    mapped += simple.get(letter) ?? (countCodePoints(full) === 1 ? full : letter)
  }
  return mapped
}

function pairs(from: string, to: string): [string, string][] {
  const targets = [...to]
  return [...from].map((letter, at) => [letter, targets[at]!])
}
