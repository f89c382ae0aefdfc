// Renders /openapi.json. Text from the document is only ever set as text, never as markup.
"use strict";

const json = "application/json";
const problem = "application/problem+json";
const methods = ["get", "post", "delete"];

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

// typeName is the last part of a reference.
const typeName = (schema) => schema.$ref.split("/").pop();

// typeOf describes the values of a schema. A named type is a link to its fields.
function typeOf(schema) {
  if (schema.$ref) return el("a", { href: "#type-" + typeName(schema) }, typeName(schema));
  if (schema.type === "array") return el("span", {}, typeOf(schema.items), "[]", limits(schema));
  const name = schema.format ? schema.type + " (" + schema.format + ")" : schema.type || "any";
  return el("span", {}, name, limits(schema));
}

function limits(s) {
  const all = [];
  if (s.enum) all.push(s.enum.join(" | "));
  if (s.minimum !== undefined || s.maximum !== undefined) {
    all.push((s.minimum ?? "") + " to " + (s.maximum ?? ""));
  }
  if (s.maxLength !== undefined) all.push("up to " + s.maxLength + " characters");
  if (s.maxItems !== undefined) all.push("up to " + s.maxItems);
  if (s.default !== undefined) all.push("default " + JSON.stringify(s.default));
  return all.length ? ", " + all.join(", ") : "";
}

// sample composes a value from the examples of its parts.
function sample(schema, depth = 0) {
  const s = resolve(schema);
  if (s.examples) return s.examples[0];
  if (s.default !== undefined) return s.default;
  if (s.enum) return s.enum[0];
  if (depth > 6) return null;
  if (s.type === "object") {
    const fields = Object.entries(s.properties || {});
    return Object.fromEntries(fields.map(([k, v]) => [k, sample(v, depth + 1)]));
  }
  if (s.type === "array") return [sample(s.items, depth + 1)];
  return { string: "", integer: 0, number: 0, boolean: false }[s.type] ?? null;
}

// samplesOf lists the examples of a content, each with its purpose.
function samplesOf(content) {
  if (content.example !== undefined) return [["", content.example]];
  const all = Object.entries(content.examples || {}).map(([key, e]) => [e.summary || key, e.value]);
  return all.length ? all : [["", sample(content.schema)]];
}

const pretty = (value) => JSON.stringify(value, null, 2);

function table(caption, rows) {
  if (!rows.length) return undefined;
  return el("div", {}, el("h4", {}, caption), el("table", {}, el("tbody", {}, ...rows)));
}

function row(name, where, required, type, text) {
  return el("tr", {},
    el("td", required ? { class: "required" } : {}, el("code", {}, name), where ? " " + where : ""),
    el("td", {}, type), el("td", {}, text || ""));
}

function fields(schema, caption) {
  const s = resolve(schema);
  if (s.type === "array") return fields(s.items, caption + ", each element");
  return table(caption, Object.entries(s.properties || {}).map(([name, p]) =>
    row(name, "", (s.required || []).includes(name), typeOf(p),
      p.description || resolve(p).description)));
}

