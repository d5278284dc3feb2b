// What a designer does with a photo: cut it out, put it on something else, check it.

import * as api from './api.js';
import { titleOf } from './card.js';
import { el, fileName, percent, tell } from './dom.js';
import { rulesPart } from './rules.js';

const SHAPES = [['', 'usual'], ['1:1', 'square'], ['4:5', '4 : 5'], ['3:4', '3 : 4'], ['16:9', '16 : 9']];
const FILLS = [['', 'usual'], ...[70, 80, 85, 90, 95].map((fill) => [String(fill / 100), `${fill} %`])];
const TYPES = { png: 'PNG', webp: 'WebP', avif: 'AVIF', jpeg: 'JPEG' };
/** What a flag of a cut-out means. */
const FLAGS = {
  no_product: 'no product was seen',
  cut_by_frame: 'the product goes on beyond the photo’s edge',
  empty: 'nothing is left',
  full: 'next to nothing was taken away',
  low_confidence: 'the outline is doubtful',
  enlarged: 'it has more pixels than the photo had',
};

const size = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
const field = (name, control) => el('label', { class: 'select' }, name, control);
const select = (options, props) => el('select', props, options.map(([value, name]) => el('option', { value }, name)));

let asked = null;

/** What there is to choose from; null where the server has no studio. Asked once. */
function choices() {
  asked ??= api.studio().catch((error) => {
    asked = null;
    if (error.status === 404) return null;
    throw error;
  });
  return asked;
}

