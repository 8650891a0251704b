// What all pages of people who sign in have around them: signing in, the head with its links, the live state.

import "./style.css";
import { api, Refused } from "./api";
import type { Me, Site } from "./api";
import { Feed } from "./feed";
import type { Row } from "./feed";
import { h, put, say } from "./html";

export interface Page {
  element: HTMLElement;
  draw: () => void;
}

export interface Shell<R = Row, S extends { name: string } = Site> {
  /** What is served: "depot", "home". */
  what: string;
  /** Address and name of each page; the first is shown without a hash. */
  links: [string, string][];
  /** The page of a hash `#/where/rest`. */
  page: (where: string, rest: string, feed: Feed<R, S>, operator: boolean) => Page;
}

export function run<R = Row, S extends { name: string } = Site>(shell: Shell<R, S>): void {
  const head = document.getElementById("head") as HTMLElement;
  const main = document.getElementById("main") as HTMLElement;
  const feed = new Feed<R, S>();
  const title = h("strong", {}, shell.what);
  const link = h("span", { role: "status", className: "link" });
  let me: Me = { name: "", role: "", users: false };
  let page: Page | null = null;

  async function start(): Promise<void> {
    try {
      me = await api.me();
    } catch (error) {
      put(main, h("p", { className: "bad" }, error instanceof Refused ? error.message : String(error)));
      return;
    }
    if (me.role === "") {
      page = null;
      feed.close();
      drawHead();
      put(main, signInForm(start));
      document.getElementById("name")?.focus();
      return;
    }
    feed.open();
    drawHead();
    route();
  }

  function drawHead(): void {
    const nav = h("nav", { "aria-label": "Pages" }, ...shell.links.map(([href, name]) => h("a", { href }, name)));
    const who = me.name ? h("span", { className: "who" }, `${me.name} (${me.role}) `, h("button", { type: "button", onclick: () => void signOut() }, "Sign out")) : null;
    put(head, title, me.role ? nav : null, link, who);
  }

  async function signOut(): Promise<void> {
    await api.signOut();
    await signedOut();
  }

  /** Whatever is refused from now on changes nothing: the form is there already, perhaps with a name in it. */
  async function signedOut(): Promise<void> {
    me = { ...me, role: "" };
    location.hash = "#/";
    await start();
  }

  function route(): void {
    if (me.role === "") return;
    const [, where = "", ...rest] = location.hash.split("/");
    page = shell.page(where, rest.join("/"), feed, me.role === "operator");
    put(main, page.element);
    const known = shell.links.some(([href]) => href === `#/${where}`) ? `#/${where}` : "#/";
    for (const each of head.querySelectorAll("nav a")) {
      if (each.getAttribute("href") === known) each.setAttribute("aria-current", "page");
      else each.removeAttribute("aria-current");
    }
    page.draw();
  }

  feed.listen(() => {
    const name = feed.site?.name;
    if (name) {
      say(title, name);
      document.title = name === shell.what ? name : `${name}: ${shell.what}`;
    }
    say(link, feed.connected ? "" : `no connection to the ${shell.what}`);
    page?.draw();
  });
  window.addEventListener("hashchange", () => {
    route();
    main.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  });
  window.addEventListener("signed-out", () => {
    if (me.role !== "" && me.users) void signedOut();
  });
  void start();
}

function signInForm(signedIn: () => Promise<void>): HTMLElement {
  const name = h("input", { id: "name", autocomplete: "username", required: true });
  const password = h("input", { id: "password", type: "password", autocomplete: "current-password", required: true });
  const outcome = h("p", { role: "alert", className: "bad" });

  async function signIn(event: Event): Promise<void> {
    event.preventDefault();
    try {
      await api.signIn(name.value, password.value);
      await signedIn();
    } catch (error) {
      outcome.textContent = error instanceof Refused ? error.message : String(error);
    }
  }

  return h(
    "form",
    { className: "sign-in", onsubmit: (event: Event) => void signIn(event) },
    h("h1", {}, "Sign in"),
    h("label", { htmlFor: "name" }, "Name"),
    name,
    h("label", { htmlFor: "password" }, "Password"),
    password,
    h("button", { type: "submit" }, "Sign in"),
    outcome,
  );
}
