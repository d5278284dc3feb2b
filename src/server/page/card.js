// A photo in a grid.

import { el, fileName, percent } from './dom.js';

export const MATCHES = {
  same_product: 'same product',
  similar: 'similar',
  related: 'related',
  no_good_match: 'no good match',
};

/** What a photo is called. */
export function titleOf(photo) {
  return photo.title || photo.sku || fileName(photo.uri);
}

/** What is on a photo, for those who do not see it. */
export function altOf(photo) {
  const colours = (photo.colours ?? []).slice(0, 2).map((colour) => colour.name).join(' and ');
  const what = photo.category?.name ?? 'not categorised';
  return `${titleOf(photo)}: ${[colours, what].filter(Boolean).join(' ')}`;
}

export function linkTo(photo) {
  return `/?${new URLSearchParams({ view: 'product', key: photo.sku || photo.id })}`;
}

/** A picture in a frame of its own placeholder, which stays where the photo cannot be had. */
export function picture(photo, { sizes, eager = false, alt = altOf(photo) } = {}) {
  const { src, srcset, placeholder, colour } = photo.image ?? {};
  const frame = el('span', { class: 'frame' });
  if (placeholder?.startsWith('data:')) frame.style.backgroundImage = `url("${placeholder}")`;
  else if (colour) frame.style.backgroundColor = `color-mix(in srgb, ${colour} 22%, var(--sunk))`;
  if (!src) {
    frame.append(el('span', { class: 'missing', role: 'img', 'aria-label': `${alt} (no picture)` }));
    return frame;
  }
  const image = el('img', { alt, srcset, sizes, loading: eager ? 'eager' : 'lazy', decoding: 'async', draggable: 'false' });
  image.addEventListener('load', () => {
    frame.classList.add('there');
    frame.style.background = '';
  });
  image.addEventListener('error', () => {
    image.remove();
    frame.append(el('span', { class: 'missing', role: 'img', 'aria-label': `${alt} (the photo cannot be loaded)` }));
  });
  image.src = src;
  frame.append(image);
  return frame;
}

/** The colours of a photo as dots. */
export function swatches(colours, most = 4) {
  const names = colours.slice(0, most).map((colour) => colour.name).join(', ');
  const dots = colours.slice(0, most).map((colour) => {
    const dot = el('span', { class: 'dot' });
    dot.style.backgroundColor = colour.hex;
    return dot;
  });
  return el('span', { class: 'dots', role: 'img', 'aria-label': `Colours: ${names || 'none'}` }, dots);
}

/** The words that a hit answers. */
function reasons(hit) {
  const words = (hit.why ?? []).flatMap((why) => (why.weight < 0 ? [] : why.matched ?? [])).map((matched) => matched.word);
  return [...new Set(words)].slice(0, 3).join(', ');
}

function whyTitle(hit) {
  const parts = (hit.why ?? []).map((why) => `${why.weight < 0 ? 'not ' : ''}${why.part} ${why.score.toFixed(2)}`);
  return parts.length ? `Score ${hit.score.toFixed(3)}: ${parts.join(', ')}` : null;
}

/** The content of a cell. */
export function card(photo, index) {
  if (!photo) return [el('span', { class: 'frame' }), el('span', { class: 'line' }), el('span', { class: 'line short' })];
  const why = reasons(photo);
  const score = photo.score === undefined ? null : el('span', { class: 'score', title: whyTitle(photo) }, photo.score.toFixed(2));
  const match = photo.match && photo.match !== 'no_good_match' && MATCHES[photo.match];
  const copies = photo.kind && (photo.kind === 'exact' ? 'same file' : `${photo.bits} bits apart`);
  const category = photo.category ? photo.category.name : 'not sure';
  const below = why ? `${category} · ${why}` : category;
  return [
    el('a', { class: 'card', href: linkTo(photo), 'data-link': true },
      picture(photo, { sizes: '(max-width: 480px) 46vw, 220px', eager: index < 8 }),
      el('span', { class: 'name' }, titleOf(photo)),
      el('span', { class: photo.category ? 'sub' : 'sub unsure', title: photo.category?.path.join(' › ') }, below)),
    el('span', { class: 'meta' },
      swatches(photo.colours ?? []),
      photo.photos > 1 && el('span', { class: 'views' }, `${photo.photos} photos`),
      match && el('span', { class: `match ${photo.match}` }, match),
      copies && el('span', { class: 'match' }, copies),
      score),
    el('a', { class: 'like', href: `/?${new URLSearchParams({ like: photo.id })}`, 'data-link': true,
      'aria-label': `More like ${titleOf(photo)}`, title: 'More like this' }, '≈'),
  ];
}

/** How sure somebody is: a bar and a number. */
export function confidence(score, calibrated = true) {
  if (score === null || score === undefined) return el('span', { class: 'unknown' }, 'unknown');
  const bar = el('span', { class: 'bar-fill' });
  bar.style.width = percent(Math.max(0, Math.min(1, score))).replace(' ', '');
  const said = calibrated ? percent(score) : `score ${score.toFixed(2)}`;
  return el('span', { class: calibrated ? 'confidence' : 'confidence raw', title: calibrated ? 'Probability that it is right' : 'Score of the model, not a probability' },
    el('span', { class: 'bar-track', 'aria-hidden': 'true' }, bar), said);
}
