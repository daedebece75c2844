// app.js - the page: filter, list, market, compare, live. The address keeps the state: #e=12&where=opening%20right.

const state = { pack: null, source: null, chosen: [], parsed: { clauses: [] }, found: null, market: null, other: null, ticket: 0, sort: "episode", down: false };
const NARROW = 832; // pixels: below, list and market take turns
let list, facets = [], shownRun = "";

const runOf = i => state.pack.data.run[i], episodeOf = i => state.pack.data.episode[i];
const nameOf = i => (state.pack.runs.length > 1 ? runOf(i) + ":" : "") + episodeOf(i);
const value = (i, name) => { const c = state.pack.columns.get(name); return c ? c.get(i) : undefined; };
const sideOf = (i, name) => { const c = state.pack.columns.get(name); return c.sides[c.side(i)]; };

function indexOf(name) {
  const [run, episode] = String(name).includes(":") ? String(name).split(":").map(Number) : [0, Number(name)];
  const from = (state.pack.runs[run] || {}).first;
  const i = from === undefined ? -1 : from + episode;
  return Number.isInteger(i) && i >= 0 && i < state.pack.markets && runOf(i) === run ? i : null;
}

function readAddress() {
  const at = new URLSearchParams(location.hash.slice(1));
  element("where").value = at.get("where") || "";
  element("query").value = at.get("q") || "";
  state.sort = state.pack.columns.has(at.get("sort")) ? at.get("sort") : "episode";
  state.down = at.get("down") === "1";
  state.market = at.has("e") ? indexOf(at.get("e")) : null;
  state.other = at.has("with") ? indexOf(at.get("with")) : null;
}

function writeAddress() {
  const at = new URLSearchParams();
  if (state.market !== null) at.set("e", nameOf(state.market));
  if (state.other !== null) at.set("with", nameOf(state.other));
  if (element("where").value.trim()) at.set("where", element("where").value.trim());
  if (element("query").value.trim()) at.set("q", element("query").value.trim());
  if (state.sort !== "episode") at.set("sort", state.sort);
  if (state.down) at.set("down", "1");
  const hash = "#" + at;
  if (location.hash !== hash) history.replaceState(null, "", location.pathname + location.search + hash);
}

function verdict(i) {
  const opening = sideOf(i, "opening"), final = sideOf(i, "final"), status = value(i, "status");
  if (status === "invalid" || status === "failed" || status === "pending") return h("span", { class: "cut " + (status === "pending" ? "soft" : "wrong") }, status);
  if (!final) return h("span", { class: "cut soft" }, "");
  return h("span", { class: "cut" }, h("span", { class: opening }, opening), opening === final ? "" : [" \u2192 ", h("span", { class: final }, final)]);
}

const shortName = n => n.replace(/^stop\./, "").replace(/_/g, " ");

function shortCell(i) {
  const names = state.pack.differing, parts = names.map(n => {
    const v = value(i, n);
    return typeof v === "number" || /^(true|false|\d)/.test(String(v)) ? `${shortName(n)} ${v}` : v;
  });
  if (state.pack.runs.length > 1) parts.unshift(value(i, "run"));
  return parts.join(" \u00b7 ") || value(i, "cell");
}

function drawRow(i) {
  const status = value(i, "status"), opening = value(i, "opening"), final = value(i, "final");
  const reason = value(i, "reason");
  const why = reason || value(i, "stop");
  return h("div", { class: "row", role: "row", "data-episode": nameOf(i) },
    h("div", { role: "gridcell" }, h("span", { class: "cut" }, h("b", {}, "#" + nameOf(i) + " "), plain(value(i, "item"), 80)),
      h("span", { class: "cut" }, plain(value(i, "text"), 160)), h("span", { class: "cut soft" }, plain(shortCell(i), 120))),
    h("div", { role: "gridcell" }, sparkline(pricesOf(state.pack, i), status === "done" ? sideOf(i, "final") : "tie")),
    h("div", { role: "gridcell", class: "numbers" }, h("span", { class: "cut" }, Number.isNaN(opening) ? "\u2013" : [price(opening, 2), " \u2192 ", h("b", {}, price(final, 2))]),
      verdict(i), h("span", { class: "cut soft", title: "why it ended" }, why && why !== status ? why.replace(/_/g, " ") : "")));
}

