// A question before anything happens, which says what will happen.

import { h } from "./html";

/** Ask; resolves to whether the answer was yes. `consequence`: "12 vehicles stop feeding, −84 kW". */
export function confirm(title: string, consequence: string, yes: string): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel = h("button", { type: "button", onclick: () => dialog.close("no") }, "Cancel");
    const dialog = h(
      "dialog",
      { "aria-labelledby": "dialog-title", "aria-describedby": "dialog-text" },
      h("h2", { id: "dialog-title" }, title),
      h("p", { id: "dialog-text" }, consequence),
      h(
        "p",
        { className: "buttons" },
        h("button", { type: "button", className: "danger", onclick: () => dialog.close("yes") }, yes),
        cancel,
      ),
    );
    dialog.onclose = () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    };
    document.body.append(dialog);
    dialog.showModal();
    cancel.focus();
  });
}
