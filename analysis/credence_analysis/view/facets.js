// facets.js - what can be clicked instead of typed: the values of each telling column, with how many markets have them.

const FACET_VALUES = 40;

// The columns worth a facet: those with between 2 and FACET_VALUES values, in a reader's order.
function facetColumns(pack) {
  const first = ["run", "opening", "final", "truth", "status", "stop", "reason", "stance", "benchmark", "protocol", "maker", "trader"];
  const names = [...first.filter(n => pack.columns.has(n)), ...[...pack.columns.keys()].filter(n => !first.includes(n))];
  const never = new Set(["episode", "item", "question", "text", "low", "high", "value", "unit", "label", "replicate"]);
  const chosen = names.map(n => pack.columns.get(n)).filter(column => {
    if (never.has(column.name) || !(column.sides || column.kind === "word")) return false;
    const words = column.sides || column.words;
    if (words.length > 400 || (column.name === "cell" && words.length > 30)) return false;
    const counts = countWords(pack, column, null);
    const present = counts.filter(n => n > 0).length;
    return present >= 2 && present <= FACET_VALUES;
  });
  // A cell's name only repeats its factors.
  return chosen.filter(c => c.name !== "cell" || !chosen.some(other => pack.differing.includes(other.name)));
}

function countWords(pack, column, chosen) {
  const words = column.sides || column.words, of = column.sides ? column.side : column.code;
  const counts = new Array(words.length).fill(0);
  if (chosen) for (const i of chosen) counts[of(i)]++;
  else for (let i = 0; i < pack.markets; i++) counts[of(i)]++;
  return counts;
}

const isSame = (clause, column, word) => clause.column === column && (clause.op === "=" && String(clause.value) === String(word));

// The filter TEXT with "column = word" added, or taken out when it is there.
function toggleClause(text, parsed, column, word) {
  const there = parsed.clauses.findIndex(clause => isSame(clause, column, word));
  if (there >= 0) {
    const left = parsed.clauses.filter((_, i) => i !== there);
    return left.map(clause => text.slice(clause.from, clause.to)).join(" and ");
  }
  const clause = clauseOf(column, word);
  if (text.trim() === "") return clause;
  // Another value of the same column: one or the other cannot both hold, so it takes its place.
  const other = parsed.clauses.findIndex(c => c.column === column && c.op === "=");
  if (other >= 0) return parsed.clauses.map((c, i) => i === other ? clause : text.slice(c.from, c.to)).join(" and ");
  return (parsed.isOr ? `(${text.trim()})` : text.trim()) + " and " + clause;
}

function drawFacets(box, columns, pack, state, toggle) {
  const parts = [];
  for (const column of columns) {
    const counts = countWords(pack, column, state.chosen), words = column.sides || column.words;
    const rows = [];
    words.forEach((word, i) => {
      if (word === "" || word === "tie") return;
      const isOn = state.parsed.clauses.some(clause => isSame(clause, column, word));
      if (!counts[i] && !isOn) return;
      rows.push(h("li", {}, h("button", { type: "button", "aria-pressed": String(isOn), "data-facet": column.name, "data-word": word,
        onclick: () => toggle(column, word) }, h("span", {}, plain(word, 60)), h("span", {}, count(counts[i])))));
    });
    if (rows.length) parts.push(h("div", {}, h("h3", {}, FACET_NAMES[column.name] || shortName(column.name)), h("ul", {}, rows)));
  }
  const focused = document.activeElement && document.activeElement.dataset ? { ...document.activeElement.dataset } : {};
  box.replaceChildren(...parts);
  if (focused.facet) {
    const again = [...box.querySelectorAll("button")].find(b => b.dataset.facet === focused.facet && b.dataset.word === focused.word);
    if (again) again.focus();
  }
}

const FACET_NAMES = { opening: "opening was", final: "final is", truth: "truth", stop: "stopped by", reason: "why invalid or failed" };
