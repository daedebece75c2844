// pack.js - the markets as columns. One packet: a length, a JSON header, and typed arrays.
//
// Rows of cells and propositions are sent once; a market points to both. Prices are whole millionths, so that
// 0.7 is 0.7, laid end to end: market i has those from start[i] on.

const TYPES = { u1: Uint8Array, i1: Int8Array, u2: Uint16Array, i4: Int32Array, f8: Float64Array };

async function unzip(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

function fromBase64(text) {
  const raw = atob(text.trim());
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

function openPack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const data = {};
  for (const [name, type, offset, size] of header.arrays) data[name] = new TYPES[type](buffer, offset, size);
  const start = new Int32Array(header.markets + 1);
  for (let i = 0; i < header.markets; i++) start[i + 1] = start[i] + data.iterations[i];
  return { ...header, data, start, columns: makeColumns(header, data) };
}

// A column of words: a code for each market, and the word of each code.
function wordColumn(name, words, codeOf, extra) {
  return { name, kind: "word", words, code: codeOf, get: i => words[codeOf(i)], ...extra };
}

// A column of a table that markets point into.
function tableColumn(name, values, rowOf) {
  const isNumber = values.every(v => v === null || typeof v === "number");
  const words = [...new Set(values)].sort((a, b) => isNumber ? a - b : String(a).localeCompare(String(b), "en", { numeric: true }));
  const codes = new Map(words.map((word, i) => [word, i]));
  const coded = Int32Array.from(values, v => codes.get(v));
  return wordColumn(name, words.map(w => w === null ? "" : w), i => coded[rowOf(i)], { isNumber });
}

function numberColumn(name, values) {
  return { name, kind: "number", isNumber: true, get: i => values[i] };
}

function makeColumns(header, data) {
  const columns = new Map();
  const add = column => columns.set(column.name, column);
  add(numberColumn("episode", data.episode));
  if (header.runs.length > 1) add(wordColumn("run", header.runs.map(r => r.label), i => data.run[i]));
  for (const [name, values] of Object.entries(header.propositions)) add(tableColumn(name, values, i => data.proposition[i]));
  for (const [name, values] of Object.entries(header.cells)) add(tableColumn(name, values, i => data.cell[i]));
  add(numberColumn("replicate", data.replicate));
  for (const name of ["status", "stop", "reason"]) {
    if (data[name]) add(wordColumn(name, header.words[name], i => data[name][i]));
  }
  for (const name of ["opening", "final"]) {
    const values = data[name], side = data[name + "_side"];
    add({ ...numberColumn(name, values), sides: ["", "right", "wrong", "tie"], side: i => side[i] });
  }
  for (const name of ["move", "largest", "repairs", "calls", "tokens", "usd", "latency_s"]) {
    if (data[name]) add(numberColumn(name, data[name]));
  }
  add({ name: "iterations", kind: "number", isNumber: true, get: i => data.iterations[i] ? data.iterations[i] - 1 : NaN });
  for (const name of ["opening", "final"]) {
    const side = data[name + "_side"];
    add({ name: name + "_right", kind: "flag", get: i => [NaN, 1, 0, NaN][side[i]] });
  }
  return columns;
}

const pricesOf = (pack, i) =>
  Array.from(pack.data.price.subarray(pack.start[i], pack.start[i + 1]), p => p < 0 ? null : p / 1e6);
