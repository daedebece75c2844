// market.js - one market: its price path, and the conversation as two voices.

const PUSH = { "1": "argues up \u2191", "-1": "argues down \u2193", "0": "no direction declared" };

// The parts of a reply that people read: [[class, text]]; null when it is no JSON object.
function answerParts(text) {
  if (!text || text.length > 1e6) return null;
  const body = text.replace(/^[\s\S]*?<\/think>/, "").replace(/^\s*```(?:json)?/, "").replace(/```\s*$/, "").trim();
  if (!body.startsWith("{")) return null;
  let answer;
  try { answer = JSON.parse(body); } catch {
    // A comma before the closing brace is read by the program too.
    try { answer = JSON.parse(body.replace(/,\s*([}\]])/g, "$1")); } catch { return null; }
  }
  const parts = [];
  for (const key of ["claim", "reasoning", "argument", "answer"])
    if (typeof answer[key] === "string" && answer[key] !== "") parts.push([key, answer[key]]);
  return parts.length ? parts : null;
}

// The direction that an argument declares, for a market whose end the file does not hold.
const declared = text => { const found = /"direction"\s*:\s*"(up|down)"/.exec((text || "").slice(0, 1e5)); return found ? { up: 1, down: -1 }[found[1]] : 0; };

// The calls of one voice at one iteration: repairs in order, the last of them is what counts.
function turnsOf(calls) {
  const turns = new Map();
  for (const call of calls) {
    const key = [call.iteration, call.role, call.trader || 0, call.sample || 0, call.ask === "argument" || call.ask === "judgment" ? "" : call.ask].join("/");
    if (!turns.has(key)) turns.set(key, []);
    turns.get(key).push(call);
  }
  return [...turns.values()];
}

const isUsable = call => !call.reason || call.reason === "none";

function metaLine(call, costs) {
  const cost = costs[call.model], parts = [];
  const n = (value, word) => { if (value !== null && value !== undefined && value >= 0) parts.push(count(value) + " " + word); };
  n(call.tokens_in, "tokens in" + (call.tokens_estimated ? " (estimated)" : ""));
  n(call.tokens_out, "out");
  if (call.tokens_cached > 0) n(call.tokens_cached, "cached");
  if (cost && (cost.input || cost.output))
    parts.push(dollars((Math.max(0, call.tokens_in) * cost.input + Math.max(0, call.tokens_out) * cost.output) / 1e6));
  if (call.latency_s > 0) parts.push(call.latency_s.toFixed(2) + " s");
  if (call.model) parts.push(plain(call.model, 60));
  if (call.endpoint !== null && call.endpoint !== undefined) parts.push("endpoint " + plain(call.endpoint, 80));
  if (call.request_id) parts.push("request " + plain(call.request_id, 80));
  if (call.attempts > 1) parts.push(call.attempts + " attempts");
  const finish = call.finish_word || call.finish;
  if (finish && finish !== "none") parts.push("finish " + plain(finish, 40));
  return h("p", { class: "meta" }, parts.join(" \u00b7 "));
}

function replyBody(call) {
  const parts = answerParts(call.text);
  if (parts) {
    return [parts.map(([key, text]) => said(text, key === "claim" ? "strong" : "")),
      h("details", {}, h("summary", {}, "The reply as it came"), said(call.text))];
  }
  if (call.text) return [said(call.text)];
  return [h("p", { class: "meta" }, call.error ? "" : "The file holds no text of this reply.")];
}

function reasoningFold(call) {
  return call.reasoning ? h("details", {}, h("summary", {}, `Reasoning before the answer, ${count(call.reasoning.length)} characters`), said(call.reasoning)) : null;
}

function repairFold(call, next) {
  const why = call.reason && call.reason !== "none" ? call.reason.replace(/_/g, " ") : "not usable";
  return h("details", { class: "repair" }, h("summary", {}, `A reply was ${why}${next ? " and asked for again" : ""}`),
    call.text ? said(call.text) : null, call.error ? said(call.error) : null,
    call.complaint || (next && next.complaint) ? [h("p", { class: "meta" }, "The complaint sent back:"), said(call.complaint || next.complaint)] : null,
    reasoningFold(call));
}

function messagesFold(call, load) {
  const box = h("div", {}, h("p", { class: "meta" }, "Loading\u2026"));
  const fold = h("details", {}, h("summary", {}, "Messages as sent"), box);
  fold.addEventListener("toggle", async () => {
    if (!fold.open || fold.dataset.done) return;
    fold.dataset.done = "1";
    try {
      const { messages, hash_ok: hashOk } = await load(call);
      box.replaceChildren(
        hashOk === false ? h("p", { class: "note" }, "These messages do not match the hash that was kept with the reply: the prompts, the job or this program have changed since.") : "",
        ...messages.map(m => h("div", { class: "message" }, h("b", {}, plain(m.role, 20)), said(m.text))));
    } catch (problem) {
      delete fold.dataset.done;
      box.replaceChildren(h("p", { class: "note" }, plain(problem.message, 400)));
    }
  });
  return fold;
}