/** The part of the product's view; `show(photo)` says which photo it is about. */
export function studioPart() {
  const part = { node: el('section', { class: 'strip studio', 'aria-labelledby': 'studio-title', hidden: true }) };
  let photo = null;
  let work = null;
  let address = null;
  let rules = null;
  let ready = null;

  const colour = el('input', { type: 'color', value: '#e9dfd3', 'aria-label': 'The colour', oninput: () => choose('colour') });
  const shape = select(SHAPES, {});
  const fill = select(FILLS, {});
  const type = select([], {});
  const picture = el('div', { class: 'made checker' });
  const caption = el('figcaption', { class: 'hint' });
  const make = el('button', { type: 'button', class: 'main', onclick: () => (work ? work.abort() : run()) }, 'Make the picture');
  const download = el('a', { class: 'button', hidden: true }, 'Download');
  const options = el('div', { class: 'options' });

  const chosen = () => options.querySelector('input:checked').value;

  function choose(value) {
    options.querySelector(`input[value="${value}"]`).checked = true;
    types();
  }

  /** The files that can be had: JPEG has no transparency. */
  function types() {
    const before = type.value;
    const fit = chosen() === 'transparent' ? ['png', 'webp', 'avif'] : ['jpeg', 'png', 'webp', 'avif'];
    type.replaceChildren(...fit.map((name) => el('option', { value: name }, TYPES[name])));
    type.value = fit.includes(before) ? before : fit[0];
  }

  function option(value, name, swatch, title) {
    const mark = el('span', { class: `swatch ${value === 'transparent' ? 'checker' : ''}`, 'aria-hidden': 'true' });
    if (swatch) mark.style.background = swatch;
    return el('label', { class: 'option', title }, el('input', { type: 'radio', name: 'backdrop', value, onchange: types }), mark, el('span', {}, name));
  }

  function draw({ scenes, rules: sets }) {
    options.replaceChildren(
      option('transparent', 'Transparent'),
      option('white', 'White', '#fff'),
      el('span', { class: 'row' }, option('colour', 'Colour'), colour),
      ...scenes.map(({ name, title, wall, floor }) => option(name, name.replaceAll('-', ' '), `linear-gradient(${wall} 62%, ${floor} 62%)`, title)),
    );
    choose('transparent');
    rules = rulesPart(sets);
    part.node.replaceChildren(
      el('h2', { id: 'studio-title' }, 'Studio'),
      el('div', { class: 'bench' },
        el('figure', {}, picture, caption),
        el('div', { class: 'controls' },
          el('fieldset', {}, el('legend', {}, 'Background'), options),
          el('div', { class: 'row' }, field('Shape', shape), field('Product fills', fill), field('File', type)),
          el('div', { class: 'row' }, make, download))),
      rules.node);
    part.node.hidden = false;
    clear();
  }

  function clear(...said) {
    if (address) URL.revokeObjectURL(address);
    address = null;
    download.hidden = true;
    picture.classList.add('checker');
    picture.replaceChildren(el('span', { class: 'hint' }, 'Nothing is made until you ask for it.'));
    caption.replaceChildren(...said);
    if (photo) rules?.show(photo);
  }

  /** Shows that it takes a while, and how long it has taken, until `done` is called. */
  function waiting() {
    const began = performance.now();
    const seconds = el('span', { class: 'number' });
    const count = () => { seconds.textContent = `${Math.round((performance.now() - began) / 1000)} s`; };
    count();
    const timer = setInterval(count, 1000);
    picture.replaceChildren(el('span', { class: 'waiting' }, el('span', { class: 'turning', 'aria-hidden': 'true' }), 'Being made… ', seconds));
    picture.setAttribute('aria-busy', 'true');
    make.textContent = 'Stop';
    tell('The picture is being made');
    return () => {
      clearInterval(timer);
      if (work) return;
      picture.removeAttribute('aria-busy');
      make.textContent = 'Make the picture';
    };
  }

  async function run() {
    const mine = new AbortController();
    const { signal } = mine;
    work = mine;
    clear();
    const done = waiting();
    const on = chosen();
    const body = { photo: photo.id, format: type.value, aspect: shape.value || null, fill: fill.value ? Number(fill.value) : null };
    try {
      const made = on === 'transparent' ? await api.cutout(body, signal) : await api.backdrop({ ...body, on: on === 'colour' ? colour.value : on }, signal);
      if (work === mine) await shown(made, on, body.format);
    } catch (error) {
      if (work !== mine) return;
      clear(error.name === 'AbortError' ? 'Stopped.' : el('span', { role: 'alert', class: 'no' }, `That did not work: ${error.message}`));
    } finally {
      if (work === mine) work = null;
      done();
    }
  }

  /** Leaves what is being made, as it is not wanted any more. */
  function leave() {
    work?.abort();
    work = null;
  }

  async function shown({ blob, confidence, flags }, on, format) {
    address = URL.createObjectURL(blob);
    const where = on === 'transparent' ? 'cut out' : `on ${on === 'colour' ? colour.value : on.replaceAll('-', ' ')}`;
    const image = el('img', { src: address, alt: `${titleOf(photo)}, ${where}` });
    await image.decode();
    picture.replaceChildren(image);
    picture.classList.toggle('checker', on === 'transparent');
    const name = `${photo.sku || fileName(photo.uri).replace(/\.\w+$/, '')}-${on === 'transparent' ? 'cutout' : on}`.replaceAll(/[^\w.-]+/g, '_');
    download.href = address;
    download.download = `${name}.${format === 'jpeg' ? 'jpg' : format}`;
    download.hidden = false;
    const said = [`${image.naturalWidth} × ${image.naturalHeight} pixels`, `${TYPES[format]}, ${size(blob.size)}`, confidence !== null && `confidence ${percent(confidence)}`];
    caption.replaceChildren(...[
      el('span', {}, said.filter(Boolean).join(' · ')),
      flags.length > 0 && el('span', { class: 'notice' }, `Look at it: ${flags.map((flag) => FLAGS[flag] ?? flag).join('; ')}.`),
    ].filter(Boolean));
    tell(`The picture is made: ${image.alt}`);
  }

  part.show = (next) => {
    const other = photo?.id !== next.id;
    photo = next;
    ready ??= choices().then((found) => found && draw(found)).catch((error) => {
      part.node.replaceChildren(el('h2', { id: 'studio-title' }, 'Studio'), el('p', { role: 'alert', class: 'no' }, `It cannot be had: ${error.message}`));
      part.node.hidden = false;
    });
    if (rules && other) {
      leave();
      clear();
    }
  };
  part.close = () => {
    leave();
    rules?.close();
    if (address) URL.revokeObjectURL(address);
  };
  return part;
}
