// One product: its photos, tags with confidence, near duplicates, facts.

import * as api from './api.js';
import { card, confidence, picture, titleOf } from './card.js';
import { choose } from './choose.js';
import { counted, el, failed, fileName, percent, tell, toast } from './dom.js';
import { Grid } from './grid.js';
import { ArraySource } from './source.js';
import { studioPart } from './studio.js';

const CATEGORY = '@category';
const UNITS = ['bytes', 'kB', 'MB', 'GB'];

function size(bytes) {
  const step = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const number = bytes / 1000 ** step;
  return `${number.toFixed(step && number < 100 ? 1 : 0)} ${UNITS[step]}`;
}

/** What was measured, in words. */
function factRows(photo) {
  const facts = photo.facts;
  return [
    ['Size', `${facts.width} × ${facts.height} pixels, ${size(facts.bytes)}, ${facts.format}`],
    ['Sharpness', `${Math.round(facts.sharpness)}${facts.sharpness < 100 ? ' (soft)' : ''}`],
    ['Brightness', percent(facts.brightness)],
    ['Clipped', `${percent(facts.clipped_dark)} dark, ${percent(facts.clipped_bright)} bright`],
    ['Border', `${percent(facts.border_white)} white, ${facts.border_uniform > 0.9 ? 'uniform' : 'not uniform'}`],
    ['Product covers', percent(facts.product_share)],
    facts.transparent > 0 && ['Transparent', percent(facts.transparent)],
    ['File', photo.uri, 'code'],
    ['Photo id', photo.id, 'code'],
  ].filter(Boolean);
}

const table = (rows) => el('dl', { class: 'facts' }, rows.flatMap(([name, value, kind]) => [el('dt', {}, name), el('dd', { class: kind }, String(value))]));

