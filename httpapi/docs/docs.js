// Renders /openapi.json. Text from the document is only ever set as text, never as markup.
"use strict";

function el(tag, attributes, ...children) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(attributes || {})) e.setAttribute(k, v);
  e.append(...children.filter((c) => c !== undefined && c !== null));
  return e;
}

let api;

function resolve(schema) {
  if (!schema || !schema.$ref) return schema || {};
  return schema.$ref.split("/").slice(1).reduce((at, key) => at[key], api);
}

function typeOf(schema) {
  const s = resolve(schema);
  if (s.type === "array") return typeOf(s.items) + "[]";
  const bounds = [];
  if (s.enum) bounds.push(s.enum.join(" | "));
  if (s.minimum !== undefined || s.maximum !== undefined) bounds.push((s.minimum ?? "") + " to " + (s.maximum ?? ""));
  if (s.maxLength !== undefined) bounds.push("up to " + s.maxLength + " characters");
  if (s.default !== undefined) bounds.push("default " + JSON.stringify(s.default));
  const name = schema.$ref ? schema.$ref.split("/").pop() : s.format ? s.type + " (" + s.format + ")" : s.type || "any";
  return bounds.length ? name + ", " + bounds.join(", ") : name;
}

function example(schema, depth = 0) {
  const s = resolve(schema);
  if (s.examples) return s.examples[0];
  if (s.default !== undefined) return s.default;
  if (s.enum) return s.enum[0];
  if (depth > 6) return null;
  if (s.type === "object") {
    const out = {};
    for (const [k, v] of Object.entries(s.properties || {})) out[k] = example(v, depth + 1);
    return out;
  }
  if (s.type === "array") return [example(s.items, depth + 1)];
  return { string: "", integer: 0, number: 0, boolean: false }[s.type] ?? null;
}

function fields(schema, where) {
  const s = resolve(schema);
  const rows = Object.entries(s.properties || {}).map(([name, p]) => {
    const required = (s.required || []).includes(name);
    return el("tr", {}, el("td", required ? { class: "required" } : {}, el("code", {}, name)), el("td", {}, typeOf(p)), el("td", {}, p.description || resolve(p).description || ""));
  });
  return rows.length ? table(where, rows) : undefined;
}

function table(caption, rows) {
  return el("div", {}, el("h4", {}, caption), el("table", {}, el("tbody", {}, ...rows)));
}

function curl(method, path, op) {
  const base = location.origin + path;
  const required = (op.parameters || []).filter((p) => p.in === "query" && p.required);
  const query = required.map((p) => p.name + "=" + encodeURIComponent(example(p.schema))).join("&");
  let line = "curl " + (method === "GET" ? "" : "-X " + method + " ") + "'" + base + (query ? "?" + query : "") + "'";
  const body = op.requestBody && op.requestBody.content["application/json"];
  if (body) line += " \\\n  -d '" + JSON.stringify(example(body.schema)) + "'";
  return line;
}

function operation(path, method, op) {
  const parts = [el("summary", {}, el("span", { class: "method" }, method), el("code", {}, path), " ", op.summary || "")];
  if (op.description) parts.push(el("p", {}, op.description));
  const params = (op.parameters || []).map((p) =>
    el("tr", {}, el("td", p.required ? { class: "required" } : {}, el("code", {}, p.name), " " + p.in), el("td", {}, typeOf(p.schema)), el("td", {}, p.description || "")));
  if (params.length) parts.push(table("Parameters", params));
  const body = op.requestBody && op.requestBody.content["application/json"];
  if (body) parts.push(fields(body.schema, "Body"));
  parts.push(el("pre", {}, curl(method, path, op)));
  const ok = op.responses["200"] && op.responses["200"].content && op.responses["200"].content["application/json"];
  if (ok) parts.push(fields(ok.schema, "Answer"), el("pre", {}, JSON.stringify(example(ok.schema), null, 2)));
  const others = Object.entries(op.responses).filter(([status]) => status !== "200").map(([status, r]) => el("tr", {}, el("td", {}, status), el("td", {}, r.description || "")));
  if (others.length) parts.push(table("Other answers", others));
  return el("details", { id: op.operationId }, ...parts.filter(Boolean));
}

function render(doc) {
  api = doc;
  document.getElementById("about").textContent = doc.info.description + " Version " + doc.info.version + ".";
  const main = document.getElementById("operations");
  const list = el("ul", {});
  main.replaceChildren();
  for (const tag of doc.tags) {
    main.append(el("h2", {}, tag.name), el("p", {}, tag.description || ""));
    for (const [path, item] of Object.entries(doc.paths)) {
      for (const method of ["get", "post", "delete"]) {
        const op = item[method];
        if (!op || !(op.tags || []).includes(tag.name)) continue;
        main.append(operation(path, method.toUpperCase(), op));
        list.append(el("li", {}, el("a", { href: "#" + op.operationId }, method.toUpperCase() + " " + path)));
      }
    }
  }
  document.getElementById("contents").append(list);
  const open = () => { const at = document.getElementById(location.hash.slice(1)); if (at) { at.open = true; at.scrollIntoView(); } };
  addEventListener("hashchange", open);
  open();
}

fetch("/openapi.json").then((r) => r.json()).then(render).catch((err) => {
  document.getElementById("operations").textContent = "The description of the API could not be loaded: " + err;
});
