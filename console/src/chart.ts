// Curves over time.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { h } from "./html";

export interface Line {
  label: string;
  /** A custom property of style.css. */
  color: string;
  values: (number | null)[];
  dashed?: boolean;
}

/** A chart of powers in kW, which follows the width of its place. `summary` says in words what it shows. */
export function powerChart(at_s: number[], lines: Line[], summary: string): HTMLElement {
  const place = h("div", { className: "chart", role: "img", "aria-label": summary });
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue("--ink");
  const axis = { stroke: ink, grid: { stroke: style.getPropertyValue("--line") }, ticks: { stroke: style.getPropertyValue("--line") } };
  const options: uPlot.Options = {
    width: 320,
    height: 240,
    series: [
      {},
      ...lines.map((line) => ({
        label: line.label,
        stroke: style.getPropertyValue(line.color),
        width: 2,
        ...(line.dashed ? { dash: [6, 4] } : {}),
        value: (_: uPlot, value: number | null) => (value === null ? "–" : `${value.toFixed(1)} kW`),
      })),
    ],
    axes: [axis, { ...axis, values: (_, ticks) => ticks.map((each) => `${each} kW`), size: 64 }],
  };
  const data = [at_s, ...lines.map((line) => line.values.map((w) => (w === null ? null : w / 1000)))] as uPlot.AlignedData;
  requestAnimationFrame(() => {
    if (!place.isConnected) return;
    const plot = new uPlot({ ...options, width: place.clientWidth || 320 }, data, place);
    new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: 240 })).observe(place);
  });
  return place;
}
