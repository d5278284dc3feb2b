// The filters beside a list: what there is, how often, and what of it was chosen.

import { counted, el } from './dom.js';

/** Values of a group that are shown at first. */
const SHOWN = 8;

/** Colours of dots, by the names that photos are measured in; of others the name itself, where it is one of CSS. */
const HEX = {
  black: '#1d1d1f', white: '#fbfaf7', grey: '#8b8d90', gray: '#8b8d90', silver: '#c3c6c9', beige: '#e2d5bd', cream: '#f3ead3', tan: '#c9a97f', brown: '#7a5134',
  red: '#c4302b', burgundy: '#6b1f2e', pink: '#e8a0b4', orange: '#e0803a', yellow: '#e6c14a', mustard: '#c99a2e', gold: '#c9a227', olive: '#7d7c3a',
  green: '#3f7a4d', teal: '#2a7f7c', turquoise: '#45b5ae', blue: '#2f62b5', navy: '#1f2d55', 'light blue': '#9cc3e6', purple: '#6f4a9c', violet: '#7f5ab5',
};

/** What is chosen, from the address: `{category: ['aa-8'], colour: ['red'], label: [], 'attr.brand': ['Acme']}`. */
export function chosenIn(query) {
  const chosen = {};
  for (const [key, value] of query) {
    if (['category', 'colour', 'label', 'format'].includes(key) || key.startsWith('attr.')) (chosen[key] ??= []).push(value);
  }
  return chosen;
}

const quoted = (value) => `'${value.replaceAll("'", "''")}'`;

/** The same as a filter of the API. */
export function whereOf(chosen, extra) {
  const conditions = Object.entries(chosen).map(([key, values]) => {
    const field = key.startsWith('attr.') ? key.slice(5) : key;
    // What reads as a number is one where an attribute has numbers.
    const literal = (value) => (key.startsWith('attr.') && value !== '' && Number.isFinite(Number(value)) ? value : quoted(value));
    return values.length === 1 ? `${field} = ${literal(values[0])}` : `${field} in (${values.map(literal).join(', ')})`;
  });
  if (extra) conditions.push(`(${extra})`);
  return conditions.join(' and ');
}

/** The groups of a facets answer: `[{key, title, values: [{id, value, photos}]}]`. */
function groupsOf(facets) {
  const plain = (counts) => (counts ?? []).map(({ value, photos }) => ({ id: value, value, photos }));
  const groups = [
    { key: 'category', title: 'Category', values: facets.category ?? [] },
    { key: 'colour', title: 'Colour', values: plain(facets.colour) },
    { key: 'label', title: 'Label', values: plain(facets.label) },
  ];
  for (const [name, counts] of Object.entries(facets.attributes ?? {})) {
    // Values that are nearly as many as photos (a text, a number of the article) are nothing to choose from.
    if (counts.length > 1 && counts[0].photos > 1) groups.push({ key: `attr.${name}`, title: name.replaceAll('_', ' '), values: plain(counts) });
  }
  groups.push({ key: 'format', title: 'File format', values: plain(facets.format), closed: true });
  return groups;
}

/** The panel. `change(key, value, on)` is called when something is chosen. Groups that were opened stay open. */
export function facetPanel(change) {
  const node = el('div', { class: 'facets' });
  const open = new Map();
  const wide = new Set();
  const draw = (facets, chosen) => {
    const focused = document.activeElement?.closest?.('.facets input')?.id;
    node.replaceChildren(...groupsOf(facets).map((group) => groupNode(group, chosen[group.key] ?? [], { open, wide, change, redraw: () => draw(facets, chosen) })).filter(Boolean));
    if (focused) document.getElementById(focused)?.focus();
  };
  const wait = () => node.replaceChildren(...Array.from({ length: 9 }, () => el('span', { class: 'line wait' })));
  return { node, draw, wait };
}

function groupNode({ key, title, values, closed }, chosen, { open, wide, change, redraw }) {
  const named = new Map(values.map((value) => [value.id, value]));
  // What is chosen can be taken back, also where nothing has it.
  const all = [...values, ...chosen.filter((id) => !named.has(id)).map((id) => ({ id, value: id, photos: 0 }))];
  if (!all.length) return null;
  const first = all.slice().sort((a, b) => chosen.includes(b.id) - chosen.includes(a.id));
  const shown = wide.has(key) ? first : first.slice(0, Math.max(SHOWN, chosen.length));
  const boxes = shown.map(({ id, value, photos }, at) => {
    const name = `f-${key}-${id}`.replace(/[^\w-]/g, '_') + `-${at}`;
    const box = el('input', { type: 'checkbox', id: name, checked: chosen.includes(id), onchange: (event) => change(key, id, event.target.checked) });
    const dot = key === 'colour' && el('span', { class: 'dot', 'aria-hidden': 'true' });
    if (dot) dot.style.backgroundColor = HEX[value] ?? value.replaceAll(' ', '');
    return el('label', { class: 'choice', for: name }, box, dot, el('span', { class: 'value' }, value),
      el('span', { class: 'number' }, el('span', { 'aria-hidden': 'true' }, String(photos)), el('span', { class: 'unseen' }, counted(photos, 'photo'))));
  });
  const more = first.length > shown.length && el('button', { type: 'button', class: 'quiet more', onclick: () => { wide.add(key); redraw(); } }, `All ${first.length}`);
  const isOpen = open.get(key) ?? (!closed || chosen.length > 0);
  const details = el('details', { open: isOpen }, el('summary', {}, title, chosen.length > 0 && el('span', { class: 'count' }, String(chosen.length))),
    el('fieldset', {}, el('legend', { class: 'unseen' }, title), boxes, more));
  details.addEventListener('toggle', () => open.set(key, details.open));
  return details;
}
