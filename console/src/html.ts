// Elements without strings of HTML: what a station says about itself never becomes markup.

type Child = Node | string | null | undefined | false;
type Props = Record<string, unknown>;

/** An element with properties, attributes (`aria-…`, `data-…`, `role`, `for`), listeners (`onclick`) and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name in element && !name.includes("-")) (element as unknown as Props)[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  put(element, ...children);
  return element;
}

/** Exchange the children of an element. */
export function put(element: Element, ...children: Child[]): void {
  element.replaceChildren(...children.filter((each): each is Node | string => each !== null && each !== undefined && each !== false));
}

/** Exchange a text, only if it is another one: a screen reader reads what changes. */
export function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
