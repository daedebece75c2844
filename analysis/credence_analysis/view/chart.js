// chart.js - the small path of a row, and the price path of a market.

function sparkline(prices, side) {
  const W = 84, H = 34, pad = 4;
  const known = prices.map((p, t) => [t, p]).filter(([, p]) => p !== null);
  const svg = s("svg", { viewBox: `0 0 ${W} ${H}`, "aria-hidden": "true" },
    s("line", { class: "half", x1: 0, x2: W, y1: H / 2, y2: H / 2 }));
  if (!known.length) return svg;
  const x = t => pad + (prices.length < 2 ? 0 : t * (W - 2 * pad) / Math.max(10, prices.length - 1));
  const y = p => pad + (1 - p) * (H - 2 * pad);
  svg.append(s("polyline", { class: "end-" + (side || "tie"), points: known.map(([t, p]) => x(t).toFixed(1) + "," + y(p).toFixed(1)).join(" ") }));
  const [t, p] = known[known.length - 1];
  svg.append(s("circle", { class: "end-" + (side || "tie"), cx: x(t), cy: y(p), r: 2.6 }));
  return svg;
}

// A price path in a box of WIDTH pixels. WHAT: lines [{name, prices, className}], the first with dots; stop {from, to,
// text} shaded; band [[low, high]]; longest in iterations; label, for those who hear it; low, high, unit of a quantity.
function pricePath(width, what) {
  const H = width < 420 ? 190 : 230, left = 46, right = 16, top = 26, bottom = 34;
  const last = Math.max(2, what.longest);
  const x = t => left + 8 + t * (width - left - right - 8) / last;
  const y = p => top + (1 - p) * (H - top - bottom);
  const svg = s("svg", { viewBox: `0 0 ${width} ${H}`, height: H, role: "img", "aria-label": what.label });
  for (const p of [0, 0.25, 0.5, 0.75, 1]) {
    svg.append(s("line", { class: p === 0.5 ? "half" : "grid", x1: left, x2: width - right, y1: y(p), y2: y(p) }));
    if (p * 2 % 1 === 0) {
      const text = what.high !== undefined ? Number((what.low + p * (what.high - what.low)).toPrecision(3)) : p;
      svg.append(s("text", { x: left - 6, y: y(p) + 4, "text-anchor": "end" }, String(text)));
    }
  }
  const step = Math.ceil(last / (width < 420 ? 6 : 12));
  for (let t = 0; t <= last; t += step) svg.append(s("text", { x: x(t), y: H - bottom + 16, "text-anchor": "middle" }, t));
  svg.append(s("text", { x: width - right, y: H - 4, "text-anchor": "end" }, "iteration t"));
  svg.append(s("text", { x: 2, y: 12 }, what.axis || "price"));
  if (what.stop) drawStop(svg, what.stop, x, y);
  if (what.band && what.band.length > 1) {
    const points = [...what.band.map(([low], t) => [t, low]), ...what.band.map(([, high], t) => [t, high]).reverse()];
    svg.append(s("polygon", { class: "band", points: points.map(([t, p]) => x(t) + "," + y(p)).join(" ") }));
  }
  for (const line of [...what.lines].reverse()) drawLine(svg, line, x, y);
  return svg;
}

function drawStop(svg, stop, x, y) {
  const half = Math.min(10, (x(1) - x(0)) / 3);
  svg.append(s("rect", { class: "window", x: x(stop.from) - half, width: x(stop.to) - x(stop.from) + 2 * half,
    y: y(stop.high) - 5, height: y(stop.low) - y(stop.high) + 10, rx: 4 }, s("title", {}, stop.text)));
}

function drawLine(svg, line, x, y) {
  const known = line.prices.map((p, t) => [t, p]).filter(([, p]) => p !== null && p !== undefined);
  svg.append(s("polyline", { class: line.className, points: known.map(([t, p]) => x(t).toFixed(1) + "," + y(p).toFixed(1)).join(" ") },
    s("title", {}, line.name)));
  for (const [t, p] of known)
    if (line.dot) svg.append(s("circle", { class: line.dot, cx: x(t), cy: y(p), r: 4 }, s("title", {}, `t = ${t}: ${price(p)}`)));
}