function sortKeys(column) {
  if (column.kind !== "word") return column.get;
  return column.code; // codes stand in the order of their words
}

function order(chosen) {
  const column = state.pack.columns.get(state.sort);
  if (state.sort === "episode") return state.down ? chosen.reverse() : chosen;
  const key = sortKeys(column), keys = new Float64Array(state.pack.markets);
  for (const i of chosen) { const k = state.sort === "move" || state.sort === "largest" ? Math.abs(key(i)) : key(i); keys[i] = Number.isNaN(k) ? Infinity : state.down ? -k : k; }
  return chosen.sort((a, b) => keys[a] - keys[b] || a - b);
}

function filter() {
  const text = element("where").value, begin = performance.now();
  try {
    state.parsed = parseWhere(text, state.pack.columns);
    element("where-problem").textContent = [...state.parsed.hints, state.found && state.found.note || ""].join(" ").trim();
    element("where").removeAttribute("aria-invalid");
  } catch (problem) {
    if (!(problem instanceof WhereProblem)) throw problem;
    element("where-problem").textContent = problem.message;
    element("where").setAttribute("aria-invalid", "true");
    return;
  }
  const test = state.parsed.test, found = state.found && state.found.rows, chosen = [];
  for (let i = 0; i < state.pack.markets; i++)
    if ((!test || test(i)) && (!found || found.has(i))) chosen.push(i);
  state.chosen = order(chosen);
  list.set(state.chosen, state.market);
  element("count").replaceChildren(`${count(chosen.length)} of ${count(state.pack.markets)}`, h("span", { class: "wide" }, state.pack.markets === 1 ? " market" : " markets"));
  drawFacets(element("facets"), facets, state.pack, state, toggle);
  if (!chosen.length) element("rows").replaceChildren(h("p", { class: "empty" }, "No market fits. Take a part of the filter out, or clear it."));
  document.body.dataset.filterMs = Math.round(10 * (performance.now() - begin)) / 10;
  writeAddress();
}

function toggle(column, word) {
  element("where").value = toggleClause(element("where").value, state.parsed, column, word);
  list.box.scrollTop = 0;
  filter();
}

async function search() {
  const text = element("query").value.trim(), ticket = ++state.ticket;
  if (!text) { state.found = null; filter(); return; }
  element("count").textContent = "Searching\u2026";
  try {
    const { found, note } = await state.source.search(text);
    if (ticket !== state.ticket) return;
    const rows = new Set();
    for (const [run, episode] of found) rows.add(state.pack.runs[run].first + episode);
    const low = text.toLowerCase(), { data, propositions } = state.pack;
    const priced = propositions.text.map(t => t.toLowerCase().includes(low));
    for (let i = 0; i < state.pack.markets; i++) if (priced[data.proposition[i]]) rows.add(i);
    state.found = { rows, note };
  } catch (problem) {
    state.found = { rows: new Set(), note: plain(problem.message, 300) };
  }
  filter();
}

// The other cells' markets on the same item and replicate.
function siblings(i) {
  const { data, propositions } = state.pack, out = [];
  const id = p => propositions.item[p] + "\u0000" + propositions.benchmark[p];
  const mine = id(data.proposition[i]), same = new Set();
  propositions.item.forEach((_, p) => { if (id(p) === mine) same.add(p); });
  for (let j = 0; j < state.pack.markets; j++)
    if (j !== i && same.has(data.proposition[j]) && data.replicate[j] === data.replicate[i]) out.push(j);
  return out;
}

function choose(i, isEntered) {
  state.market = i;
  state.other = null;
  list.select(i);
  writeAddress();
  document.body.className = isEntered || document.body.className === "on-market" ? "on-market" : "on-list";
  showMarket(isEntered);
}