export function productView(query, { go, updateWaiting }) {
  const key = query.get('key') ?? '';
  const view = { title: key || 'Product', node: el('article', { class: 'product' }) };
  const stop = new AbortController();
  const studio = studioPart();
  let grids = [];
  let at = 0;
  view.open = load;
  view.close = () => { stop.abort(); studio.close(); grids.forEach((grid) => grid.close()); };
  // The same view is made anew for another product.
  view.follow = () => false;

  async function load() {
    view.node.replaceChildren(el('div', { class: 'pair' }, el('div', { class: 'stage skeleton' }, el('span', { class: 'frame' })), el('div', { class: 'about' }, ...Array.from({ length: 8 }, () => el('span', { class: 'line wait' })))));
    try {
      draw(await api.product(key, stop.signal));
    } catch (error) {
      if (error.name === 'AbortError') return;
      view.node.replaceChildren(failed(error, error.status === 404 ? null : load));
    }
  }

  /** Fetches anew after something was decided, and stays where one is. */
  async function again() {
    const focused = document.activeElement?.dataset?.does;
    const top = scrollY;
    draw(await api.product(key, stop.signal));
    scrollTo(0, top);
    (view.node.querySelector(`[data-does="${focused}"]`) ?? view.node.querySelector('h1')).focus({ preventScroll: true });
    updateWaiting();
  }

  async function decide(photo, label, action, value, said) {
    const { results, batch } = await api.decide([{ id: photo.id, label, action, value: value ?? null, seen: null }]);
    const refused = results.find((result) => result.status !== 200);
    if (refused) toast(`Not taken: ${refused.message}.`, { bad: true });
    else toast(said, { action: 'Undo', run: async () => { await api.undo(batch); tell('Undone'); await again(); } });
    await again();
  }

  async function correctCategory(photo) {
    const choice = await choose(CATEGORY, `What is ${titleOf(photo)}?`);
    if (choice) await decide(photo, CATEGORY, 'correct', choice.id, `It is ${choice.name}.`);
  }

  const action = (does, name, label, run, kind = '') => el('button', { type: 'button', class: `small ${kind}`, 'aria-label': label, 'data-does': does, onclick: run }, name);

  function categoryNode(photo) {
    const category = photo.category;
    const name = category?.name ?? 'no category';
    const correct = action('category-correct', category ? 'Correct…' : 'Say what it is…', category ? `Correct the category ${name}` : 'Say what it is: choose a category', () => correctCategory(photo));
    if (!category) return el('div', { class: 'tag' }, el('span', { class: 'tag-name unsure' }, 'Not sure'), el('span', { class: 'row' }, correct));
    const path = el('span', { class: 'path' }, category.path.slice(0, -1).join(' › '));
    if (photo.category_by_person) return el('div', { class: 'tag' }, el('span', { class: 'tag-name' }, path, el('strong', {}, name)), el('span', { class: 'decided' }, 'by a person'), el('span', { class: 'row' }));
    return el('div', { class: 'tag' }, el('span', { class: 'tag-name' }, path, el('strong', {}, name)), confidence(category.score),
      el('span', { class: 'row' },
        action('category-accept', '✓', `${name} is right`, () => decide(photo, CATEGORY, 'accept', category.id, `${name} accepted.`), 'yes'),
        action('category-reject', '✕', `${name} is wrong`, () => decide(photo, CATEGORY, 'reject', category.id, `${name} rejected.`), 'no'), correct));
  }

  function labelNode(photo, label) {
    const name = el('span', { class: label.decision === 'reject' ? 'tag-name rejected' : 'tag-name' }, label.name, label.decision === 'review' && el('span', { class: 'badge' }, 'to review'));
    const says = { accept: 'accepted', reject: 'rejected', review: 'undecided' }[label.decision];
    if (label.by_person) return el('div', { class: 'tag' }, name, el('span', { class: 'decided' }, `${says} by a person`), el('span', { class: 'row' }));
    return el('div', { class: 'tag' }, name, confidence(label.score, label.calibrated),
      el('span', { class: 'row' },
        action(`${label.id}-accept`, '✓', `${label.name} is right`, () => decide(photo, label.id, 'accept', null, `${label.name} accepted.`), 'yes'),
        action(`${label.id}-reject`, '✕', `${label.name} is wrong`, () => decide(photo, label.id, 'reject', null, `${label.name} rejected.`), 'no')));
  }

  function strip(title, items, note) {
    if (!items.length) return null;
    const grid = new Grid({ source: new ArraySource(items), draw: card, minWidth: 150, label: title });
    grids.push(grid);
    return el('section', { class: 'strip' }, el('h2', {}, title), note && el('p', { class: 'hint' }, note), grid.node);
  }

  function draw(product) {
    grids.forEach((grid) => grid.close());
    grids = [];
    at = Math.min(at, product.photos.length - 1);
    const stage = el('div', { class: 'stage' });
    const about = el('div', { class: 'about' });
    const one = product.photos[0];
    view.title = product.title ?? product.sku ?? fileName(one.uri);
    document.title = `${view.title} · showroom`;

    const show = (index, focus) => {
      at = index;
      const photo = product.photos[at];
      studio.show(photo);
      const thumbs = product.photos.length > 1 && el('div', { class: 'thumbs', role: 'group', 'aria-label': 'Photos of this product' },
        product.photos.map((other, place) => el('button', { type: 'button', 'aria-pressed': String(place === at), 'aria-label': `Photo ${place + 1} of ${product.photos.length}: ${fileName(other.uri)}`, onclick: () => show(place, true) }, picture(other, { sizes: '72px', alt: '' }))));
      stage.replaceChildren(el('div', { class: 'large' }, picture(photo, { sizes: '(max-width: 860px) 96vw, 560px', eager: true })), ...[thumbs].filter(Boolean));
      if (focus) stage.querySelectorAll('.thumbs button')[at]?.focus();
      const attributes = Object.entries(product.attributes ?? {}).map(([name, value]) => [name.replaceAll('_', ' '), [value].flat().join(', ')]);
      about.replaceChildren(...[
        el('h1', { tabindex: '-1' }, view.title),
        el('p', { class: 'sub' }, [product.sku && product.sku !== view.title && `SKU ${product.sku}`, counted(product.photos.length, 'photo')].filter(Boolean).join(' · ')),
        el('p', { class: 'row' },
          el('a', { class: 'button main', href: `/?${new URLSearchParams({ like: photo.id })}`, 'data-link': true }, 'More like this'),
          photo.image?.src && el('a', { class: 'button', href: photo.image.src, target: '_blank', rel: 'noopener' }, 'Open the photo')),
        el('section', {}, el('h2', {}, 'Category'), categoryNode(photo)),
        el('section', {}, el('h2', {}, 'Colours'), photo.colours.length ? el('ul', { class: 'colours' }, photo.colours.map((colour) => {
          const dot = el('span', { class: 'dot' });
          dot.style.backgroundColor = colour.hex;
          return el('li', {}, dot, `${colour.name} `, el('span', { class: 'number' }, percent(colour.share)));
        })) : el('p', { class: 'hint' }, 'None measured.')),
        el('section', {}, el('h2', {}, 'Labels'), photo.labels.length ? photo.labels.map((label) => labelNode(photo, label)) : el('p', { class: 'hint' }, 'None.')),
        attributes.length && el('section', {}, el('h2', {}, 'From the feed'), table(attributes)),
        el('section', {}, el('h2', {}, 'Measured on this photo'), table(factRows(photo))),
      ].filter(Boolean));
    };
    show(at);
    const near = strip('Near duplicates', product.near_duplicates, 'The same picture: resized, cropped, compressed again.');
    const alike = strip('Most alike', product.alike);
    view.node.replaceChildren(...[el('button', { type: 'button', class: 'quiet back', onclick: () => (history.length > 1 ? history.back() : go('/')) }, '← Back'), el('div', { class: 'pair' }, stage, about), studio.node, near, alike].filter(Boolean));
    grids.forEach((grid) => grid.open());
    if (near) tell(counted(product.near_duplicates.length, 'near duplicate'));
  }
  return view;
}
