// source.js - where markets and texts come from: a server on this machine, or the page itself (a bundle).

const element = id => document.getElementById(id);

// Both have: pack() the markets; market(run, episode, prompts) one market; search(text) a set of "run:episode";
// state() a word that changes when the run has gone on, or null when it cannot.
function serverSource(token) {
  const get = async path => {
    const reply = await fetch(path, { headers: { "X-Credence-Token": token }, cache: "no-store" });
    if (!reply.ok) throw new Error((await reply.text()).slice(0, 500) || "HTTP " + reply.status);
    return reply;
  };
  return {
    isLive: true,
    pack: async () => openPack(await (await get("markets")).arrayBuffer()),
    market: async (run, episode, prompts) =>
      (await get(`market?run=${run}&episode=${episode}${prompts ? "&prompts=1" : ""}`)).json(),
    search: async text => (await get("search?q=" + encodeURIComponent(text))).json(),
    state: async () => (await get("state")).json(),
  };
}

function bundleSource(about) {
  const chunks = new Map();
  const chunk = async at => {
    if (!chunks.has(at)) {
      const bytes = fromBase64(element("texts-" + at).textContent);
      chunks.set(at, unzip(bytes).then(buffer => JSON.parse(new TextDecoder().decode(buffer))));
    }
    return chunks.get(at);
  };
  const place = (run, episode) => {
    const c = about.chunks.findIndex(([r, from, to]) => r === run && from <= episode && episode < to);
    return c;
  };
  return {
    isLive: false,
    pack: async () => openPack(await unzip(fromBase64(element("pack").textContent))),
    market: async (run, episode) => {
      const at = place(run, episode);
      if (at < 0) return { calls: [], note: "This bundle was made without texts." };
      const { strings, markets, calls } = await chunk(at);
      const found = markets[episode];
      if (!found) return { calls: [], note: "This bundle has no texts of this market." };
      const text = n => n === null || n === undefined ? null : strings[n];
      return { ...found, calls: calls[found.calls].map(call => ({ ...call, text: text(call.text),
        reasoning: text(call.reasoning), error: text(call.error), complaint: text(call.complaint),
        messages: call.messages && call.messages.map(([role, n]) => ({ role, text: text(n) })) })) };
    },
    search: async wanted => {
      const low = wanted.toLowerCase(), found = [];
      for (let at = 0; at < about.chunks.length; at++) {
        const { strings, markets, calls } = await chunk(at);
        const hits = new Set();
        strings.forEach((text, n) => { if (text.toLowerCase().includes(low)) hits.add(n); });
        if (!hits.size) continue;
        const within = calls.map(list => list.some(c => hits.has(c.text) || hits.has(c.reasoning) || hits.has(c.error)));
        for (const [episode, market] of Object.entries(markets))
          if (within[market.calls]) found.push([about.chunks[at][0], Number(episode)]);
      }
      return { found, note: "" };
    },
    state: async () => null,
  };
}
