// where.js - the filter: the grammar of `credence list --where`.
//
//   expression = all { "or" all }        all = one { "and" one }
//   one = "not" one | "(" expression ")" | NAME ["is"] VALUE | NAME OP VALUE | NAME "in" "(" VALUE {"," VALUE} ")"
//   OP = "=" "!=" "<" "<=" ">" ">=" "~" (contains)
// "opening right" and "final wrong" ask for the side of a price, "opening > 0.7" for the price.

const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(==|!=|<=|>=|[=<>~(),])|([^\s"'=<>!~(),]+))/y;
const OTHER_NAMES = { largest_move: "move", id: "item", question_id: "question", stop_reason: "stop", said: "text", t: "iterations" };

class WhereProblem extends Error {}

function tokens(text) {
  const out = [];
  TOKEN.lastIndex = 0;
  while (text.slice(TOKEN.lastIndex).trim() !== "") {
    const from = TOKEN.lastIndex, match = TOKEN.exec(text);
    if (!match) throw new WhereProblem("cannot read " + JSON.stringify(plain(text.slice(from), 30)) + "; quote what has spaces or signs in it");
    const at = match.index + match[0].length - (match[1] || match[2] || match[3]).length;
    out.push({ kind: match[1] ? "quoted" : match[2] ? "sign" : "word", at, end: TOKEN.lastIndex,
      text: match[1] ? match[1].slice(1, -1).replace(/\\(.)/g, "$1") : match[2] || match[3] });
  }
  return out;
}

function distance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length];
}

function nearest(name, names) {
  let best = null, least = Infinity;
  for (const other of names) {
    const d = distance(name.toLowerCase().slice(0, 60), String(other).toLowerCase().slice(0, 60));
    if (d < least) { least = d; best = other; }
  }
  return best;
}

// {test, clauses}: a predicate over markets, and the top-level clauses with their places in TEXT (empty when there is an "or").
function parseWhere(text, columns) {
  const list = tokens(text);
  let at = 0, depth = 0;
  const peek = () => list[at];
  const isWord = word => peek() && peek().kind === "word" && peek().text.toLowerCase() === word;
  const isSign = sign => peek() && peek().kind === "sign" && peek().text === sign;
  const take = what => {
    if (!peek()) throw new WhereProblem("the filter ends where " + what + " is expected");
    return list[at++];
  };
  const value = () => {
    const token = take("a value");
    if (token.kind === "sign") throw new WhereProblem("found " + token.text + " where a value is expected");
    return token.text;
  };

  function comparison() {
    const name = take("a name");
    if (name.kind === "sign") throw new WhereProblem("found " + name.text + " where a name is expected");
    const column = columns.get(OTHER_NAMES[name.text] && !columns.has(name.text) ? OTHER_NAMES[name.text] : name.text);
    if (!column) throw new WhereProblem("no column is named " + plain(name.text, 40) + "; the nearest is " + nearest(name.text, columns.keys()));
    if (isWord("in")) {
      at++;
      if (!isSign("(")) throw new WhereProblem("in is followed by values in parentheses");
      at++;
      const values = [value()];
      while (isSign(",")) { at++; values.push(value()); }
      if (!isSign(")")) throw new WhereProblem("a ) is missing after the values of " + column.name);
      at++;
      const tests = values.map(v => compare(column, "=", v));
      return { test: i => tests.some(t => t(i)), column, values };
    }
    let op = "=";
    if (isWord("is")) at++;
    else if (peek() && peek().kind === "sign" && !"(),".includes(peek().text)) op = list[at++].text.replace("==", "=");
    if (isWord("not") && op === "=") { at++; op = "!="; }
    const wanted = value();
    return { test: compare(column, op, wanted), column, op, value: wanted };
  }

  function one() {
    if (isWord("not")) { at++; const inner = one(); return { test: i => !inner.test(i) }; }
    if (isSign("(")) {
      if (++depth > 50) throw new WhereProblem("more than 50 parentheses within each other");
      at++;
      const inner = any();
      if (!isSign(")")) throw new WhereProblem("a ) is missing");
      at++; depth--;
      return inner;
    }
    return comparison();
  }

  function all() {
    const parts = [];
    do {
      if (parts.length) at++;
      const from = peek() ? peek().at : text.length;
      const part = one();
      parts.push({ ...part, from, to: list[at - 1].end });
    } while (isWord("and"));
    const tests = parts.map(p => p.test);
    return { test: tests.length === 1 ? tests[0] : i => tests.every(t => t(i)), clauses: parts };
  }

  function any() {
    const parts = [all()];
    while (isWord("or")) { at++; parts.push(all()); }
    if (parts.length === 1) return parts[0];
    return { test: i => parts.some(p => p.test(i)), clauses: [] };
  }

  if (!list.length) return { test: null, clauses: [], isOr: false };
  const found = any();
  if (peek()) throw new WhereProblem("found " + plain(peek().text, 30) + " where and, or, or the end is expected");
  return { test: found.test, clauses: found.clauses || [], isOr: !(found.clauses || []).length };
}

const ORDER = {
  "=": c => c === 0, "!=": c => c !== 0, "<": c => c < 0, "<=": c => c <= 0, ">": c => c > 0, ">=": c => c >= 0,
};

function compare(column, op, wanted) {
  const number = wanted.trim() === "" ? NaN : Number(wanted);
  if (column.sides && Number.isNaN(number)) return compareSide(column, op, wanted);
  if (column.kind === "word") return compareWord(column, op, wanted, number);
  if (Number.isNaN(number)) throw new WhereProblem(column.name + " is a number; found " + plain(wanted, 30));
  if (op === "~") throw new WhereProblem("~ looks into words, and " + column.name + " is a number");
  const holds = ORDER[op];
  return i => {
    const x = column.get(i);
    return !Number.isNaN(x) && holds(Math.abs(x - number) < 1e-9 ? 0 : x - number);
  };
}

function compareSide(column, op, wanted) {
  const side = column.sides.indexOf(wanted.toLowerCase());
  if (side <= 0 || (op !== "=" && op !== "!="))
    throw new WhereProblem(column.name + " is a price, or right, wrong or tie; found " + op + " " + plain(wanted, 30));
  return i => (column.side(i) === side) === (op === "=");
}

function compareWord(column, op, wanted, number) {
  const low = wanted.toLowerCase();
  const holds = op === "~" ? word => String(word).toLowerCase().includes(low)
    : word => ORDER[op](typeof word === "number" && !Number.isNaN(number)
      ? (Math.abs(word - number) < 1e-9 ? 0 : word - number)
      : String(word) === wanted ? 0 : String(word).localeCompare(wanted, "en", { numeric: true, sensitivity: "accent" }));
  const matched = Uint8Array.from(column.words, word => holds(word) ? 1 : 0);
  if ((op === "=" || op === "!=") && !matched.some(m => m === (op === "=" ? 1 : 0)) && column.words.length)
    throw new WhereProblem("no market has " + column.name + " " + plain(wanted, 40) + "; the nearest is " + plain(nearest(wanted, column.words), 60));
  return i => matched[column.code(i)] === 1;
}

const quoteValue = value => /^[^\s"'=<>!~(),]+$/.test(String(value)) && !/^(and|or|not|in|is)$/i.test(String(value))
  ? String(value) : '"' + String(value).replace(/(["\\])/g, "\\$1") + '"';
