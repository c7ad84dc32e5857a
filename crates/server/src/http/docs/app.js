// Draws /api/openapi.json. Text from the document goes in as text, never as markup.
"use strict";

const make = (tag, attributes = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), attributes);
  node.append(...children);
  return node;
};
const byId = (id) => document.getElementById(id);

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
    make("td", { textContent: p.description || "" })));
  return rows.length ? [make("table", {}, ...rows)] : [];
}

function draw(method, path, operation) {
  const box = make("details", {}, make("summary", {},
    make("span", { className: "method", textContent: method.toUpperCase() }), make("code", { textContent: path }),
    make("span", { className: "says", textContent: operation.summary || "" })));
  box.dataset.find = [method, path, operation.summary, operation.tags].join(" ").toLowerCase();
  // Filled when it is opened first: a platform has hundreds of operations.
  box.addEventListener("toggle", () => {
    const answers = Object.entries(operation.responses || {}).map(([status, r]) => status + " " + r.description).join("\n");
    box.append(make("div", {}, ...parameters(operation), make("pre", { textContent: curl(method, path, operation) }),
      make("pre", { textContent: answers }), sender(method, path, operation)));
  }, { once: true });
  return box;
}

async function start() {
  api = await (await fetch("/api/openapi.json")).json();
  document.title = byId("title").textContent = api.info.title + " API";
  byId("about").textContent = api.info.description || "";
  const groups = new Map(api.tags.map((tag) => [tag.name, []]));
  for (const [path, item] of Object.entries(api.paths))
    for (const [method, operation] of Object.entries(item))
      groups.get(operation.tags[0])?.push(draw(method, path, operation));
  for (const [name, boxes] of groups)
    if (boxes.length) byId("operations").append(make("section", {}, make("h2", { textContent: name }), ...boxes));
  byId("find").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(" ").filter(Boolean);
    for (const box of document.querySelectorAll("details")) box.hidden = !words.every((w) => box.dataset.find.includes(w));
  });
}

start();
