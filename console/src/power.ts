// A power against what is asked for: few numbers and one bar.

import { kw } from "./format";
import { h, put, say } from "./html";

export interface Power {
  /** Whose: "The site". */
  who: string;
  delivered_w: number | null | undefined;
  requested_w: number | null | undefined;
  requested_by: string | undefined;
  short_w: number | null | undefined;
  /** What it could feed and draw just now; magnitudes. */
  feed_room_w: number | null | undefined;
  draw_room_w: number | null | undefined;
  /** What else belongs to it. */
  facts: string[];
}

/** From what it could feed, on the left, to what it could draw. */
export function powerBar(): { element: HTMLElement; draw: (power: Power) => void } {
  const delivered = h("strong", { id: "delivered" });
  const asked = h("span", { id: "asked" });
  const facts = h("p", { className: "facts" });
  const fill = h("div", { className: "fill" });
  const mark = h("div", { className: "mark" });
  const ends = h("p", { className: "ends" });
  const bar = h("div", { className: "bar", role: "img" }, h("div", { className: "zero" }), fill, mark);

  function draw(power: Power): void {
    const power_w = power.delivered_w ?? 0;
    const request_w = power.requested_w ?? null;
    say(delivered, kw(power.delivered_w));
    const short = power.short_w != null && power.short_w > 100 ? `, ${kw(power.short_w)} short` : "";
    say(asked, request_w === null ? "no power is asked for" : `asked ${kw(request_w)} by ${power.requested_by ?? ""}${short}`);
    put(facts, ...power.facts.map((each) => h("span", {}, each)));
    const most = Math.max(power.draw_room_w ?? 0, power.feed_room_w ?? 0, Math.abs(power_w), Math.abs(request_w ?? 0), 1);
    const at = (w: number) => 50 + (50 * w) / most;
    fill.style.left = `${Math.min(50, at(power_w))}%`;
    fill.style.width = `${Math.abs(at(power_w) - 50)}%`;
    fill.dataset["way"] = power_w < 0 ? "feeds" : "draws";
    mark.hidden = request_w === null;
    mark.style.left = `${at(request_w ?? 0)}%`;
    bar.setAttribute("aria-label", `${power.who} ${power_w < 0 ? "feeds" : "draws"} ${kw(Math.abs(power_w))}; ${asked.textContent}`);
    say(ends, `can feed ${kw(power.feed_room_w)} · can draw ${kw(power.draw_room_w)}`);
  }

  return { element: h("div", { className: "power" }, h("p", { className: "big" }, delivered, asked), bar, ends, facts), draw };
}
