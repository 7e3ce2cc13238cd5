// Strips of the audit's page: the number range of an epoch of a stream, with a lane for each kind of trouble.
// A lane has its name beside it, so nothing is told by colour alone. Strips are as long as their ranges are
// beside each other, down to a third of the page; a shorter one says how much it is stretched.
import { binCount } from '../recorded/trouble-picture.ts'
import type { TroubleBin, TroublePicture, TroubleStrip } from '../recorded/trouble-picture.ts'
import { nameOf } from './audit-page-text.ts'
import { grouped } from './table.ts'

const lanes = [
  { kind: 'missing', name: 'missing' },
  { kind: 'duplicate', name: 'duplicates' },
  { kind: 'conflict', name: 'conflicts' },
  { kind: 'reordered', name: 'out of order' },
] as const

/** The least share of the page's width that a strip takes. */
const shareMin = 1 / 3
/** Ticks between the ends of a strip, at most. */
const ticksMax = 4
/** How far from an end a tick's number has room, as a share of the strip, and how long it may be. */
const labelMargin = 0.2
const labelLengthMax = 9

/** The section with the strips; nothing where there are none. */
export function pictureSection({ strips, marksLeftOut, stripsLeftOut }: TroublePicture): string {
  if (strips.length === 0) return ''
  const longest = Math.max(...strips.map(numbersIn))
  const notes = ['The paler a mark, the fewer of the numbers there are meant.']
  if (stripsLeftOut > 0) notes.push(`Of these streams ${grouped(stripsLeftOut)} more epochs are not drawn.`)
  if (marksLeftOut > 0) notes.push(`${grouped(marksLeftOut)} events are counted and not drawn.`)
  const figuresOfStrips = strips.map((strip) => stripFigure(strip, numbersIn(strip) / longest))
  return `<section><h2>Where the trouble is</h2><p class="sub">${notes.join(' ')}</p>
${figuresOfStrips.join('\n')}</section>`
}

function stripFigure(strip: TroubleStrip, share: number): string {
  const { trouble, epoch, low, high, bins } = strip
  const shown = Math.max(share, shareMin)
  const stretched = share < shown ? `, stretched ${grouped(Math.round(shown / share))} times` : ''
  const caption = `epoch ${epoch}, ${grouped(low)} to ${grouped(high)}${stretched}`
  const rows = lanes.map(({ kind, name }) => {
    const image = laneImage(bins, kind)
    const label = `${name} of ${nameOf(trouble.stream)}, epoch ${epoch}`
    return `<span class="lane">${name}</span><svg class="${kind}" viewBox="0 0 ${binCount} 10"
 preserveAspectRatio="none" role="img" aria-label="${label}">${image}</svg>`
  })
  return `<figure><figcaption>${nameOf(trouble.stream)} <small>${caption}</small></figcaption>
<div class="strip" style="--share:${shown.toFixed(3)}">${rows.join('\n')}
<span></span><div class="axis">${axis(strip, shown)}</div></div></figure>`
}

/** Runs of bins that look alike are one mark. */
function laneImage(bins: readonly TroubleBin[], kind: keyof TroubleBin): string {
  const opacities = bins.map(({ [kind]: share }) => (share === 0 ? 0 : Math.min(1, 0.35 + 0.65 * share)))
  const marks: string[] = []
  for (let from = 0, to = 0; from < opacities.length; from = to) {
    const opacity = opacities[from]?.toFixed(2) ?? '0'
    for (to = from + 1; opacities[to]?.toFixed(2) === opacity;) to++
    if (Number(opacity) > 0)
      marks.push(`<rect x="${from}" width="${to - from}" height="10" opacity="${opacity}"/>`)
  }
  return `<rect class="ground" width="${binCount}" height="10"/>${marks.join('')}`
}

/** Both ends with their numbers, and round numbers between them where there is room. */
function axis(strip: TroubleStrip, shown: number): string {
  const ticks = ticksOf(strip).map(({ number, place }) => {
    const hasRoom = shown > 0.6 && place > labelMargin && place < 1 - labelMargin
    const label = grouped(number)
    const text = hasRoom && label.length <= labelLengthMax ? `<b>${label}</b>` : ''
    return `<i style="left:${(100 * place).toFixed(2)}%">${text}</i>`
  })
  return `<span>${grouped(strip.low)}</span>${ticks.join('')}<span>${grouped(strip.high)}</span>`
}

/** Round numbers in the range, and where they stand in it, from 0 to 1. */
function ticksOf({ low, high }: TroubleStrip): { readonly number: bigint; readonly place: number }[] {
  const from = BigInt(low)
  const span = BigInt(high) - from + 1n
  const step = [1n, 2n, 5n].map((digit) => stepOf(span, digit)).reduce((a, b) => (a < b ? a : b))
  const ticks = []
  const first = from - (((from % step) + step) % step) + step
  for (let number = first; number < BigInt(high); number += step) {
    ticks.push({ number, place: Number(number - from) / Number(span) })
  }
  return ticks
}

/** The least step of this digit and zeros that makes no more ticks than there may be. */
function stepOf(span: bigint, digit: bigint): bigint {
  let step = digit
  while (span / step > BigInt(ticksMax)) step *= 10n
  return step
}

function numbersIn({ low, high }: TroubleStrip): number {
  return Number(BigInt(high) - BigInt(low) + 1n)
}
