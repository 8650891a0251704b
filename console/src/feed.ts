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

type Columns = { [K in keyof Row]: Row[K][] } & { index?: number[] };

/** Listeners are called after each frame, and when the connection comes or goes. */
export class Feed {
  site: Site | null = null;
  rows: Row[] = [];
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

  row(id: string): Row | undefined {
    const place = this.places.get(id);
    return place === undefined ? undefined : this.rows[place];
  }

  private whole(frame: { columns: Columns; site: Site }): void {
    this.rows = frame.columns.id.map((_, place) => at(frame.columns, place));
    this.places = new Map(this.rows.map((row, place) => [row.id, place]));
    this.took(frame.site);
  }

  private delta(frame: { columns: Columns; site: Site }): void {
    (frame.columns.index ?? []).forEach((index, place) => {
      this.rows[index] = at(frame.columns, place);
    });
    this.took(frame.site);
  }

  private took(site: Site): void {
    this.site = site;
    this.connected = true;
    this.tell();
  }

  private tell(): void {
    for (const each of [...this.listeners]) each();
  }
}

function at(columns: Columns, place: number): Row {
  return {
    id: columns.id[place] as string,
    vehicle: columns.vehicle[place] ?? null,
    state: columns.state[place] as string,
    soc_pu: columns.soc_pu[place] ?? null,
    floor_pu: columns.floor_pu[place] ?? null,
    setpoint_w: columns.setpoint_w[place] ?? null,
    measured_w: columns.measured_w[place] ?? null,
    binding: columns.binding[place] ?? null,
  };
}
