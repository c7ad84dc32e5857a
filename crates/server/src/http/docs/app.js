// Draws /api/openapi.json. Text from the document goes in as text, never as markup.
"use strict";

const make = (tag, attributes = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), attributes);
  node.append(...children);
  return node;
};
const byId = (id) => document.getElementById(id);

// Text with `code` in it.
const prose = (text) => text.split("`").map((part, n) => (n % 2 ? make("code", { textContent: part }) : part));

let api;
const resolve = (schema) =>
  schema && schema.$ref ? schema.$ref.slice(2).split("/").reduce((at, key) => at[key], api) : schema;

// An example value of a schema: what a body looks like.
function example(schema, depth = 0) {
  const s = resolve(schema) || {};
  if (depth > 3) return null;
  if (s.default !== undefined) return s.default;
  if (s.enum) return s.enum[0];
  if (s.anyOf) return example(s.anyOf[0], depth + 1);
  switch ([s.type].flat()[0]) {
    case "object":
      return Object.fromEntries(Object.entries(s.properties || {}).map(([k, v]) => [k, example(v, depth + 1)]));
    case "array": return [example(s.items, depth + 1)];
    case "integer": case "number": return s.minimum ?? 1;
    case "boolean": return true;
    case "string": return { date: "2026-01-31", "date-time": "2026-01-31T08:00:00Z", decimal: "12.50",
      email: "ann@example.com", uuid: "00000000-0000-7000-8000-000000000000" }[s.format] ?? "text";
    default: return null;
  }
}

const jsonBody = (operation) => operation.requestBody?.content?.["application/json"]?.schema;

function curl(method, path, operation) {
  const parts = ["curl"];
  if (method !== "get") parts.push("-X " + method.toUpperCase());
  if (operation.security?.length) parts.push('-H "Authorization: Bearer $TOKEN"');
  const schema = jsonBody(operation);
  if (schema) parts.push("-H 'content-type: application/json' -d '" + JSON.stringify(example(schema)) + "'");
  return parts.concat(location.origin + path).join(" ");
}

// Sends what stands in the form and shows the answer.
function sender(method, path, operation) {
  const url = make("input", { value: path, ariaLabel: "URL" });
  const schema = jsonBody(operation);
  const body = schema && make("textarea", { rows: 6, value: JSON.stringify(example(schema), null, 2), ariaLabel: "Body" });
  const shown = make("pre", { hidden: true });
  const send = async () => {
    const headers = {};
    const token = byId("token").value.trim();
    if (token.startsWith("tnk_")) headers["x-api-key"] = token;
    else if (token) headers.authorization = "Bearer " + token;
    if (body) headers["content-type"] = "application/json";
    const answer = await fetch(url.value, { method: method.toUpperCase(), headers, body: body?.value });
    let text = await answer.text();
    try { text = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: shown as it is */ }
    shown.textContent = answer.status + " " + answer.statusText + "\n" + text.slice(0, 20000);
    shown.hidden = false;
  };
  return make("div", {}, url, ...(body ? [body] : []), make("button", { textContent: "Send", onclick: send }), shown);
}

function parameters(operation) {
  const rows = (operation.parameters || []).map((p) => make("tr", {},
    make("td", {}, make("code", { textContent: p.name })), make("td", { textContent: p.in }),
    make("td", {}, ...prose(p.description || ""))));
  return rows.length ? [make("h3", { textContent: "Parameters" }), make("table", {}, ...rows)] : [];
}

// What the members of a body or an answer mean; of a page, what those of its entries mean.
function members(schema) {
  const s = resolve(schema) || {};
  const of = resolve(s.properties?.items?.items) || s;
  const rows = Object.entries(of.properties || {}).filter(([, member]) => member.description)
    .map(([name, member]) => make("tr", {}, make("td", {}, make("code", { textContent: name })),
      make("td", {}, ...prose(member.description))));
  return rows.length ? [make("table", {}, ...rows)] : [];
}

// What comes back when all is well.
function answer(operation) {
  const [status, good] = Object.entries(operation.responses || {}).find(([status]) => status.startsWith("2")) || [];
  if (!good) return [];
  const schema = good.content?.["application/json"]?.schema;
  const text = schema ? JSON.stringify(example(schema), null, 2) : Object.keys(good.content || {}).join(", ") || "nothing";
  return [make("h3", { textContent: "Answer " + status }), make("pre", { textContent: text }), ...members(schema)];
}

function draw(method, path, operation) {
  const box = make("details", {}, make("summary", {},
    make("span", { className: "method " + method, textContent: method.toUpperCase() }), make("code", { textContent: path }),
    make("span", { className: "says", textContent: operation.summary || "" })));
  box.dataset.find = [method, path, operation.summary, operation.tags].join(" ").toLowerCase();
  // Filled when it is opened first: a platform has hundreds of operations.
  box.addEventListener("toggle", () => {
    box.append(make("div", {}, ...parameters(operation), make("h3", { textContent: "Request" }),
      make("pre", { textContent: curl(method, path, operation) }), ...members(jsonBody(operation)),
      ...answer(operation),
      make("h3", { textContent: "Try it" }), sender(method, path, operation)));
  }, { once: true });
  return box;
}

function group(name, boxes) {
  const id = "group-" + name;
  byId("groups").append(make("a", { href: "#" + id, textContent: name }));
  byId("operations").append(make("section", {}, make("h2", { id, textContent: name }), ...boxes));
}

function find(words) {
  for (const section of document.querySelectorAll("section")) {
    const boxes = [...section.querySelectorAll("details")];
    for (const box of boxes) box.hidden = !words.every((word) => box.dataset.find.includes(word));
    section.hidden = boxes.every((box) => box.hidden);
  }
}

// The form sends nothing by itself: the page's policy forbids it.
async function logIn(event) {
  event.preventDefault();
  const body = JSON.stringify({ email: byId("email").value, password: byId("password").value });
  const answer = await fetch("/api/auth/login", { method: "POST", headers: { "content-type": "application/json" }, body });
  const said = await answer.json();
  if (answer.ok) byId("token").value = said.token;
  byId("password").value = "";
  byId("said").textContent = answer.ok ? "Signed in as " + byId("email").value + "." : said.detail || said.title;
}

async function start() {
  api = await (await fetch("/api/openapi.json")).json();
  document.title = byId("title").textContent = api.info.title + " API";
  byId("about").append(...prose(api.info.description || ""));
  const groups = new Map(api.tags.map((tag) => [tag.name, []]));
  for (const [path, item] of Object.entries(api.paths))
    for (const [method, operation] of Object.entries(item))
      groups.get(operation.tags[0])?.push(draw(method, path, operation));
  for (const [name, boxes] of groups) if (boxes.length) group(name, boxes);
  byId("find").addEventListener("input", (event) => find(event.target.value.toLowerCase().split(" ").filter(Boolean)));
  byId("signin").addEventListener("submit", logIn);
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.target.closest("input, textarea")) { event.preventDefault(); byId("find").focus(); }
  });
}

start();
