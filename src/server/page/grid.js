// A grid of which only what can be seen is in the document, however long it is.

import { debounce, el } from './dom.js';

/** Rows beyond the edges of the window that are there too. */
const OVERSCAN = 2;

/**
 * `draw(item, index)` gives the content of a cell, `item` undefined where it is not there yet. A cell is
 * as wide as its column and `captionHeight` higher than wide.
 */
export class Grid {
  constructor({ source, draw, minWidth = 190, gap = 16, captionHeight = 76, label, role = 'list', itemRole = 'listitem' }) {
    Object.assign(this, { source, draw, minWidth, gap, captionHeight, itemRole });
    this.cells = new Map();
    this.active = null;
    this.node = el('div', { class: 'grid', role, 'aria-label': label });
    this.onScroll = () => {
      this.frame ??= requestAnimationFrame(() => { this.frame = null; this.show(); });
    };
    // While somebody drags the scroll bar past thousands of rows none of them is asked for.
    this.want = debounce((first, last) => this.source.want(first, last), 60);
    this.sizes = new ResizeObserver(() => this.layout());
    this.node.addEventListener('keydown', (event) => this.onKey(event));
    this.node.addEventListener('focusin', (event) => this.onFocus(event));
    source.changed = () => this.refresh();
  }

  /** To be called when the node is in the document. */
  open() {
    addEventListener('scroll', this.onScroll, { passive: true });
    this.sizes.observe(this.node);
    this.layout();
    this.source.want(0, Math.max(0, this.perWindow() - 1));
  }

  close() {
    removeEventListener('scroll', this.onScroll);
    this.sizes.disconnect();
    this.source.close();
    cancelAnimationFrame(this.frame);
  }

  perWindow() {
    return this.columns * Math.ceil(innerHeight / this.rowHeight + 1);
  }

  layout() {
    const width = this.node.clientWidth;
    if (!width) return;
    const narrow = width < 480;
    const min = narrow ? Math.min(this.minWidth, 148) : this.minWidth;
    const gap = narrow ? Math.min(this.gap, 10) : this.gap;
    this.columns = Math.max(1, Math.floor((width + gap) / (min + gap)));
    this.cellWidth = (width - gap * (this.columns - 1)) / this.columns;
    this.rowHeight = Math.round(this.cellWidth + this.captionHeight + gap);
    this.step = this.cellWidth + gap;
    this.cellHeight = this.rowHeight - gap;
    for (const [index, cell] of this.cells) this.place(index, cell);
    this.show();
  }

  /** The indices of the rows that can be seen, and some around them. */
  range() {
    const top = -this.node.getBoundingClientRect().top;
    const first = Math.floor(top / this.rowHeight) - OVERSCAN;
    const last = Math.ceil((top + innerHeight) / this.rowHeight) + OVERSCAN;
    const from = Math.max(0, first * this.columns);
    return [from, Math.min(this.source.total, Math.max(from, last * this.columns))];
  }

  show() {
    if (!this.columns) return;
    const rows = Math.ceil(this.source.total / this.columns);
    this.node.style.height = `${Math.max(0, rows * this.rowHeight)}px`;
    const [from, to] = this.range();
    for (const [index, cell] of this.cells) {
      // What has the focus stays, so that the keyboard does not lose its place.
      const stays = index === this.active && cell.contains(document.activeElement) && index < this.source.total;
      if ((index < from || index >= to) && !stays) {
        cell.remove();
        this.cells.delete(index);
      }
    }
    for (let index = from; index < to; index++) if (!this.cells.has(index)) this.add(index);
    if (to > from) this.want(from, to - 1);
  }

  add(index) {
    const cell = el('div', { class: 'cell', role: this.itemRole, 'aria-posinset': index + 1, 'data-index': index });
    this.place(index, cell);
    this.fill(index, cell);
    this.cells.set(index, cell);
    // In order, so that the tab key goes from one to the next.
    const after = [...this.node.children].find((other) => Number(other.dataset.index) > index);
    this.node.insertBefore(cell, after ?? null);
  }

  fill(index, cell) {
    const item = this.source.at(index);
    cell.item = item;
    cell.setAttribute('aria-setsize', this.source.total);
    cell.classList.toggle('skeleton', !item);
    cell.toggleAttribute('aria-busy', !item);
    cell.replaceChildren(...[this.draw(item, index, cell)].flat());
  }

  place(index, cell) {
    const row = Math.floor(index / this.columns);
    cell.style.width = `${this.cellWidth}px`;
    cell.style.height = `${this.cellHeight}px`;
    cell.style.transform = `translate(${(index % this.columns) * this.step}px, ${row * this.rowHeight}px)`;
  }

  /** Draws what has changed; with `all` everything that is there. */
  refresh(all = false) {
    for (const [index, cell] of this.cells) {
      if (index >= this.source.total) {
        cell.remove();
        this.cells.delete(index);
      } else if (all || cell.item !== this.source.at(index)) {
        const focused = cell.contains(document.activeElement);
        this.fill(index, cell);
        if (focused) this.focusable(cell)?.focus({ preventScroll: true });
      } else {
        cell.setAttribute('aria-setsize', this.source.total);
      }
    }
    this.show();
  }

  focusable(cell) {
    return cell.matches('[tabindex]') ? cell : cell.querySelector('a, button');
  }

  /** Brings a cell into the window and gives it the focus. */
  focus(index, { focus = true } = {}) {
    if (index < 0 || index >= this.source.total) return;
    this.active = index;
    const top = this.node.getBoundingClientRect().top + scrollY + Math.floor(index / this.columns) * this.rowHeight;
    const above = this.topEdge?.() ?? 72;
    if (top < scrollY + above) scrollTo({ top: top - above });
    else if (top + this.cellHeight > scrollY + innerHeight) scrollTo({ top: top + this.cellHeight - innerHeight + 16 });
    this.show();
    const cell = this.cells.get(index);
    if (focus && cell) this.focusable(cell)?.focus({ preventScroll: true });
  }

  onFocus(event) {
    const cell = event.target.closest('.cell');
    if (cell) this.active = Number(cell.dataset.index);
  }

  onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || this.active === null) return;
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns, ArrowUp: -this.columns };
    const last = this.source.total - 1;
    let to;
    if (event.key in steps) to = this.active + steps[event.key];
    else if (event.key === 'Home') to = 0;
    else if (event.key === 'End') to = last;
    else return;
    event.preventDefault();
    if (to >= 0 && to <= last) this.focus(to);
  }
}
