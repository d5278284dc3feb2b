// Search: words, a photo, more like one; filters; a grid of photos.

import * as api from './api.js';
import { card } from './card.js';
import { counted, debounce, el, empty, failed, isTyping, tell, toast } from './dom.js';
import { chosenIn, facetPanel, whereOf } from './facets.js';
import { Grid } from './grid.js';
import { ArraySource, PAGE, Source } from './source.js';

/** The API gives no more hits of one search. */
const MOST_HITS = 1000;
/** Hits among which the good ones are picked. */
const PICKED_FROM = 240;
/** Photos that are dropped and larger than this are made smaller before they are sent. */
const MOST_BYTES = 3 << 20;
const LONGEST_SIDE = 1280;

/** Photos that were dropped, by the number in the address: they live as long as the tab. */
const dropped = new Map();

/** The photo as a data URI that the API takes. */
async function readPhoto(file) {
  const asUri = (blob) => new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
  if (file.size <= MOST_BYTES) return asUri(file);
  const bitmap = await createImageBitmap(file, { imageOrientation: 'from-image' });
  const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = new OffscreenCanvas(Math.round(bitmap.width * scale), Math.round(bitmap.height * scale));
  const context = canvas.getContext('2d');
  context.fillStyle = '#fff';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return asUri(await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.92 }));
}

