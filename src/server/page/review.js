// The review queue: accept, reject, correct, one or many at once, by keyboard; and undo.

import * as api from './api.js';
import { altOf, confidence, linkTo, picture, swatches, titleOf } from './card.js';
import { choose } from './choose.js';
import { counted, el, empty, failed, isTyping, tell, toast } from './dom.js';
import { Grid } from './grid.js';
import { ArraySource } from './source.js';

const CATEGORY = '@category';
/** Items that are fetched at once; more are when so few are left behind the current one. */
const PAGE = 100;
const AHEAD = 40;
/** The API takes no more decisions at once. */
const AT_ONCE = 200;

const KEYS = [
  ['J / K', 'next, previous'],
  ['arrows', 'move in the grid'],
  ['A', 'accept: it is right'],
  ['R', 'reject: it is wrong'],
  ['C', 'correct: say what it is'],
  ['X', 'select or unselect'],
  ['Shift + J / K / arrows / click', 'select a range'],
  ['Ctrl + A', 'select all that are loaded'],
  ['Esc', 'unselect all'],
  ['U', 'undo the last decision'],
  ['O', 'open the product'],
  ['?', 'this list'],
];

const keyOf = (item) => `${item.id} ${item.label}`;

/** The question that an item asks. */
function question(item) {
  if (item.label !== CATEGORY) return ['Is ', el('strong', {}, item.name), ' right?'];
  if (!item.category) return ['What is this?'];
  return ['Is ', el('strong', {}, item.category.name), ' the right category?'];
}

const plainQuestion = (item) => question(item).map((part) => part.textContent ?? part).join('');

