// Lists of which only some pages are there: what a grid shows.

/** Items of a page. */
export const PAGE = 60;
/** Pages that are kept; the server has the others. */
const KEPT = 40;

/** A list that is fetched a page at a time. `fetchPage(offset, limit, signal)` gives `{items, total}`. */
export class Source {
  constructor(fetchPage, expected = PAGE) {
    this.fetchPage = fetchPage;
    this.total = expected;
    this.pages = new Map();
    this.waiting = new Map();
    this.changed = () => {};
    this.failed = () => {};
    this.stop = new AbortController();
  }

  /** The item, or undefined where it is not there yet. */
  at(index) {
    return this.pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  /** Fetches what is missing of the items from `first` to `last`. */
  want(first, last) {
    const wanted = new Set();
    for (let page = Math.floor(first / PAGE); page <= Math.floor(last / PAGE); page++) wanted.add(page);
    // What was scrolled past is not waited for any more.
    for (const [page, stop] of this.waiting) if (!wanted.has(page)) stop.abort();
    for (const page of wanted) if (!this.pages.has(page) && !this.waiting.has(page)) this.load(page);
    for (const page of this.pages.keys()) {
      if (this.pages.size <= KEPT) break;
      if (!wanted.has(page)) this.pages.delete(page);
    }
  }

  async load(page) {
    const stop = new AbortController();
    this.waiting.set(page, stop);
    const signal = AbortSignal.any([stop.signal, this.stop.signal]);
    try {
      const { items, total } = await this.fetchPage(page * PAGE, PAGE, signal);
      this.pages.set(page, items);
      this.total = total;
      this.waiting.delete(page);
      this.changed();
    } catch (error) {
      this.waiting.delete(page);
      if (error.name !== 'AbortError') this.failed(error);
    }
  }

  close() {
    this.stop.abort();
    this.changed = this.failed = () => {};
  }
}

/** A list that is there as a whole. */
export class ArraySource {
  constructor(items) {
    this.items = items;
    this.changed = () => {};
  }

  get total() { return this.items.length; }
  at(index) { return this.items[index]; }
  want() {}
  close() {}
}
