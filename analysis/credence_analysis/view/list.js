// list.js - the markets, a row each. Only the rows in view exist, so a million are as quick as ten.

const ROW = 68, TALLEST = 8e6, SPARE = 6; // pixels; browsers draw no element taller than some 16 million

class List {
  constructor(box, rows, draw, choose) {
    Object.assign(this, { box, rows, draw, choose, shown: new Map(), order: [], at: -1 });
    box.addEventListener("scroll", () => this.later());
    box.addEventListener("keydown", event => this.key(event));
    rows.addEventListener("click", event => {
      const row = event.target.closest(".row");
      if (row) this.choose(this.order[Number(row.dataset.at)], true);
    });
    new ResizeObserver(() => this.later()).observe(box);
  }

  later() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => { this.asked = false; this.show(); });
  }

  // ORDER: the chosen markets, in their order.
  set(order, selected) {
    this.order = order;
    this.at = selected === null ? -1 : order.indexOf(selected);
    this.rows.style.height = Math.min(TALLEST, order.length * ROW) + "px";
    this.box.setAttribute("aria-rowcount", order.length);
    this.redraw();
  }

  redraw() {
    this.rows.replaceChildren();
    this.shown.clear();
    this.show();
  }

  // How many rows fit, and the first of them; a list too tall for the browser scrolls in proportion.
  view() {
    const fits = this.box.clientHeight / ROW, all = this.order.length * ROW;
    const ratio = all <= TALLEST ? 1 : (all - this.box.clientHeight) / (TALLEST - this.box.clientHeight);
    return { first: this.box.scrollTop * ratio / ROW, fits, ratio };
  }

  show() {
    const { first, fits, ratio } = this.view();
    const from = Math.max(0, Math.floor(first) - SPARE), to = Math.min(this.order.length, Math.ceil(first + fits) + SPARE);
    for (const [at, row] of this.shown) {
      if (at < from || at >= to) { row.remove(); this.shown.delete(at); }
    }
    for (let at = from; at < to; at++) {
      let row = this.shown.get(at);
      if (!row) {
        row = this.draw(this.order[at]);
        row.dataset.at = at;
        row.id = "row-" + at;
        row.setAttribute("aria-rowindex", at + 1);
        this.shown.set(at, row);
        this.rows.append(row);
      }
      row.setAttribute("aria-selected", at === this.at);
      row.style.top = (ratio === 1 ? at * ROW : this.box.scrollTop + (at - first) * ROW) + "px";
    }
    if (this.shown.has(this.at)) this.box.setAttribute("aria-activedescendant", "row-" + this.at);
    else this.box.removeAttribute("aria-activedescendant");
  }

  select(market) {
    this.at = this.order[this.at] === market ? this.at : this.order.indexOf(market);
    if (this.at >= 0) {
      const { first, fits, ratio } = this.view();
      if (this.at < first || this.at + 1 > first + fits)
        this.box.scrollTop = Math.max(0, (this.at - fits / 2 + 0.5) * ROW / ratio);
    }
    this.show();
  }

  // The market STEP rows on, or null at the ends.
  neighbour(step) {
    if (!this.order.length) return null;
    const to = this.at < 0 ? 0 : Math.max(0, Math.min(this.order.length - 1, this.at + step));
    return to === this.at ? null : this.order[to];
  }

  key(event) {
    const page = Math.max(1, Math.floor(this.view().fits) - 1);
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[event.key];
    if (step !== undefined && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      const next = this.neighbour(step);
      if (next !== null) this.choose(next, false);
    } else if (event.key === "Enter" && this.at >= 0) {
      event.preventDefault();
      this.choose(this.order[this.at], true);
    }
  }
}