export function searchView(query, { go, before }) {
  const view = { title: 'Search', node: el('div', { class: 'search' }) };
  let grid = null;
  let stop = new AbortController();
  let now = query;
  // Where one was, for who comes back.
  let was = before;

  const words = el('input', { type: 'search', id: 'words', name: 'q', placeholder: 'Words, or drop a photo…', autocomplete: 'off', spellcheck: 'false', enterkeyhint: 'search', 'aria-label': 'Search by words', maxlength: 500 });
  const file = el('input', { type: 'file', accept: 'image/*', class: 'unseen', id: 'file', tabindex: '-1', 'aria-label': 'A photo to search with' });
  const pick = el('button', { type: 'button', class: 'pick', onclick: () => file.click(), 'aria-label': 'Search with a photo', title: 'Search with a photo' }, '▣', el('span', { class: 'word' }, 'Photo'));
  const form = el('form', { class: 'ask-bar', role: 'search', onsubmit: (event) => { event.preventDefault(); set({ q: words.value.trim() }); words.blur(); } },
    el('div', { class: 'field' }, words, pick), file, el('button', { class: 'main', type: 'submit' }, 'Search'));
  const chips = el('div', { class: 'chips' });
  const order = el('select', { id: 'order', onchange: () => set({ order: order.value }) });
  const group = el('input', { type: 'checkbox', id: 'group', onchange: () => set({ group: group.checked ? '' : '0' }) });
  const good = el('input', { type: 'checkbox', id: 'good', onchange: () => set({ match: good.checked ? 'good' : '' }) });
  const count = el('p', { class: 'found', 'aria-live': 'polite' });
  const notice = el('div', { class: 'notice', hidden: true });
  const results = el('section', { 'aria-label': 'Photos' });
  const panel = facetPanel((key, value, on) => {
    const values = (chosenIn(now)[key] ?? []).filter((other) => other !== value);
    set({ [key]: on ? [...values, value] : values });
  });
  const goodLabel = el('label', { class: 'switch', for: 'good' }, good, 'Good matches only');
  const groupLabel = el('label', { class: 'switch', for: 'group' }, group, 'One per product');
  const filters = el('dialog', { class: 'filters', 'aria-label': 'Filters' },
    el('div', { class: 'row sheet-head' }, el('h2', {}, 'Filters'), el('button', { type: 'button', onclick: () => filters.close() }, 'Done')), panel.node);
  const openFilters = el('button', { type: 'button', class: 'open-filters', onclick: () => filters.showModal() }, 'Filters', el('span', { class: 'count', hidden: true }));
  view.node.append(
    el('h1', { class: 'unseen' }, 'Search the catalogue'), form, chips,
    el('div', { class: 'columns' }, el('aside', { 'aria-label': 'Filters', class: 'side' }, filters),
      el('div', { class: 'found-side' },
        el('div', { class: 'tools' }, openFilters, count, el('span', { class: 'space' }), goodLabel, groupLabel,
          el('label', { class: 'select', for: 'order' }, el('span', {}, 'Order'), order)),
        notice, results)));

  /** Goes to the same search with something changed. */
  function set(changes) {
    const next = new URLSearchParams(now);
    for (const [key, value] of Object.entries(changes)) {
      next.delete(key);
      for (const one of [value].flat()) if (one !== '' && one !== null) next.append(key, one);
    }
    next.delete('view');
    const text = next.toString();
    go(text ? `/?${text}` : '/');
  }

  async function usePhoto(blob) {
    if (!blob?.type.startsWith('image/')) return toast('That is no picture.', { bad: true });
    try {
      const number = String(dropped.size + 1);
      dropped.set(number, { uri: await readPhoto(blob), shown: URL.createObjectURL(blob) });
      set({ photo: number, like: '' });
    } catch {
      toast('That picture cannot be read.', { bad: true });
    }
  }
  file.addEventListener('change', () => { usePhoto(file.files[0]); file.value = ''; });

  let over = 0;
  const ondrag = {
    dragenter: (event) => { if (event.dataTransfer.types.includes('Files')) { over++; view.node.classList.add('over'); } },
    dragleave: () => { over = Math.max(0, over - 1); if (!over) view.node.classList.remove('over'); },
    drop: (event) => {
      over = 0;
      view.node.classList.remove('over');
      const photo = [...event.dataTransfer.files].find((one) => one.type.startsWith('image/')) ?? event.dataTransfer.files[0];
      if (photo) usePhoto(photo);
    },
    paste: (event) => {
      const photo = [...event.clipboardData.files].find((one) => one.type.startsWith('image/'));
      if (photo) { event.preventDefault(); usePhoto(photo); }
    },
    keydown: (event) => {
      if (event.key === '/' && !isTyping(event) && !document.querySelector('dialog:modal')) { event.preventDefault(); words.focus(); words.select(); }
    },
  };

  function chip(text, image, remove, label) {
    return el('span', { class: 'chip' }, image, el('span', {}, text), el('button', { type: 'button', 'aria-label': label, onclick: remove }, '×'));
  }

  function drawChips(chosen) {
    const photo = dropped.get(now.get('photo'));
    const list = [];
    if (photo) list.push(chip('Your photo', el('img', { src: photo.shown, alt: '', class: 'thumb' }), () => set({ photo: '' }), 'Remove the photo'));
    if (now.get('like')) list.push(chip(likeName(), null, () => set({ like: '' }), 'Remove “more like this”'));
    for (const [key, values] of Object.entries(chosen)) {
      for (const value of values) {
        list.push(chip(`${key.replace('attr.', '')}: ${names.get(`${key} ${value}`) ?? value}`, null, () => set({ [key]: values.filter((other) => other !== value) }), `Remove the filter ${key} ${value}`));
      }
    }
    if (list.length > 1) list.push(el('button', { type: 'button', class: 'quiet', onclick: () => go('/') }, 'Clear all'));
    chips.replaceChildren(...list);
    const chosenCount = Object.values(chosen).flat().length;
    const badge = openFilters.querySelector('.count');
    badge.hidden = chosenCount === 0;
    badge.textContent = String(chosenCount);
  }
  const names = new Map();
  const likeName = () => {
    const like = now.get('like');
    return `More like ${/^[0-9a-f]{64}$/.test(like) ? `photo ${like.slice(0, 8)}` : like}`;
  };

  function drawFacets(answer, chosen) {
    for (const { id, value } of answer.category ?? []) names.set(`category ${id}`, value);
    panel.draw(answer, chosen);
    drawChips(chosen);
  }

  function fail(error) {
    if (error.name === 'AbortError') return;
    grid?.close();
    grid = null;
    count.textContent = '';
    results.replaceChildren(failed(error, load));
  }

  function showGrid(source, label) {
    grid?.close();
    source.failed = fail;
    grid = new Grid({ source, draw: card, label });
    results.replaceChildren(grid.node);
    grid.open();
    if (was?.top) scrollTo(0, was.top);
  }

  async function load() {
    stop.abort();
    stop = new AbortController();
    const { signal } = stop;
    const chosen = chosenIn(now);
    const where = whereOf(chosen, now.get('where'));
    const photo = dropped.get(now.get('photo'));
    const asked = { q: now.get('q') || null, like: now.get('like') || null, image: photo?.uri ?? null };
    const isSearch = Boolean(asked.q || asked.like || asked.image);
    words.value = now.get('q') ?? '';
    const orders = isSearch ? [['', 'Best first'], ['spread', 'Spread out']] : [['', 'By name'], ['-uri', 'By name, backwards']];
    order.replaceChildren(...orders.map(([value, text]) => el('option', { value, selected: (now.get('order') ?? '') === value }, text)));
    goodLabel.hidden = groupLabel.hidden = !isSearch;
    good.checked = now.get('match') === 'good';
    group.checked = now.get('group') !== '0';
    notice.hidden = true;
    count.textContent = 'Looking…';
    drawChips(chosen);
    panel.wait();
    try {
      if (isSearch) await searched(asked, where, chosen, signal);
      else await browsed(where, chosen, signal);
    } catch (error) {
      fail(error);
    }
  }

  /** No question: all products, as far as they pass. */
  async function browsed(where, chosen, signal) {
    const sort = now.get('order') === '-uri' ? '-uri' : '';
    const source = new Source((offset, limit, stopped) => api.products({ offset, limit, where, sort }, stopped), was?.total);
    showGrid(source, 'Products');
    const drawn = source.changed;
    source.changed = () => {
      drawn();
      count.textContent = counted(source.total, 'product');
      if (source.total === 0) nothing(Object.keys(chosen).length > 0);
    };
    was = null;
    drawFacets(await api.facets(where, signal), chosen);
  }

  async function searched(asked, where, chosen, signal) {
    const pick = now.get('match') === 'good';
    const body = { ...asked, where: where || null };
    if (now.get('group') !== '0') body.group_by = 'sku';
    if (now.get('order') === 'spread') body.mmr = 0.7;
    for (const key of Object.keys(body)) if (body[key] === null) delete body[key];
    const page = (offset, limit, stopped, facets) => api.search({ ...body, offset, limit, ...(facets ? { facets: true } : {}) }, stopped);
    const size = pick ? PICKED_FROM : PAGE;
    const waiting = new Source(() => new Promise(() => {}), 12);
    showGrid(waiting, 'Results');
    const answer = await page(0, size, signal, true);
    signal.throwIfAborted();
    if (answer.facets) drawFacets(answer.facets, chosen);
    else panel.node.replaceChildren();
    const isBad = answer.match === 'no_good_match';
    const hits = pick ? answer.hits.filter((hit) => hit.match === 'same_product' || hit.match === 'similar') : answer.hits;
    if (!hits.length) {
      count.textContent = pick && answer.hits.length ? 'No good match' : 'Nothing found';
      tell(count.textContent);
      return nothing(Object.keys(chosen).length > 0 || pick);
    }
    let source;
    if (pick) {
      source = new ArraySource(hits);
    } else {
      source = new Source(async (offset, limit, stopped) => {
        const more = offset === 0 ? answer : await page(offset, Math.min(limit, MOST_HITS - offset), stopped);
        const end = offset + more.hits.length;
        const isLast = more.hits.length < limit || end >= MOST_HITS;
        return { items: more.hits, total: isLast ? end : Math.max(source.total, Math.min(MOST_HITS, end + limit)) };
      }, Math.max(hits.length, was?.total ?? 0));
    }
    showGrid(source, 'Results');
    was = null;
    const short = answer.hits.length < size;
    const said = isBad ? 'No good match' : short || pick ? counted(hits.length, 'match', 'matches') : 'Best matches first';
    count.textContent = `${said}${answer.processingTimeMs === undefined ? '' : ` · ${Math.round(answer.processingTimeMs)} ms`}`;
    if (isBad) {
      notice.hidden = false;
      notice.replaceChildren(el('strong', {}, 'No good match.'), ' The catalogue has nothing of the kind; these are the nearest.');
      tell('No good match. These are the nearest photos.');
    }
  }

  function nothing(filtered) {
    const clear = filtered && el('button', { type: 'button', class: 'main', onclick: () => set(Object.fromEntries([...Object.keys(chosenIn(now)), 'match', 'where'].map((key) => [key, '']))) }, 'Remove the filters');
    results.replaceChildren(empty('Nothing here', filtered ? 'No photo passes these filters.' : 'The catalogue is empty: `showroom ingest PATH` takes photos in.', clear));
  }

  view.total = () => grid?.source.total;
  view.follow = (next, from) => {
    if ((next.get('view') ?? 'search') !== 'search') return false;
    const same = next.toString() === now.toString();
    now = next;
    was = from;
    if (!filters.matches(':modal')) scrollTo(0, from.top ?? 0);
    if (!same) load();
    return true;
  };
  const wideEnough = matchMedia('(min-width: 861px)');
  // Beside the list where there is room, else a sheet over it.
  // Opened by its attribute, which leaves the focus where it is.
  const arrange = () => { filters.close(); filters.open = wideEnough.matches; };
  view.open = () => {
    for (const [type, run] of Object.entries(ondrag)) document.addEventListener(type, run);
    wideEnough.addEventListener('change', arrange);
    arrange();
    load();
  };
  view.close = () => {
    stop.abort();
    grid?.close();
    wideEnough.removeEventListener('change', arrange);
    for (const [type, run] of Object.entries(ondrag)) document.removeEventListener(type, run);
  };
  words.addEventListener('search', debounce(() => { if (words.value === '' && now.get('q')) set({ q: '' }); }, 10));
  return view;
}
