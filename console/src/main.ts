// The operator's page of a depot.

import "./style.css";
import { api, Refused } from "./api";
import type { Me } from "./api";
import { chargerPage } from "./charger";
import { Feed } from "./feed";
import { historyPage } from "./history";
import { h, put, say } from "./html";
import { sitePage } from "./site";

interface Page {
  element: HTMLElement;
  draw: () => void;
}

const head = document.getElementById("head") as HTMLElement;
const main = document.getElementById("main") as HTMLElement;
const feed = new Feed();
let me: Me = { name: "", role: "", users: false };
let page: Page | null = null;

const title = h("strong", {}, "Depot");
const link = h("span", { role: "status", className: "link" });

async function start(): Promise<void> {
  try {
    me = await api.me();
  } catch (error) {
    put(main, h("p", { className: "bad" }, error instanceof Refused ? error.message : String(error)));
    return;
  }
  if (me.role === "") {
    feed.close();
    drawHead();
    signInPage();
    return;
  }
  feed.open();
  drawHead();
  route();
}

function drawHead(): void {
  const nav = h("nav", { "aria-label": "Pages" }, h("a", { href: "#/" }, "Site"), h("a", { href: "#/history" }, "History"));
  const who = me.name ? h("span", { className: "who" }, `${me.name} (${me.role}) `, h("button", { type: "button", onclick: () => void signOut() }, "Sign out")) : null;
  put(head, title, me.role ? nav : null, link, who);
}

async function signOut(): Promise<void> {
  await api.signOut();
  location.hash = "#/";
  await start();
}

function signInPage(): void {
  page = null;
  const name = h("input", { id: "name", autocomplete: "username", required: true });
  const password = h("input", { id: "password", type: "password", autocomplete: "current-password", required: true });
  const outcome = h("p", { role: "alert", className: "bad" });

  async function signIn(event: Event): Promise<void> {
    event.preventDefault();
    try {
      await api.signIn(name.value, password.value);
      await start();
    } catch (error) {
      outcome.textContent = error instanceof Refused ? error.message : String(error);
    }
  }

  put(
    main,
    h(
      "form",
      { className: "sign-in", onsubmit: (event: Event) => void signIn(event) },
      h("h1", {}, "Sign in"),
      h("label", { htmlFor: "name" }, "Name"),
      name,
      h("label", { htmlFor: "password" }, "Password"),
      password,
      h("button", { type: "submit" }, "Sign in"),
      outcome,
    ),
  );
  name.focus();
}

function route(): void {
  if (me.role === "") return;
  const [, where, ...rest] = location.hash.split("/");
  const operator = me.role === "operator";
  page =
    where === "charger" ? chargerPage(rest.join("/"), feed, operator) : where === "history" ? historyPage() : sitePage(feed, operator);
  put(main, page.element);
  for (const each of head.querySelectorAll("nav a")) {
    const current = each.getAttribute("href") === (where === "history" ? "#/history" : "#/");
    if (current) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  }
  page.draw();
}

feed.listen(() => {
  const name = feed.site?.name;
  if (name) {
    say(title, name);
    document.title = `${name}: depot`;
  }
  say(link, feed.connected ? "" : "no connection to the depot");
  page?.draw();
});
window.addEventListener("hashchange", () => {
  route();
  main.focus({ preventScroll: true });
  window.scrollTo(0, 0);
});
window.addEventListener("signed-out", () => {
  if (me.role !== "" && me.users) void start();
});
void start();