function step(by) {
  const next = list.neighbour(by);
  if (next !== null) choose(next, document.body.className === "on-market");
}

async function load(i, prompts) {
  return state.source.market(runOf(i), episodeOf(i), prompts);
}

async function showMarket(isEntered) {
  const i = state.market, ticket = state.shown = Symbol("market"), box = element("market");
  if (i === null) {
    box.replaceChildren(h("p", { class: "empty" }, "Choose a market on the left. Arrow keys or ", h("kbd", {}, "n"), " and ", h("kbd", {}, "p"), " go through them, ", h("kbd", {}, "?"), " lists the keys."));
    return;
  }
  box.setAttribute("aria-busy", "true");
  const wanted = state.other === null ? [i] : [i, state.other];
  const got = await Promise.all(wanted.map(j => load(j).catch(problem => ({ calls: [], note: problem.message }))));
  if (ticket !== state.shown) return;
  box.replaceChildren(...(wanted.length === 1 ? drawMarket(i, got[0]) : drawTwo(wanted, got)));
  box.removeAttribute("aria-busy");
  box.dataset.episode = nameOf(i);
  box.scrollTop = 0;
  if (isEntered) box.focus({ preventScroll: true });
}

function rowObject(i) {
  const names = ["item", "truth", "label", "stop", "status", "reason", "stop.window", "stop.threshold", "stop.rule", "text", "cell", "low", "high", "unit"];
  return Object.fromEntries(names.map(n => [n, value(i, n)]));
}

function bar(i) {
  const at = state.chosen.indexOf(i);
  return h("div", { class: "bar" },
    h("button", { type: "button", class: "back", onclick: () => { document.body.className = "on-list"; list.later(); list.box.focus(); } }, "\u2190 Markets"),
    h("button", { type: "button", id: "previous", disabled: at <= 0, onclick: () => step(-1) }, "\u2190 Previous"),
    h("button", { type: "button", id: "next", disabled: at < 0 || at >= state.chosen.length - 1, onclick: () => step(1) }, "Next \u2192"),
    h("span", { class: "soft" }, at < 0 ? "not in the filtered list" : `${count(at + 1)} of ${count(state.chosen.length)}`));
}

function heading(i, row, market) {
  const tokens = value(i, "tokens"), usd = value(i, "usd"), calls = value(i, "calls");
  const fact = (name, text, className) => text === undefined || text === "" || text === null ? null : h("li", {}, h("span", { class: "soft" }, name + " "), h("b", { class: className || "" }, text));
  const kept = [...state.pack.columns.keys()].filter(n => n.startsWith("item."));
  return [h("h2", { id: "market-title" }, `#${nameOf(i)} `, plain(row.item, 200)),
    h("div", { class: "claim said", dir: "auto" }, said(row.text)),
    market.options && market.options.length > 1 ? h("ol", {}, market.options.map((o, k) => h("li", { class: k === row.label ? "right" : "" }, plain(o, 300)))) : null,
    h("ul", { class: "facts" }, fact("truth", truthLine(row, market.options), row.truth === "true" ? "right" : row.truth === "false" ? "wrong" : ""),
      fact("status", row.status), fact("stop", row.stop ? row.stop.replace(/_/g, " ") : ""),
      fact("reason", row.reason ? row.reason.replace(/_/g, " ") : ""),
      state.pack.differing.map(n => fact(shortName(n), plain(value(i, n), 60))),
      value(i, "replicate") > 0 ? fact("replicate", value(i, "replicate")) : null,
      kept.map(n => fact(n.slice(5), plain(value(i, n), 80))),
      fact("calls", calls === undefined ? "" : count(calls)), fact("tokens", tokens === undefined ? "" : count(tokens)), usd > 0 ? fact("cost", dollars(usd)) : null)];
}