// What was asked beside a judgment and never entered the conversation: what the model held, and both without the argument.
const READINGS = { held: "Held", held_idle: "Held without the argument", said_idle: "Said without the argument" };
function reading(call, what) {
  const label = READINGS[call.reading] || "Reading", known = typeof call.price === "number";
  return h("section", { class: "voice maker", "aria-label": `${label} at t = ${call.iteration}` },
    h("h4", {}, h("span", { class: "who" }, label), h("span", { class: "soft" }, "t = " + call.iteration),
      h("b", { class: "move" }, known ? what.say(call.price) : "missing: " + plain((call.reason || "not read").replace(/_/g, " "), 40))),
    h("details", {}, h("summary", {}, call.reading === "said_idle" ? "Its words" : "Its first word"), call.text ? said(call.text) : null),
    messagesFold(call, what.load), metaLine(call, what.costs));
}

// One voice: WHAT has prices, push, costs, load(call), traders (how many).
function voice(calls, what) {
  if (calls[calls.length - 1].reading) return reading(calls[calls.length - 1], what);
  const last = calls[calls.length - 1], t = last.iteration, isMaker = last.role === "maker";
  const head = [h("span", { class: "who" }, isMaker ? "Maker" : what.traders > 1 ? `Trader ${(last.trader || 0) + 1}` : "Trader"), h("span", { class: "soft" }, "t = " + t)];
  if (last.sample > 0 || calls.isSampled) head.push(h("span", { class: "soft" }, "sample " + (last.sample + 1)));
  if (!["judgment", "argument"].includes(last.ask)) head.push(h("span", { class: "soft" }, plain(last.ask, 20)));
  if (isMaker) {
    const own = last.price !== undefined && last.price !== null ? last.price : what.prices[t];
    const shown = last.sample > 0 || calls.isSampled ? last.price : what.prices[t] !== undefined ? what.prices[t] : own;
    if (shown !== null && shown !== undefined) head.push(h("b", { class: "move" }, what.say(shown)));
    if (t > 0 && typeof what.prices[t] === "number" && typeof what.prices[t - 1] === "number") {
      const move = what.prices[t] - what.prices[t - 1];
      head.push(h("span", { class: "move soft" }, move === 0 ? "unmoved" : (move > 0 ? "\u25b2 " : "\u25bc ") + signed(move)));
    }
  } else {
    head.push(h("span", { class: "move" }, PUSH[String(what.push[t] !== undefined ? what.push[t] : last.direction || declared(last.text))] || PUSH[0]));
    const move = typeof what.prices[t] === "number" && typeof what.prices[t - 1] === "number" ? what.prices[t] - what.prices[t - 1] : null;
    if (move !== null) head.push(h("span", { class: "move soft" }, move === 0 ? "the price stayed" : "moved the price " + signed(move)));
  }
  const failed = !isUsable(last);
  return h("section", { class: "voice " + (isMaker ? "maker" : "trader"), "aria-label": `${isMaker ? "Maker" : "Trader"} at t = ${t}` },
    h("h4", {}, head),
    calls.slice(0, -1).map((call, i) => repairFold(call, calls[i + 1])),
    failed ? h("p", { class: "failure" }, `No usable reply: ${last.reason.replace(/_/g, " ")}. `, last.error ? said(last.error) : null) : null,
    reasoningFold(last), replyBody(last),
    last.complaint ? h("p", { class: "meta" }, "What was wrong with it: " + plain(last.complaint, 400)) : null,
    messagesFold(last, what.load), metaLine(last, what.costs));
}

// What a market stopped by: the shaded window of its path.
function stopWindow(row, prices) {
  const known = prices.filter(p => p !== null), w = Math.max(1, row["stop.window"] || 3);
  if (row.stop !== "equilibrium" || prices.length < w || !known.length) return null;
  const last = prices.slice(-w).filter(p => p !== null);
  const low = Math.min(...last), high = Math.max(...last);
  return { from: prices.length - w, to: prices.length - 1, low, high,
    text: `the last ${w} prices lie within ${price(high - low)}` + (row["stop.threshold"] !== undefined && row["stop.rule"] === "range" ? `, T = ${row["stop.threshold"]}` : "") };
}

function truthLine(row, options) {
  if (options && options.length > 1) return `option ${row.label + 1}: ${plain(options[row.label] || "", 80)}`;
  return row.truth === "" ? "unknown" : plain(row.truth, 40);
}
