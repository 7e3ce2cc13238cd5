// Draws what the scale-out over Kafka has noted second by second, a row for each store: events a second, how
// many records the group was behind, and how many workers ran.
// `node scripts/draw-scale-out.ts soak docs/performance/kafka-scale-out.svg`
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { EChartsOption } from 'echarts'
import { init } from 'echarts'

/** What `test/faults/kafka-scale-out.test.ts` writes. */
interface Notes {
  readonly store: string
  readonly partitions: number
  readonly streams: number
  readonly events: number
  readonly seconds: readonly {
    readonly second: number
    readonly done: number
    readonly behind: number
    readonly workers: number
  }[]
}

const stores = ['postgres', 'redis']
const [width, rowHeight, rowTop, plotHeight] = [900, 300, 60, 180]
const colours = { rate: '#2563eb', behind: '#d97706', workers: '#6b7280' }

const [folder, target] = process.argv.slice(2)
if (folder === undefined || target === undefined) {
  console.error('usage: node scripts/draw-scale-out.ts <folder of notes> <picture.svg>')
  process.exit(2)
}

const all = stores.map((store): Notes => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the test's own notes
  return JSON.parse(readFileSync(join(folder, `kafka-scale-out-${store}.json`), 'utf8')) as Notes
})

/** Events a second between one note and the next. */
function rates({ seconds }: Notes): [number, number][] {
  return seconds.slice(1).map(({ second, done }, index) => {
    const before = seconds[index] ?? { second: 0, done: 0 }
    return [second, Math.round((done - before.done) / (second - before.second))]
  })
}

function titleOf({ store, partitions, streams, events }: Notes): string {
  const [many, wide] = [events, streams].map((count) => count.toLocaleString('en'))
  return `Kafka into ${store}: ${many} events of ${wide} streams, ${partitions} partitions`
}

const axis = { type: 'value', splitLine: { lineStyle: { color: '#e5e7eb' } } } as const
const option: EChartsOption = {
  animation: false,
  backgroundColor: '#ffffff',
  title: all.map((notes, row) => ({
    text: titleOf(notes),
    left: 70,
    top: row * rowHeight + 5,
    textStyle: { fontSize: 14 },
  })),
  legend: { top: 28, left: 70, data: ['events a second', 'records behind', 'workers'] },
  grid: all.map((_, row) => {
    return { left: 70, right: 130, top: row * rowHeight + rowTop + 20, height: plotHeight }
  }),
  xAxis: all.map((_, row) => ({ ...axis, gridIndex: row, name: 's', max: 'dataMax' })),
  yAxis: all.flatMap((_, row) => [
    { ...axis, gridIndex: row, name: 'a second' },
    { ...axis, gridIndex: row, name: 'behind', splitLine: { show: false } },
    { ...axis, gridIndex: row, name: 'workers', offset: 70, min: 0, max: 4, splitLine: { show: false } },
  ]),
  series: all.flatMap((notes, row) => {
    const line = { type: 'line', xAxisIndex: row, symbol: 'none' } as const
    const { seconds } = notes
    return [
      {
        ...line,
        name: 'records behind',
        yAxisIndex: row * 3 + 1,
        data: seconds.map(({ second, behind }) => [second, behind]),
        lineStyle: { width: 0 },
        itemStyle: { color: colours.behind },
        areaStyle: { opacity: 0.3 },
      },
      {
        ...line,
        name: 'workers',
        yAxisIndex: row * 3 + 2,
        step: 'end',
        data: seconds.map(({ second, workers }) => [second, workers]),
        lineStyle: { width: 1, type: 'dashed' },
        itemStyle: { color: colours.workers },
      },
      {
        ...line,
        name: 'events a second',
        yAxisIndex: row * 3,
        data: rates(notes),
        itemStyle: { color: colours.rate },
      },
    ]
  }),
}

const chart = init(null, null, { renderer: 'svg', ssr: true, width, height: all.length * rowHeight })
chart.setOption(option)
writeFileSync(target, `${chart.renderToSVGString()}\n`)
chart.dispose()