// The prices of a market; of one that is not finished those that its replies name.
function heardPrices(i, market) {
  const prices = market.prices && market.prices.length ? market.prices : pricesOf(state.pack, i);
  if (prices.length || value(i, "status") !== "pending") return prices;
  const heard = [];
  for (const call of market.calls || [])
    if (call.role === "maker" && isUsable(call) && typeof call.price === "number") heard[call.iteration] = call.price;
  return Array.from(heard, p => p === undefined ? null : p);
}

function path(i, row, market, width, other) {
  const prices = heardPrices(i, market), isMany = market.options && market.options.length > 1 && market.option_prices;
  const lines = [];
  if (isMany) market.options.forEach((name, k) => lines.push({ name: plain(name, 60), prices: market.option_prices.map(r => r ? r[k] : null), className: k === row.label ? "line-price" : "other", dot: k === row.label ? "dot" : "other-dot" }));
  else lines.push({ name: "price", prices, className: "line-price", dot: "dot" });
  if (market.held && market.held.some(p => p !== null)) lines.push({ name: "price by logprobs", prices: market.held, className: "held" });
  if (other) lines.push({ name: other.name, prices: other.prices, className: "other", dot: "other-dot" });
  lines.sort((a, b) => (b.className === "line-price") - (a.className === "line-price"));
  const stop = stopWindow(row, isMany ? [] : prices), longest = Math.max(10, ...lines.map(l => l.prices.length - 1));
  const isQuantity = Number.isFinite(row.low) && Number.isFinite(row.high);
  const label = `Price by iteration: ${prices.map((p, t) => `t ${t}: ${price(p)}`).join(", ")}`.slice(0, 900) + (stop ? "; " + stop.text : "");
  const svg = pricePath(width, { lines, stop, longest, label, band: market.quantile ? market.quantile.filter(Boolean).map(q => [q[0], q[2]]) : null,
    axis: isQuantity ? plain(row.unit || "median", 20) : "price", ...(isQuantity ? { low: row.low, high: row.high } : {}) });
  const notes = [];
  if (stop) notes.push("Shaded: " + stop.text + ".");
  if (isMany) notes.push("The thick line is the right option.");
  if (isQuantity) notes.push("The band is the 5 to 95 % quantiles of each judgment.");
  if (market.held && market.held.some(p => p !== null)) notes.push("Dashed: the price held by logprobs.");
  if (other) notes.push("Grey: " + other.name + ".");
  return h("figure", { class: "path" }, svg, notes.length ? h("figcaption", {}, notes.join(" ")) : null);
}

function conversation(i, market) {
  const calls = market.calls || [], costs = (state.pack.runs[runOf(i)] || {}).costs || {};
  const isQuantity = Number.isFinite(value(i, "low")) && Number.isFinite(value(i, "high"));
  const low = value(i, "low"), high = value(i, "high");
  let prompts = null;
  const what = { prices: heardPrices(i, market), push: market.push || {}, costs, traders: new Set(calls.filter(c => c.role !== "maker").map(c => c.trader || 0)).size,
    say: p => isQuantity ? "median " + Number((low + p * (high - low)).toPrecision(4)) : "price " + price(p),
    load: async call => {
      if (call.messages) return call;
      prompts = prompts || load(i, true);
      const full = await prompts.catch(problem => { prompts = null; throw problem; });
      const same = (full.calls || []).find(c => ["iteration", "role", "trader", "sample", "repair", "ask"].every(k => (c[k] || 0) === (call[k] || 0)));
      if (!same || !same.messages) throw new Error(full.note || "The messages of this call are not there.");
      return same;
    } };
  const turns = turnsOf(calls);
  const isSampled = turns.some(t => t[0].sample > 0);
  for (const turn of turns) turn.isSampled = isSampled;
  return [market.note ? h("p", { class: "note" }, plain(market.note, 500)) : null,
    h("div", { class: "talk" }, turns.map(turn => voice(turn, what))),
    !calls.length && !market.note ? h("p", { class: "empty" }, value(i, "status") === "pending" ? "Nothing has been said yet." : "The file holds no calls of this market.") : null];
}