// copyable is a block of text with a button that copies it.
function copyable(text) {
  const button = el("button", { type: "button", class: "copy" }, "Copy");
  const pre = el("pre", {}, text);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(pre.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(pre); // the browser does not allow a page to copy
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  return el("div", { class: "block" }, button, pre);
}

// quoted quotes a text for a shell's command line.
const quoted = (text) => "'" + text.replaceAll("'", "'\\''") + "'";

function curl(method, url, body) {
  const implied = method === "GET" || (method === "POST" && body);
  const parts = ["curl", implied ? "" : "-X " + method, quoted(url)];
  return parts.filter(Boolean).join(" ") + (body ? " \\\n  -d " + quoted(body) : "");
}

// trial is the part of an operation where a request is composed and sent.
function trial(path, method, op) {
  const params = (op.parameters || []).filter((p) => p.in === "query").map((p) => {
    const input = el("input", { "aria-label": p.name,
      placeholder: p.required ? "required" : "not sent" });
    if (p.required) input.value = String(sample(p.schema));
    return { name: p.name, input };
  });
  const content = op.requestBody && op.requestBody.content[json];
  const samples = content ? samplesOf(content) : [];
  const body = content && el("textarea", { "aria-label": "body", rows: "8", spellcheck: "false" });
  const choice = samples.length > 1 && el("select", { "aria-label": "example" },
    ...samples.map(([summary], i) => el("option", { value: String(i) }, summary)));
  const command = copyable("");
  const answer = el("div", {});
  const send = el("button", { type: "button" },
    changes(op) ? "Send: this may change the cluster" : "Send");

  const url = () => {
    const set = params.filter((p) => p.input.value !== "");
    const query = new URLSearchParams(set.map((p) => [p.name, p.input.value]));
    return location.origin + path + (query.size ? "?" + query : "");
  };
  const compact = () => {
    try { return JSON.stringify(JSON.parse(body.value)); } catch { return body.value; }
  };
  const show = () => {
    command.querySelector("pre").textContent = curl(method, url(), body && compact());
  };
  const choose = () => { body.value = pretty(samples[choice ? Number(choice.value) : 0][1]); };
  if (body) { choose(); body.addEventListener("input", show); }
  if (choice) choice.addEventListener("change", () => { choose(); show(); });
  for (const p of params) p.input.addEventListener("input", show);
  show();
  send.addEventListener("click", () => request(send, answer, url(), method, body && body.value));

  return el("div", { class: "trial" }, el("h4", {}, "Try it"),
    ...params.map((p) => el("label", {}, el("code", {}, p.name), " ", p.input)),
    choice || undefined, body, command, send, answer);
}

// changes reports whether a request may change something.
const changes = (op) => op["x-yakt-kind"] === "write";

async function request(button, answer, url, method, body) {
  button.disabled = true;
  answer.replaceChildren("Waiting for the answer.");
  try {
    const began = performance.now();
    const r = await fetch(url, { method, body, headers: body ? { "Content-Type": json } : {} });
    const kind = r.headers.get("Content-Type") || "";
    const shown = kind.includes("json") ? await text(r) : kind + ", which is not shown";
    answer.replaceChildren(el("p", {}, el("strong", {}, r.status + " " + r.statusText), " in " +
      Math.round(performance.now() - began) + " ms"), copyable(shown));
    if (!kind.includes("json") && r.body) r.body.cancel();
  } catch (err) {
    answer.replaceChildren("No answer: " + err);
  } finally {
    button.disabled = false;
  }
}

// shownMax is how many characters of an answer the page shows.
const shownMax = 200000;

// text is an answer as text, indented if it is JSON and not too long.
async function text(response) {
  const raw = await response.text();
  if (raw.length >= shownMax) return raw.slice(0, shownMax) + "\n… the rest is not shown";
  try { return pretty(JSON.parse(raw)); } catch { return raw; }
}

function answers(op) {
  const parts = [];
  const ok = op.responses["200"]?.content?.[json];
  if (ok) parts.push(fields(ok.schema, "Answer"), copyable(pretty(samplesOf(ok)[0][1])));
  const failures = Object.entries(op.responses).filter(([status]) => status !== "200");
  const others = failures.map(([status, r]) => {
    const content = r.content && (r.content[problem] || r.content[json]);
    const shown = content && el("details", { class: "sample" },
      el("summary", {}, r.description || ""), copyable(pretty(samplesOf(content)[0][1])));
    return el("tr", {}, el("td", {}, status), el("td", {}, shown || r.description || ""));
  });
  parts.push(table("Other answers", others));
  return parts;
}

function operation(path, method, op) {
  const summary = el("summary", {}, el("span", { class: "method" }, method), el("code", {}, path),
    " ", op.summary || "");
  const body = op.requestBody && op.requestBody.content[json];
  const params = (op.parameters || []).map((p) =>
    row(p.name, p.in, p.required, typeOf(p.schema), p.description));
  const whole = el("details", { id: op.operationId, class: "operation" }, summary);
  whole.addEventListener("toggle", () => { // built on demand: there are many
    if (whole.children.length > 1) return;
    whole.append(...[
      op.description && el("p", {}, op.description), table("Parameters", params),
      body && fields(body.schema, "Body"), trial(path, method, op), ...answers(op),
    ].filter(Boolean));
  });
  return whole;
}

function type(name, schema) {
  return el("details", { id: "type-" + name, class: "operation" },
    el("summary", {}, el("code", {}, name)),
    schema.description && el("p", {}, schema.description), fields(schema, "Fields"),
    copyable(pretty(sample(schema))));
}

// search shows the entries that contain all words of the query.
function search(entries) {
  const input = document.getElementById("search");
  const none = document.getElementById("none");
  input.addEventListener("input", () => {
    const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const e of entries) {
      const hit = wanted.every((word) => e.words.includes(word));
      for (const part of e.parts) part.hidden = !hit;
      shown += hit;
    }
    for (const s of document.querySelectorAll("main section")) {
      s.hidden = ![...s.querySelectorAll("details.operation")].some((d) => !d.hidden);
    }
    none.hidden = shown > 0;
  });
  addEventListener("keydown", (e) => {
    if (e.key !== "/" || /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) return;
    e.preventDefault();
    input.focus();
  });
}

function render(doc) {
  api = doc;
  document.getElementById("about").textContent =
    doc.info.description + " Version " + doc.info.version + ".";
  const main = document.getElementById("operations");
  const list = el("ul", {});
  const entries = [];
  main.replaceChildren();
  for (const tag of doc.tags) {
    const section = el("section", {}, el("h2", {}, tag.name), el("p", {}, tag.description || ""));
    for (const [path, item] of Object.entries(doc.paths)) {
      for (const method of methods) {
        const op = item[method];
        if (!op || !(op.tags || []).includes(tag.name)) continue;
        const part = operation(path, method.toUpperCase(), op);
        const title = method.toUpperCase() + " " + path;
        const link = el("li", {}, el("a", { href: "#" + op.operationId }, title));
        section.append(part);
        list.append(link);
        const words = [method, path, op.summary, op.description].join(" ");
        entries.push({ parts: [part, link], words: words.toLowerCase() });
      }
    }
    main.append(section);
  }
  const types = el("section", {}, el("h2", {}, "types"),
    el("p", {}, "The types of bodies and answers."));
  for (const [name, schema] of Object.entries(doc.components.schemas)) {
    const part = type(name, schema);
    types.append(part);
    const words = [name, ...Object.keys(schema.properties || {})].join(" ");
    entries.push({ parts: [part], words: words.toLowerCase() });
  }
  main.append(types);
  document.getElementById("contents").append(list);
  search(entries);
  addEventListener("hashchange", open);
  open();
}

// open shows the operation or type that the fragment of the URL names.
function open() {
  const at = document.getElementById(location.hash.slice(1));
  if (!at) return;
  at.hidden = false;
  at.open = true;
  at.scrollIntoView();
}

fetch("/openapi.json").then((r) => r.json()).then(render).catch((err) => {
  document.getElementById("operations").textContent =
    "The description of the API could not be loaded: " + err;
});
