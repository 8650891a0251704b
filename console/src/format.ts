// Numbers as people read them. A number that nobody knows is a dash.

export const UNKNOWN = "–";

/** kW with a sign: positive charges vehicles, negative feeds the grid. */
export function kw(power_w: number | null | undefined): string {
  if (power_w === null || power_w === undefined) return UNKNOWN;
  const value = power_w / 1000;
  const digits = Math.abs(value) >= 100 ? 0 : 1;
  const text = Math.abs(value).toFixed(digits);
  return `${value < 0 && Number(text) !== 0 ? "−" : ""}${text} kW`;
}

export function kwh(energy_wh: number): string {
  return `${(energy_wh / 1000).toFixed(1)} kWh`;
}

export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? UNKNOWN : `${Math.round(share * 100)} %`;
}

export function hertz(frequency_hz: number | null | undefined): string {
  return frequency_hz === null || frequency_hz === undefined ? UNKNOWN : `${frequency_hz.toFixed(3)} Hz`;
}

export function clock(unix_s: number): string {
  return new Date(unix_s * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

export function day(unix_s: number): string {
  return new Date(unix_s * 1000).toLocaleDateString([], { weekday: "short", day: "numeric", month: "short" });
}

/** "1 vehicle", "3 vehicles". */
export function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

/** The next time that the clock shows this. */
export function nextTime(time: string): number {
  const [hour, minute] = time.split(":").map(Number);
  const then = new Date();
  then.setHours(hour ?? 0, minute ?? 0, 0, 0);
  if (then.getTime() <= Date.now()) then.setDate(then.getDate() + 1);
  return then.getTime() / 1000;
}