const pathWidth = n => Math.max(280, Math.min(832, (element("market").clientWidth - 40 - 20 * (n - 1)) / (innerWidth <= NARROW ? 1 : n)));

function compareBox(i) {
  const others = siblings(i);
  if (!others.length) return null;
  const select = h("select", { id: "compare", "aria-label": "Compare with another cell on this item", onchange: event => {
    state.other = event.target.value === "" ? null : Number(event.target.value);
    writeAddress();
    showMarket(false);
  } }, h("option", { value: "" }, `Compare with one of ${count(others.length)} other cells on this item`),
  others.slice(0, 500).map(j => h("option", { value: j, selected: j === state.other }, plain(`#${nameOf(j)} ${shortCell(j)}`, 110))));
  return h("div", { class: "bar" }, select);
}

function drawMarket(i, market) {
  const row = rowObject(i);
  return [bar(i), ...heading(i, row, market), path(i, row, market, pathWidth(1)), compareBox(i), h("h3", {}, "What was said"), ...conversation(i, market)].filter(Boolean).flat();
}

function drawTwo(wanted, got) {
  const [i, j] = wanted, row = rowObject(i);
  const column = (k, market, otherAt, otherMarket) => h("section", { "aria-label": plain(shortCell(k), 100) }, h("h3", { class: "cell" }, `#${nameOf(k)} `, plain(shortCell(k), 120)),
    h("p", {}, verdict(k)), path(k, rowObject(k), market, pathWidth(2), { name: `#${nameOf(otherAt)}`, prices: heardPrices(otherAt, otherMarket) }), conversation(k, market));
  return [bar(i), h("h2", { id: "market-title" }, plain(row.item, 200)), h("div", { class: "claim said", dir: "auto" }, said(row.text)), compareBox(i),
    h("div", { class: "two" }, column(i, got[0], j, got[1]), column(j, got[1], i, got[0]))].filter(Boolean);
}

function drawTop() {
  const { pack } = state, done = { done: 0, invalid: 0, failed: 0, pending: 0 };
  const status = pack.columns.get("status");
  countWords(pack, status, null).forEach((n, k) => { done[status.words[k]] = n; });
  const parts = [`${count(pack.markets - done.pending)} of ${count(pack.markets)} finished`];
  if (done.invalid) parts.push(`${count(done.invalid)} invalid`);
  if (done.failed) parts.push(`${count(done.failed)} failed`);
  const isLive = pack.runs.some(r => !r.complete);
  element("progress").textContent = parts.join(", ") + (isLive ? state.source.isLive ? " \u00b7 goes on" : " \u00b7 unfinished when this page was made" : "");
  element("badges").replaceChildren(...(pack.runs.some(r => r.simulated) ? [h("span", { class: "badge" }, "simulated agents")] : []));
}

function fillSort() {
  const names = [...state.pack.columns.keys()].filter(n => n !== "text");
  const first = ["episode", "item", "cell", "opening", "final", "largest", "move", "iterations", "tokens"].filter(n => names.includes(n));
  element("sort").replaceChildren(...[...first, ...names.filter(n => !first.includes(n))].map(n => h("option", { value: n, selected: n === state.sort }, n === "largest" ? "largest move" : n.replace(/_/g, " "))));
  element("order").textContent = state.down ? "\u2193" : "\u2191";
  element("order").setAttribute("aria-pressed", String(state.down));
}

async function poll() {
  let pause = 2000;
  try {
    const now = await state.source.state();
    if (now && now.version !== state.pack.version) {
      const begin = performance.now(), before = state.market === null ? null : nameOf(state.market), key = i => [value(i, "status"), value(i, "iterations")].join();
      const was = state.market === null ? "" : key(state.market);
      state.pack = await state.source.pack();
      facets = facetColumns(state.pack);
      state.market = before === null ? null : indexOf(before);
      drawTop();
      filter();
      if (state.market !== null && key(state.market) !== was && state.other === null) showMarket(false);
      pause = Math.max(pause, 10 * (performance.now() - begin));
    }
    if (!state.pack.runs.some(r => !r.complete)) return;
  } catch (problem) {
    element("progress").textContent = "The program that serves this page does not answer; what is shown stays.";
    pause = 10000;
  }
  setTimeout(poll, pause);
}

