// where.js - the filter: the grammar of `credence list --where`, so that what is found here is found there.
//
//   condition   and, or, not, ( ); and binds more strongly than or
//   test        COLUMN OP VALUE    OP: = != < <= > >= ~ (contains); "is" is "="
//               COLUMN             a flag that is set, a number or a text that is there
//               opening right, opening wrong, final right, final wrong
//   VALUE       a number, a word, a text in single or double quotes, or a column of the same kind
//
// A test on a missing value is false. Texts are compared without regard to case.

const DEPTH_MAX = 64;
const OPS = ["==", "!=", "<>", "<=", ">=", "=", "<", ">", "~"];
const HOLDS = {
  "=": c => c === 0, "!=": c => c !== 0, "<": c => c < 0, "<=": c => c <= 0, ">": c => c > 0, ">=": c => c >= 0,
};

class WhereProblem extends Error {}

const isWordLetter = c => /[A-Za-z0-9_.+\-\u0080-\uffff]/.test(c);

function tokens(text) {
  const out = [];
  let at = 0;
  const add = (kind, from, to, word) => { out.push({ kind, word, at: from, end: to }); at = to; };
  for (;;) {
    while (at < text.length && /\s/.test(text[at])) at++;
    if (at >= text.length) break;
    const c = text[at], op = OPS.find(o => text.startsWith(o, at));
    if (c === "(" || c === ")") add(c, at, at + 1, c);
    else if (c === '"' || c === "'") {
      const end = text.indexOf(c, at + 1);
      if (end < 0) throw new WhereProblem(`character ${at + 1}: found ${c}, expected a closing quote`);
      add("text", at, end + 1, text.slice(at + 1, end));
    } else if (op) add("op", at, at + op.length, op);
    else {
      let end = at;
      while (end < text.length && isWordLetter(text[end])) end++;
      if (end === at) throw new WhereProblem(`character ${at + 1}: found '${plain(c)}', expected a column, a value, an operator or a parenthesis`);
      add("word", at, end, text.slice(at, end));
    }
  }
  out.push({ kind: "end", word: "the end", at, end: at });
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

// Text, number or flag: what a column's values are compared as.
const kindOf = column => column.kind === "flag" ? "flag" : column.isNumber || column.kind === "number" ? "number" : "text";

// A walk over the tokens of TEXT. {test, clauses, isOr, hints}: a predicate over markets or null; the clauses joined by
// "and" with their places in TEXT; whether there is an "or" at the top; what is worth saying without being wrong.
class WhereParser {
  constructor(text, columns) {
    Object.assign(this, { text, columns, list: tokens(text), at: 0, depth: 0, hints: [] });
  }

  get next() { return this.list[this.at]; }
  is(word) { return this.next.kind === "word" && this.next.word.toLowerCase() === word; }
  accept(word) { return this.is(word) && ++this.at > 0; }

  refuse(expected) {
    const t = this.next;
    throw new WhereProblem(`character ${t.at + 1}: found ${t.kind === "end" ? "the end" : "'" + plain(t.word, 40) + "'"}, expected ${expected}`);
  }

  parse() {
    if (this.next.kind === "end") return { test: null, clauses: [], isOr: false, hints: [] };
    const found = this.or();
    if (this.next.kind !== "end") this.refuse("and, or, or the end");
    return { test: found.test, clauses: found.clauses || [], isOr: !found.clauses, hints: this.hints };
  }

  or() {
    const parts = [this.and()];
    while (this.accept("or")) parts.push(this.and());
    return parts.length === 1 ? parts[0] : { test: i => parts.some(p => p.test(i)) };
  }

  and() {
    const parts = [];
    do {
      const from = this.next.at, part = this.factor();
      parts.push({ ...part, from, to: this.list[this.at - 1].end });
    } while (this.accept("and"));
    const tests = parts.map(p => p.test);
    return { test: tests.length === 1 ? tests[0] : i => tests.every(t => t(i)), clauses: parts };
  }

  factor() {
    if (++this.depth > DEPTH_MAX) this.refuse("fewer parentheses and nots inside each other");
    let found;
    if (this.accept("not")) {
      const inner = this.factor();
      found = { test: i => !inner.test(i) };
    } else if (this.next.kind === "(") {
      this.at++;
      found = { test: this.or().test };
      if (this.next.kind !== ")") this.refuse("')', and, or or");
      this.at++;
    } else found = this.comparison();
    this.depth--;
    return found;
  }

  column() {
    const t = this.next;
    if (t.kind !== "word") this.refuse("a column's name");
    const column = this.columns.get(t.word);
    if (!column) throw new WhereProblem(`character ${t.at + 1}: unknown column '${plain(t.word, 40)}'; did you mean '${nearest(t.word, this.columns.keys())}'?`);
    this.at++;
    return column;
  }

  comparison() {
    const column = this.column(), kind = kindOf(column);
    if (this.is("right") || this.is("wrong")) {
      if (!column.sides) this.refuse("an operator; right and wrong go with opening and final");
      const word = this.list[this.at++].word.toLowerCase(), side = column.sides.indexOf(word);
      return { test: i => column.side(i) === side, column, op: "=", value: word };
    }
    let op = "=";
    if (this.accept("is")) op = this.accept("not") ? "!=" : "=";
    else if (this.next.kind === "op") {
      op = { "==": "=", "<>": "!=" }[this.next.word] || this.next.word;
      const allowed = { text: ["=", "!=", "~"], flag: ["=", "!="], number: Object.keys(HOLDS) }[kind];
      if (!allowed.includes(op)) this.refuse({ text: "= != or ~, for the column holds text", flag: "= or !=, for the column holds yes or no", number: "= != < <= > or >=, for the column holds numbers" }[kind]);
      this.at++;
    } else return { test: present(column, kind), column };
    return { ...this.value(column, kind, op), column, op };
  }

  value(column, kind, op) {
    const t = this.next;
    if (t.kind !== "word" && t.kind !== "text") this.refuse("a value");
    const other = t.kind === "word" ? this.columns.get(t.word) : undefined;
    if (other && kindOf(other) === kind) {
      this.at++;
      return { test: kind === "text" ? textAgainst(column, op, other) : numberAgainst(column, op, i => other.get(i)) };
    }
    let test;
    if (kind === "text") test = this.words(column, op, t.word);
    else {
      const flag = { yes: 1, true: 1, 1: 1, no: 0, false: 0, 0: 0 }[t.word.toLowerCase()];
      const number = kind === "flag" ? flag : t.word.trim() === "" ? NaN : Number(t.word);
      if (number === undefined || Number.isNaN(number)) this.refuse(kind === "flag" ? "yes or no" : "a number or a column that holds numbers");
      test = numberAgainst(column, op, () => number);
    }
    this.at++;
    return { test, value: t.word };
  }

  // Words are few: each is held against WANTED once, and markets look their word up.
  words(column, op, wanted) {
    const low = wanted.toLowerCase();
    const holds = word => op === "~" ? word.includes(low) : (word === low) === (op === "=");
    const matched = Uint8Array.from(column.words, word => holds(String(word).toLowerCase()) ? 1 : 0);
    if (op === "=" && !matched.includes(1) && column.words.length)
      this.hints.push(`No market has ${column.name} ${plain(wanted, 40)}; the nearest is ${plain(nearest(wanted, column.words), 60)}.`);
    return i => matched[column.code(i)] === 1;
  }
}

function present(column, kind) {
  if (kind === "text") return i => column.get(i) !== "";
  return kind === "flag" ? i => column.get(i) === 1 : i => isFinite(column.get(i)) && column.get(i) !== "";
}

function textAgainst(column, op, other) {
  return i => {
    const a = String(column.get(i)).toLowerCase(), b = String(other.get(i)).toLowerCase();
    return op === "~" ? a.includes(b) : (a === b) === (op === "=");
  };
}

// Equal as people read it: 0.1 + 0.2 is 0.3.
function numberAgainst(column, op, wanted) {
  const holds = HOLDS[op];
  return i => {
    const x = column.get(i), y = wanted(i);
    if (x === "" || y === "" || Number.isNaN(x) || Number.isNaN(y)) return false;
    return holds(Math.abs(x - y) < 1e-9 ? 0 : x - y);
  };
}

const parseWhere = (text, columns) => new WhereParser(text, columns).parse();

// "COLUMN = VALUE" as the grammar writes it. A value with quotes of both kinds is looked for by its longest part.
function clauseOf(column, word) {
  const text = String(word);
  if (column.sides) return `${column.name} ${text}`;
  if (/^[A-Za-z0-9_.+\-\u0080-\uffff]+$/.test(text) && !/^(and|or|not|is|right|wrong)$/i.test(text)) return `${column.name} = ${text}`;
  if (!text.includes('"')) return `${column.name} = "${text}"`;
  if (!text.includes("'")) return `${column.name} = '${text}'`;
  return `${column.name} ~ "${text.split('"').reduce((a, b) => b.length > a.length ? b : a)}"`;
}
