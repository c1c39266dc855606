/**
 * Bars of all contenders, case by case, as SVG text; made by ECharts without a browser. The cases are too different for
 * one scale: the longest bar of each is as long as that of any other, and the values are beside the bars.
 */
import { BarChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { Line } from './figures.ts';
import { numberText } from './table.ts';

export interface Bars {
  file: string;
  title: string;
  of(line: Line): number | null;
}

interface Bar {
  /** Share of the longest of its case. */
  value: number;
  text: string;
}

const WIDTH = 760;
/** Of one bar, and of what is around the bars of a case and of the plot. */
const BAR = 13;
const BETWEEN = 16;
const AROUND = 90;
/** Ours first; told apart by light and by dark, and by those who see fewer colours. */
const COLOURS = ['#0072b2', '#e69f00', '#56b4e9', '#999999'];
const INK = '#444';

use([BarChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

export function barsSvg(bars: Bars, lines: readonly Line[], contenders: readonly string[]): string {
  const cases = [...new Set(lines.map((line) => line.case))];
  const height = AROUND + cases.length * (contenders.length * BAR + BETWEEN);
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  try {
    chart.setOption({
      animation: false,
      backgroundColor: '#fff',
      color: COLOURS,
      textStyle: { fontFamily: 'system-ui, sans-serif', color: INK },
      title: { text: bars.title, left: 12, top: 8, textStyle: { fontSize: 14, color: INK } },
      legend: { right: 12, top: 8 },
      grid: { left: 120, right: 60, top: 44, bottom: 12 },
      xAxis: { type: 'value', show: false, max: 1 },
      yAxis: { type: 'category', inverse: true, data: cases, axisTick: { show: false } },
      series: contenders.map((name) => ({
        name,
        type: 'bar',
        barWidth: BAR - 2,
        label: {
          show: true,
          position: 'right',
          fontSize: 10,
          color: INK,
          formatter: ({ data }: { data: Bar }) => data.text,
        },
        data: cases.map((one) => barOf(bars, lines, one, name)),
      })),
    });
    return `${chart.renderToSVGString()}\n`;
  } finally {
    chart.dispose();
  }
}

function barOf(bars: Bars, lines: readonly Line[], caseName: string, contender: string): Bar {
  const ofCase = lines.filter((line) => line.case === caseName);
  const line = ofCase.find((one) => one.contender === contender);
  const value = line === undefined ? null : bars.of(line);
  const largest = Math.max(...ofCase.map((one) => bars.of(one) ?? 0));
  return { value: value === null ? 0 : value / largest, text: numberText(value) };
}
