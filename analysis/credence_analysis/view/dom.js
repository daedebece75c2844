// dom.js - elements from data. Text only ever becomes text: nothing here parses HTML.

const SVG = "http://www.w3.org/2000/svg";
const TEXT_SHOWN = 6000, TEXT_STEP = 200000;
// What must not act on a page or a reader: C0 and C1 but for newline and tab, bidi controls, separators.
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// One line of TEXT, for labels: control characters become visible, whitespace one space.
function plain(text, most) {
  let line = String(text).slice(0, 4 * (most || 500)).replace(/\s+/g, " ")
    .replace(CONTROL, c => "\u2039" + code(c) + "\u203a");
  if (most && line.length > most) line = line.slice(0, most - 1) + "\u2026";
  return line;
}

const code = c => "U+" + c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");

function pieces(text) {
  const out = [];
  let from = 0;
  for (const match of text.matchAll(CONTROL)) {
    if (match.index > from) out.push(text.slice(from, match.index));
    out.push(h("span", { class: "control" }, code(match[0])));
    from = match.index + 1;
    if (out.length > 5000) break; // a reply of controls alone must not make a million elements
  }
  out.push(text.slice(from).replace(CONTROL, "\ufffd"));
  return out;
}

// TEXT as it was said: control characters visible, long texts cut with a button for more.
function said(text, className) {
  const box = h("div", { class: "said " + (className || ""), dir: "auto" });
  let shown = 0;
  const more = h("button", { type: "button" });
  const add = step => {
    let end = Math.min(text.length, shown + step);
    if (end < text.length && /[\ud800-\udbff]/.test(text[end - 1])) end++;
    more.before(...pieces(text.slice(shown, end)).filter(x => x !== ""));
    shown = end;
    more.hidden = shown >= text.length;
    more.textContent = "Show more: " + count(text.length - shown) + " characters are left";
  };
  box.append(more);
  more.addEventListener("click", () => add(TEXT_STEP));
  add(TEXT_SHOWN);
  return box;
}

const count = n => n === null || n === undefined ? "\u2013" : Number(n).toLocaleString("en-US");
const price = (p, digits) => p === null || p === undefined || Number.isNaN(p) ? "\u2013" : p.toFixed(digits || 3);
const signed = x => (x > 0 ? "+" : x < 0 ? "\u2212" : "") + price(Math.abs(x));
const dollars = x => "$" + (x >= 0.1 || x === 0 ? x.toFixed(2) : x.toPrecision(2));
