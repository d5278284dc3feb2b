// Elements without markup in strings, and what is said to the person before the page.

/** An element: `el('a', {class: 'x', href, onclick}, 'text', child)`. Attributes that are null or false are left out. */
export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? '' : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Says something to a screen reader, without moving the focus. */
export function tell(text) {
  const told = document.getElementById('told');
  // The same sentence twice is said twice.
  told.textContent = told.textContent === text ? `${text}\u00a0` : text;
}

let lastToast = 0;

/** A message that goes by itself, perhaps with something to do about it. */
export function toast(text, { action, run, bad = false } = {}) {
  const toasts = document.getElementById('toasts');
  const gone = () => node.remove();
  const button = action && el('button', { type: 'button', onclick: () => { gone(); run(); } }, action);
  const close = el('button', { type: 'button', class: 'quiet', 'aria-label': 'Dismiss', onclick: gone }, '×');
  const node = el('div', { class: bad ? 'toast bad' : 'toast', 'data-n': String(++lastToast) }, el('span', {}, text), button, close);
  while (toasts.children.length > 2) toasts.firstChild.remove();
  toasts.append(node);
  tell(text);
  setTimeout(gone, bad ? 12000 : 7000);
}

/** Something where there is nothing to show. */
export function empty(title, text, ...more) {
  return el('div', { class: 'empty' }, el('h2', {}, title), text && el('p', {}, text), ...more);
}

/** What went wrong, and a way to try again. */
export function failed(error, again) {
  const button = again && el('button', { type: 'button', class: 'main', onclick: again }, 'Try again');
  const node = empty('That did not work', error.message, button);
  node.setAttribute('role', 'alert');
  return node;
}

const numbers = new Intl.NumberFormat('en');

/** `1,204 photos`. */
export function counted(count, one, many = `${one}s`) {
  return `${numbers.format(count)} ${count === 1 ? one : many}`;
}

export function percent(share) {
  return `${Math.round(share * 100)} %`;
}

/** The last part of a path or an address. */
export function fileName(uri) {
  return uri.split('#')[0].split('/').filter(Boolean).pop() ?? uri;
}

/** Calls `run` once, `ms` after the last call. */
export function debounce(run, ms) {
  let timer;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(run, ms, ...args);
  };
}

/** Whether a key that was typed is meant for a field. */
export function isTyping(event) {
  return event.target.closest('input, select, textarea, [contenteditable]') !== null;
}
