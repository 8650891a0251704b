// The live state: whole columns first, then what has changed, once a second.

import type { Site } from "./api";

/** One row of the list. */
export interface Row {
  id: string;
  vehicle: string | null;
  state: string;
  soc_pu: number | null;
  floor_pu: number | null;
  setpoint_w: number | null;
  measured_w: number | null;
  binding: string | null;
}

interface Columns {
  [name: string]: unknown[];
}

/** Of rows (chargers, depots) and of the whole in few numbers; the first column names a row. Listeners are called after
 * each frame, and when the connection comes or goes. */
export class Feed<R = Row, S extends { name: string } = Site> {
  site: S | null = null;
  rows: R[] = [];
  connected = false;
  private places = new Map<string, number>();
  private listeners = new Set<() => void>();
  private source: EventSource | null = null;

  open(): void {
    this.close();
    const source = (this.source = new EventSource("api/events"));
    source.addEventListener("frame", (event) => this.whole(JSON.parse(event.data)));
    source.addEventListener("delta", (event) => this.delta(JSON.parse(event.data)));
    source.onerror = () => {
      this.connected = false;
      this.tell();
      // A refusal closes the stream for good: try again, it may have been a restart.
      if (source.readyState === EventSource.CLOSED) setTimeout(() => this.source === source && this.open(), 3000);
    };
  }

  close(): void {
    this.source?.close();
    this.source = null;
    this.connected = false;
  }

  /** Call `listener` after each change, until the returned function is called. */
  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  row(id: string): R | undefined {
    const place = this.places.get(id);
    return place === undefined ? undefined : this.rows[place];
  }

  private whole(frame: { columns: Columns; site: S }): void {
    const ids = (Object.values(frame.columns)[0] ?? []) as string[];
    this.rows = ids.map((_, place) => at(frame.columns, place));
    this.places = new Map(ids.map((id, place) => [id, place]));
    this.took(frame.site);
  }

  private delta(frame: { columns: Columns; site: S }): void {
    const { index = [], ...columns } = frame.columns;
    (index as number[]).forEach((row, place) => {
      this.rows[row] = at(columns, place);
    });
    this.took(frame.site);
  }

  private took(site: S): void {
    this.site = site;
    this.connected = true;
    this.tell();
  }

  private tell(): void {
    for (const each of [...this.listeners]) each();
  }
}

function at<R>(columns: Columns, place: number): R {
  return Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, values[place] ?? null])) as R;
}