export function reviewView(query, { go, updateWaiting }) {
  const wanted = query.get('label') ?? '';
  const view = { title: 'Review', node: el('div', { class: 'review' }) };
  const stop = new AbortController();
  let items = [];
  let next = null;
  let total = 0;
  let at = 0;
  let anchor = null;
  let loading = false;
  let sending = Promise.resolve();
  const selected = new Set();
  /** Batches that can be undone here: `{batch, items: [{item, index}]}`. */
  const done = [];
  const source = new ArraySource(items);
  const grid = new Grid({ source, draw, minWidth: 150, captionHeight: 62, gap: 12, label: 'To review', role: 'listbox', itemRole: 'option' });
  grid.node.setAttribute('aria-multiselectable', 'true');

  const filter = el('select', { id: 'label', onchange: () => go(filter.value ? `/?${new URLSearchParams({ view: 'review', label: filter.value })}` : '/?view=review') });
  const count = el('p', { class: 'found', 'aria-live': 'polite' });
  const large = el('div', { class: 'large' });
  const asks = el('div', { class: 'asks' });
  const act = (name, key, run, kind) => el('button', { type: 'button', class: kind, 'aria-keyshortcuts': key, onclick: run }, name, el('kbd', { 'aria-hidden': 'true' }, key.toUpperCase()));
  const accept = act('Accept', 'a', () => decide('accept'), 'yes');
  const reject = act('Reject', 'r', () => decide('reject'), 'no');
  const correct = act('Correct', 'c', () => decide('correct'), '');
  const undo = act('Undo', 'u', takeBack, 'quiet');
  const help = el('dialog', { class: 'ask', 'aria-labelledby': 'keys-title' }, el('h2', { id: 'keys-title' }, 'Keys'),
    el('dl', { class: 'keys' }, KEYS.flatMap(([key, does]) => [el('dt', {}, key.split(' / ').flatMap((one, n) => [n ? ' / ' : '', el('kbd', {}, one)])), el('dd', {}, does)])),
    el('form', { method: 'dialog', class: 'row end' }, el('button', { class: 'main' }, 'Close')));
  const picked = el('p', { class: 'picked', hidden: true });
  const panel = el('section', { class: 'desk', 'aria-label': 'The current item' }, large, el('div', { class: 'desk-side' }, asks, picked, el('div', { class: 'actions' }, accept, reject, correct, undo)));
  const queue = el('section', { class: 'queue', 'aria-label': 'Queue' }, grid.node);
  view.node.append(
    el('div', { class: 'tools' }, el('h1', {}, 'Review'), count, el('span', { class: 'space' }),
      el('label', { class: 'select', for: 'label' }, el('span', {}, 'Show'), filter),
      el('button', { type: 'button', class: 'quiet', onclick: () => help.showModal(), 'aria-keyshortcuts': '?' }, 'Keys', el('kbd', { 'aria-hidden': 'true' }, '?'))),
    el('div', { class: 'desk-and-queue' }, panel, queue), help);

  function draw(item, index, cell) {
    const isSelected = selected.has(keyOf(item));
    cell.classList.toggle('current', index === at);
    cell.classList.toggle('selected', isSelected);
    cell.setAttribute('aria-selected', String(isSelected));
    cell.dataset.key = keyOf(item);
    cell.setAttribute('tabindex', index === at ? '0' : '-1');
    cell.onclick = (event) => pick(index, event);
    return [picture(item, { sizes: '180px', eager: index < 8 }), el('span', { class: 'tick', 'aria-hidden': 'true' }, isSelected ? '✓' : ''),
      el('span', { class: 'name' }, item.label === CATEGORY ? item.category?.name ?? 'No category' : item.name),
      el('span', { class: 'sub' }, item.score === null ? 'not sure' : item.calibrated ? `${Math.round(item.score * 100)} %` : `score ${item.score.toFixed(2)}`)];
  }

  function pick(index, event) {
    if (event.shiftKey) return range(index);
    const onTick = event.target.closest('.tick');
    if (onTick || event.ctrlKey || event.metaKey) toggle(index);
    move(index);
    anchor = index;
  }

  function toggle(index) {
    const key = keyOf(items[index]);
    if (!selected.delete(key)) selected.add(key);
    anchor = index;
  }

  function range(index) {
    anchor ??= at;
    selected.clear();
    for (let one = Math.min(anchor, index); one <= Math.max(anchor, index); one++) selected.add(keyOf(items[one]));
    move(index);
  }

  /** Makes an item the current one. */
  function move(index, { focus = true } = {}) {
    if (!items.length) return show();
    at = Math.max(0, Math.min(index, items.length - 1));
    grid.focus(at, { focus });
    show();
    more();
  }

  function show() {
    const item = items[at];
    count.textContent = counted(total, 'item');
    undo.disabled = !done.length;
    for (const button of [accept, reject, correct]) button.disabled = !item;
    picked.hidden = selected.size === 0;
    picked.textContent = `${selected.size} selected: what you decide holds for all of them.`;
    if (!item) {
      large.replaceChildren();
      asks.replaceChildren();
      if (!loading) {
        queue.replaceChildren(empty('Nothing to review', wanted ? 'Nothing of this kind waits.' : 'Every tag is sure enough, or somebody has decided it.', wanted && el('a', { class: 'button', href: '/?view=review', 'data-link': true }, 'Show all')));
        panel.classList.add('over');
      }
      return;
    }
    panel.classList.remove('over');
    accept.disabled = item.label === CATEGORY && !item.category && !selected.size;
    reject.disabled = accept.disabled;
    grid.refresh(true);
    if (large.dataset.key !== keyOf(item)) {
      large.dataset.key = keyOf(item);
      large.replaceChildren(picture(item, { sizes: '(max-width: 860px) 60vw, 420px', eager: true }));
    }
    const path = item.category?.path.join(' › ');
    asks.replaceChildren(...[el('h2', {}, question(item)), confidence(item.score, item.calibrated),
      path && item.label !== CATEGORY && el('p', { class: 'sub' }, path), item.label === CATEGORY && path && el('p', { class: 'sub' }, path),
      el('p', { class: 'row' }, swatches(item.colours, 5), el('a', { href: linkTo(item), 'data-link': true }, titleOf(item)))].filter(Boolean));
  }

  const inform = () => {
    const item = items[at];
    if (item) tell(`${plainQuestion(item)} ${altOf(item)}. ${at + 1} of ${total}.`);
  };

  async function more() {
    if (loading || next === null || items.length - at > AHEAD) return;
    loading = true;
    try {
      const answer = await api.review({ label: wanted, limit: PAGE, cursor: next }, stop.signal);
      const known = new Set(items.map(keyOf));
      items.push(...answer.items.filter((item) => !known.has(keyOf(item))));
      next = answer.next;
      grid.refresh();
    } finally {
      loading = false;
    }
    // A page of which somebody else has decided all may be empty.
    if (!items.length && next !== null) await more();
    if (items.length && !asks.firstChild) show();
  }

  async function load() {
    loading = true;
    queue.replaceChildren(...Array.from({ length: 6 }, () => el('span', { class: 'line wait' })));
    try {
      const answer = await api.review({ label: wanted, limit: PAGE }, stop.signal);
      items.splice(0, items.length, ...answer.items);
      ({ next, total } = answer);
      const all = answer.labels.reduce((sum, label) => sum + label.items, 0);
      const option = (value, text) => el('option', { value, selected: value === wanted }, text);
      const labels = answer.labels.toSorted((a, b) => (b.id === CATEGORY) - (a.id === CATEGORY) || b.items - a.items);
      filter.replaceChildren(option('', `Everything (${all})`), ...labels.map(({ id, name, items: waiting }) => option(id, `${id === CATEGORY ? 'Categories' : name} (${waiting})`)));
      if (wanted && !labels.some(({ id }) => id === wanted)) filter.append(option(wanted, wanted));
      updateWaiting(all);
      loading = false;
      queue.replaceChildren(grid.node);
      grid.open();
      at = 0;
      show();
      if (items.length) { move(0); inform(); } else await more();
    } catch (error) {
      loading = false;
      if (error.name !== 'AbortError') queue.replaceChildren(failed(error, load));
    }
  }

  const target = () => (selected.size ? items.filter((item) => selected.has(keyOf(item))) : [items[at]].filter(Boolean));

  async function decide(action) {
    let chosen = target();
    if (!chosen.length) return;
    let value = null;
    let name = null;
    if (action === 'correct') {
      const labels = new Set(chosen.map((item) => item.label));
      if (labels.size > 1) return toast('Only items that ask about the same label can be corrected together.', { bad: true });
      const what = chosen.length > 1 ? `What are these ${chosen.length}?` : `What is ${titleOf(chosen[0])}?`;
      const choice = await choose(chosen[0].label, what);
      if (!choice) return;
      value = choice.id;
      name = choice.name;
    } else {
      // There is no category to be right or wrong.
      chosen = chosen.filter((item) => item.label !== CATEGORY || item.category);
      if (!chosen.length) return toast('There is no category to decide on: correct it.', { bad: true });
    }
    const places = chosen.map((item) => ({ item, index: items.indexOf(item) }));
    const current = items[at];
    const inGrid = grid.node.contains(document.activeElement) || document.activeElement === document.body;
    take(chosen);
    at = Math.max(0, chosen.includes(current) ? Math.min(...places.map(({ index }) => index)) : items.indexOf(current));
    selected.clear();
    anchor = null;
    total -= chosen.length;
    updateWaiting(total);
    move(at, { focus: inGrid });
    inform();
    const verb = { accept: 'accepted', reject: 'rejected', correct: `${chosen.length > 1 ? 'are' : 'is'} now ${name}` }[action];
    sending = sending.then(() => send(places, action, value, verb));
    await sending;
  }

  /** Takes items out of the list. */
  function take(gone) {
    const keys = new Set(gone.map(keyOf));
    items.splice(0, items.length, ...items.filter((item) => !keys.has(keyOf(item))));
  }

  function putBack(places) {
    for (const { item, index } of places.toSorted((a, b) => a.index - b.index)) {
      if (!items.some((other) => keyOf(other) === keyOf(item))) {
        items.splice(Math.min(index, items.length), 0, item);
        total++;
      }
    }
    if (!grid.node.isConnected) { queue.replaceChildren(grid.node); grid.open(); }
    at = Math.max(0, items.indexOf(places[0]?.item));
    updateWaiting(total);
    move(at);
  }

  async function send(places, action, value, verb) {
    const what = places.length > 1 ? counted(places.length, 'item') : places[0].item.category && places[0].item.label === CATEGORY ? places[0].item.category.name : places[0].item.name ?? 'It';
    const batches = [];
    let taken = [];
    try {
      for (let from = 0; from < places.length; from += AT_ONCE) {
        const some = places.slice(from, from + AT_ONCE);
        const answer = await api.decide(some.map(({ item }) => ({ id: item.id, label: item.label, action, seen: item.seen ?? null,
          value: value ?? (item.label === CATEGORY ? item.category.id : null) })));
        if (answer.batch) batches.push(answer.batch);
        taken.push(...some.filter((_, n) => answer.results[n].status === 200));
        refused(some, answer.results);
      }
    } catch (error) {
      putBack(places.filter((place) => !taken.includes(place)));
      toast(error.message, { bad: true });
    }
    if (!batches.length) return;
    done.push({ batches, places: taken });
    undo.disabled = false;
    if (taken.length) toast(`${what} ${verb}.`, { action: 'Undo', run: takeBack });
  }

  /** What was not taken is told, and not asked again. */
  function refused(places, results) {
    const not = results.flatMap((result, n) => (result.status === 200 ? [] : [{ ...result, item: places[n].item }]));
    if (!not.length) return;
    const one = not[0];
    const who = one.meanwhile?.by ? ` (by ${one.meanwhile.by})` : '';
    const text = not.length === 1 ? `${titleOf(one.item)} is left as it was: ${one.message}${who}.` : `${not.length} items are left as they were: ${one.message}${who}.`;
    toast(text, { bad: true });
  }

  async function takeBack() {
    await sending;
    const last = done.pop();
    if (!last) return toast('There is nothing to undo here; the log has what was decided before.');
    try {
      const kept = [];
      for (const batch of last.batches) kept.push(...(await api.undo(batch)).kept);
      const stays = new Set(kept.map(({ id, label }) => `${id} ${label}`));
      putBack(last.places.filter(({ item }) => !stays.has(keyOf(item))));
      toast(stays.size ? `Undone, but for ${counted(stays.size, 'item')} that somebody decided again.` : 'Undone.');
    } catch (error) {
      done.push(last);
      toast(error.message, { bad: true });
    }
    undo.disabled = !done.length;
  }

  function onKey(event) {
    if (document.querySelector('dialog:modal') || isTyping(event)) return;
    const key = event.key.toLowerCase();
    if ((event.ctrlKey || event.metaKey) && key === 'a') {
      event.preventDefault();
      items.forEach((item) => selected.add(keyOf(item)));
      show();
      return tell(`${selected.size} selected`);
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = { j: 1, k: -1, arrowdown: grid.columns, arrowup: -grid.columns, arrowright: 1, arrowleft: -1 };
    if (key in steps) {
      const to = at + steps[key];
      event.preventDefault();
      event.stopPropagation();
      if (to < 0 || to >= items.length) return;
      if (event.shiftKey) range(to);
      else { move(to); anchor = to; }
      return inform();
    }
    const run = {
      a: () => decide('accept'), r: () => decide('reject'), c: () => decide('correct'), u: takeBack,
      x: () => { if (items.length) { toggle(at); show(); tell(selected.has(keyOf(items[at])) ? 'Selected' : 'Not selected'); } },
      escape: () => { selected.clear(); show(); },
      o: () => items[at] && go(linkTo(items[at])),
      '?': () => help.showModal(),
    }[key];
    if (!run) return;
    event.preventDefault();
    run();
  }

  view.open = () => {
    // Before the grid's own keys.
    document.addEventListener('keydown', onKey, true);
    grid.topEdge = () => (matchMedia('(min-width: 861px)').matches ? 84 : panel.getBoundingClientRect().height + 70);
    load();
  };
  view.close = () => {
    stop.abort();
    grid.close();
    document.removeEventListener('keydown', onKey, true);
  };
  view.follow = () => false;
  return view;
}
