// How many letters have to be changed, added or removed to make one word of another (Levenshtein).

/** The distance of two words; anything above `most` is told as `most + 1`. */
export function editDistance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1]
      const [diagonal = 0, above = 0, left = 0] = [row[j - 1], row[j], next[j - 1]]
      next.push(Math.min(diagonal + (isSame ? 0 : 1), above + 1, left + 1))
    }
    if (Math.min(...next) > most) return most + 1
    row = next
  }
  return Math.min(row[b.length] ?? 0, most + 1)
}