function help() {
  const key = (names, what) => [h("dt", {}, names.map((n, i) => [i ? " " : "", h("kbd", {}, n)])), h("dd", {}, what)];
  const example = (text, what) => [h("dt", {}, h("code", {}, text)), h("dd", {}, what)];
  element("help").replaceChildren(h("h2", { id: "help-title" }, "Keys and filters"),
    h("dl", {}, key(["n", "p"], "next and previous market"), key(["\u2193", "\u2191"], "the same, in the list; Enter opens"), key(["/"], "filter"), key(["s"], "search in all texts"), key(["Esc"], "back to the list"), key(["?"], "this page"),
      example("opening right and final wrong", "talked out of the truth"), example("stance = adversarial and largest > 0.3", "largest is the largest move between two judgments, move the whole way"),
      example("not (reason = cut or iterations >= 8)", "or, and, not, parentheses"), example("text ~ \"old windows\"", "~ looks for a part of a text"), example("final > opening", "one column against another")),
    h("p", { class: "soft" }, "The same conditions choose markets for ", h("code", {}, "credence list DIR --where"), "."),
    h("p", { class: "soft" }, "Columns: " + [...state.pack.columns.keys()].join(", ") + "."),
    h("form", { method: "dialog" }, h("button", {}, "Close")));
  element("help").showModal();
}

function listen() {
  let waiting;
  const soon = (f, ms) => () => { clearTimeout(waiting); waiting = setTimeout(f, ms); };
  element("where").addEventListener("input", soon(() => { list.box.scrollTop = 0; filter(); }, 120));
  element("query").addEventListener("input", soon(search, 350));
  element("form").addEventListener("submit", event => { event.preventDefault(); filter(); });
  element("sort").addEventListener("change", event => { state.sort = event.target.value; state.down = ["move", "largest", "tokens", "usd", "iterations"].includes(state.sort); fillSort(); list.box.scrollTop = 0; filter(); });
  element("order").addEventListener("click", () => { state.down = !state.down; fillSort(); filter(); });
  element("facet-button").addEventListener("click", event => event.target.setAttribute("aria-expanded", String(element("facets").classList.toggle("open"))));
  element("help-button").addEventListener("click", help);
  addEventListener("hashchange", () => { readAddress(); fillSort(); search(); showMarket(false); });
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; if (state.market !== null) showMarket(false); } });
  addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || element("help").open) return;
    const isTyping = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "Escape") { if (isTyping) event.target.blur(); document.body.className = "on-list"; list.box.focus(); return; }
    if (isTyping) return;
    const act = { n: () => step(1), j: () => step(1), p: () => step(-1), k: () => step(-1), "/": () => element("where").focus(), s: () => element("query").focus(), "?": help }[event.key];
    if (act) { event.preventDefault(); act(); }
  });
}

async function begin() {
  const about = element("bundle") && JSON.parse(element("bundle").textContent);
  state.source = about ? bundleSource(about) : serverSource(new URLSearchParams(location.search).get("token") || "");
  try {
    state.pack = await state.source.pack();
  } catch (problem) {
    element("market").replaceChildren(h("p", { class: "note" }, plain(problem.message, 500)));
    return;
  }
  list = new List(element("list"), element("rows"), drawRow, choose);
  facets = facetColumns(state.pack);
  readAddress();
  fillSort();
  drawTop();
  listen();
  filter();
  if (state.market === null && innerWidth > NARROW && state.chosen.length) list.select(state.market = state.chosen[0]);
  else if (state.market !== null) { document.body.className = "on-market"; list.select(state.market); }
  showMarket(false);
  if (element("query").value) search();
  document.body.dataset.ready = Math.round(performance.now());
  if (state.source.isLive && state.pack.runs.some(r => !r.complete)) setTimeout(poll, 2000);
}

begin();
