// Curves over time.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { clock, day } from "./format";
import { h } from "./html";

export type Unit = "kW" | "%" | "per kWh";

export interface Line {
  label: string;
  /** A custom property of style.css. */
  color: string;
  values: (number | null)[];
  dashed?: boolean;
  /** kW if left out. The first line's unit is on the left, another one on the right. */
  unit?: Unit;
  /** Each value holds until the next one. */
  stepped?: boolean;
}

const DIGITS: Record<Unit, number> = { kW: 1, "%": 0, "per kWh": 3 };

/** A chart of powers in W. `summary` says in words what it shows. */
export function powerChart(at_s: number[], lines: Line[], summary: string): HTMLElement {
  const inKw = lines.map((line) => ({ ...line, values: line.values.map((w) => (w === null ? null : w / 1000)) }));
  return chart(at_s, inKw, summary);
}

/** A chart that follows the width of its place; values are in the unit of their line. `right`: what is left empty there. */
export function chart(at_s: number[], lines: Line[], summary: string, height = 240, right = 0): HTMLElement {
  const place = h("div", { className: "chart", role: "img", "aria-label": summary });
  place.style.minHeight = `${height}px`;
  const style = getComputedStyle(document.documentElement);
  const line = style.getPropertyValue("--line");
  const look = { stroke: style.getPropertyValue("--ink"), ticks: { stroke: line } };
  const units = [...new Set(lines.map((each) => each.unit ?? "kW"))];
  const options: uPlot.Options = {
    width: 320,
    height,
    padding: [null, right || null, null, null],
    scales: Object.fromEntries(units.map((unit) => [unit, unit === "%" ? { range: [0, 100] as [number, number] } : {}])),
    series: [{}, ...lines.map((each) => series(each, style))],
    axes: [
      { ...look, grid: { stroke: line }, space: 90, values: (_: uPlot, ticks: number[], __: number, ___: number, every_s: number) => ticks.map((at_s) => moment(at_s, every_s)) },
      ...units.map((unit, place) => ({
        ...look,
        scale: unit,
        side: place === 0 ? 3 : 1,
        size: (_: uPlot, ticks: string[] | null) => 20 + 7 * Math.max(6, ...(ticks ?? []).map((each) => each.length)),
        grid: { stroke: line, show: place === 0 },
        values: (_: uPlot, ticks: number[]) => ticks.map((each) => (unit === "per kWh" ? each.toFixed(2) : `${each} ${unit}`)),
      })),
    ],
  };
  const data = [at_s, ...lines.map((each) => each.values)] as uPlot.AlignedData;
  requestAnimationFrame(() => {
    if (!place.isConnected) return;
    const plot = new uPlot({ ...options, width: place.clientWidth || 320 }, data, place);
    new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height })).observe(place);
  });
  return place;
}

/** One line, so that no label reaches into the next one. */
function moment(at_s: number, every_s: number): string {
  const at = new Date(at_s * 1000);
  if (every_s >= 3600 && at.getHours() === 0 && at.getMinutes() === 0) return day(at_s);
  return every_s < 60 ? at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" }) : clock(at_s);
}

function series(each: Line, style: CSSStyleDeclaration): uPlot.Series {
  const unit = each.unit ?? "kW";
  return {
    label: each.label,
    scale: unit,
    stroke: style.getPropertyValue(each.color),
    width: 2,
    ...(each.dashed ? { dash: [6, 4] } : {}),
    ...(each.stepped && uPlot.paths.stepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
    value: (_: uPlot, value: number | null) => (value === null ? "–" : `${value.toFixed(DIGITS[unit])} ${unit}`),
  };
}
