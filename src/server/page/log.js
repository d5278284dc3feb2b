// What was decided, newest first. Nothing is ever taken out of it; what was undone is told so.

import * as api from './api.js';
import { counted, el, empty, failed, fileName, tell, toast } from './dom.js';

const time = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });

/** What a line says. */
function said(line) {
  const what = line.is_category ? line.category?.name ?? 'category' : line.name ?? line.label;
  if (line.is_category && line.verdict === 'accept' && line.category_before !== line.category?.name) {
    return `corrected ${line.category_before ?? 'no category'} to ${what}`;
  }
  return `${line.verdict === 'accept' ? 'accepted' : 'rejected'} ${what}`;
}

/** Lines of one batch that follow one another are one entry. */
function entries(lines) {
  const found = [];
  for (const line of lines) {
    const last = found.at(-1);
    if (last && line.kind === 'decision' && last.kind === 'decision' && line.batch && last.batch === line.batch) last.lines.push(line);
    else found.push({ kind: line.kind, batch: line.batch, at_ms: line.at_ms, by: line.by, undone: line.undone, lines: [line] });
  }
  return found;
}

export function logView(query, { updateWaiting }) {
  const cursor = query.get('cursor');
  const list = el('ol', { class: 'log', 'aria-label': 'Decisions, newest first' });
  const foot = el('p', { class: 'row' });
  const view = { title: 'Decision log', node: el('div', { class: 'narrow' }, el('h1', {}, 'Decision log'), el('p', { class: 'hint' }, 'What people decided, newest first. Nothing is ever taken out of it.'), list, foot) };
  const stop = new AbortController();

  function photos(lines) {
    const seen = new Map(lines.map((line) => [line.id, line]));
    const links = [...seen.values()].slice(0, 4).map((line) => el('a', { href: `/?${new URLSearchParams({ view: 'product', key: line.sku || line.id })}`, 'data-link': true }, line.sku || fileName(line.uri)));
    return [links.flatMap((link, at) => (at ? [', ', link] : [link])), seen.size > 4 && ` and ${counted(seen.size - 4, 'more photo', 'more photos')}`];
  }

  function node(entry) {
    const when = el('time', { datetime: new Date(entry.at_ms).toISOString() }, time.format(entry.at_ms));
    const who = entry.by ? ` · ${entry.by}` : '';
    if (entry.kind === 'undo') return el('li', { class: 'undo' }, el('span', { class: 'what' }, 'took a batch back'), el('span', { class: 'when' }, when, who));
    const actions = [...new Set(entry.lines.map(said))];
    const what = actions.length > 3 ? [...actions.slice(0, 3), `${actions.length - 3} more`] : actions;
    const undo = entry.batch && !entry.undone && el('button', { type: 'button', class: 'small', 'aria-label': `Undo: ${actions[0]}`, onclick: () => takeBack(entry.batch) }, 'Undo');
    return el('li', { class: entry.undone ? 'undone' : null }, el('span', { class: 'what' }, what.join(', '), entry.undone && el('span', { class: 'badge' }, 'undone')), el('span', { class: 'on' }, photos(entry.lines)), el('span', { class: 'when' }, when, who), undo);
  }

  async function takeBack(batch) {
    const { undone, kept } = await api.undo(batch);
    const stays = kept.length ? ` ${counted(kept.length, 'item')} stay: they were decided again since.` : '';
    toast(`${counted(undone.length, 'decision')} undone.${stays}`);
    await load();
    updateWaiting();
  }

  async function load() {
    try {
      const answer = await api.log({ cursor, limit: 200 }, stop.signal);
      if (!answer.total) {
        list.replaceWith(empty('Nothing is decided yet', 'What is decided in the review, or with `showroom labels decide`, is kept here.'));
        return;
      }
      list.replaceChildren(...entries(answer.lines).map(node));
      const older = answer.next !== null && el('a', { class: 'button', href: `/?view=log&cursor=${answer.next}`, 'data-link': true }, 'Older');
      const newest = cursor && el('a', { class: 'button', href: '/?view=log', 'data-link': true }, 'Newest');
      foot.replaceChildren(...[newest, older].filter(Boolean));
      tell(counted(answer.total, 'line'));
    } catch (error) {
      if (error.name !== 'AbortError') list.replaceChildren(failed(error, load));
    }
  }
  view.open = load;
  view.close = () => stop.abort();
  view.follow = () => false;
  return view;
}
