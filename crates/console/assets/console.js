// Behaviours of the console. Pages work without them.
"use strict";

// Forms that only look for something leave empty fields out of the address.
document.addEventListener("formdata", (event) => {
  if (event.target.method !== "get") return;
  for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
});

// What is in a closed part of a page is asked for when the part is opened.
document.addEventListener("toggle", (event) => {
  const part = event.target.open && document.getElementById(event.target.dataset.opens);
  if (part) part.dispatchEvent(new CustomEvent("opened"));
}, true);

// Some forms that only ask are sent when a choice changes.
document.addEventListener("change", (event) => {
  const form = event.target.form;
  if (form?.matches("[data-send-on-change]") && event.target.matches("select")) form.requestSubmit();
});

// Enter in a search among choices does not send the form around it.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches?.("[data-find]")) event.preventDefault();
});

// The link of a letter carries its code after #, so that no server logs it. It goes into the form and out of the address.
const code = document.querySelector("[data-from-link]");
if (code && location.hash.length > 1) {
  code.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname + location.search);
  if ("send" in code.dataset) code.form.requestSubmit();
}

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  // A download leaves the page as it is, so the form may be sent again.
  if (form.method !== "post" || event.defaultPrevented || event.submitter?.dataset.download === "") return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

// Leaving a form with unsaved changes asks first.
let changed = false;
document.addEventListener("input", (event) => {
  if (event.target.form && event.target.form.dataset.guard === "") changed = true;
});
document.addEventListener("submit", () => (changed = false));
window.addEventListener("beforeunload", (event) => {
  if (changed) event.preventDefault();
});

// One box ticks all records of the page.
const ticks = () => document.querySelectorAll('input[name="_tick"]');
const ticked = (event) => {
  const all = document.querySelector("[data-ticks]");
  if (!all) return;
  all.hidden = false;
  if (event?.target === all) for (const tick of ticks()) tick.checked = all.checked;
  const count = [...ticks()].filter((tick) => tick.checked).length;
  all.checked = count > 0 && count === ticks().length;
  document.querySelector("[data-ticked]").textContent = `${count} ticked`;
};
for (const name of ["change", "pageshow", "htmx:after:swap"]) addEventListener(name, ticked);

// Tests wait for this to be 0.
let busy = 0;
const count = (step) => () => {
  busy += step;
  document.documentElement.dataset.busy = busy;
};
document.documentElement.dataset.busy = 0;
document.addEventListener("htmx:before:request", count(1));
document.addEventListener("htmx:finally:request", count(-1));

// A part of a page that the server sends anew after each change. It listens while the page is seen, and until the last change.
customElements.define("live-part", class extends HTMLElement {
  connectedCallback() {
    if (!this.hasAttribute("src")) return;
    this.look = () => (document.hidden ? this.stop() : this.listen());
    document.addEventListener("visibilitychange", this.look);
    this.look();
  }
  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.look);
    this.stop();
  }
  listen() {
    if (this.events) return;
    this.events = new EventSource(this.getAttribute("src"));
    this.events.onmessage = (event) => {
      const within = [...this.querySelectorAll("a, button")].indexOf(document.activeElement);
      this.innerHTML = event.data;
      if (within >= 0) this.querySelectorAll("a, button")[within]?.focus();
    };
    this.events.addEventListener("end", () => this.disconnectedCallback());
  }
  stop() {
    this.events?.close();
    this.events = undefined;
  }
});
