// What it is instead: a field that offers categories or labels as one types.

import { choices } from './api.js';
import { debounce, el } from './dom.js';

/** Asks for the right value of `label` (`@category` or a label's id); the choice, or null. */
export function choose(label, what) {
  return new Promise((resolve) => {
    let offered = [];
    let at = 0;
    let picked = null;
    let stop = new AbortController();
    const field = el('input', { type: 'text', id: 'instead', role: 'combobox', 'aria-expanded': 'true', 'aria-controls': 'offered', 'aria-autocomplete': 'list', autocomplete: 'off', spellcheck: 'false', placeholder: 'Type a few letters…' });
    const list = el('ul', { id: 'offered', role: 'listbox', 'aria-label': 'Suggestions' });
    const said = el('p', { class: 'hint', role: 'status' });
    const dialog = el('dialog', { class: 'ask choose', 'aria-labelledby': 'instead-title' },
      el('h2', { id: 'instead-title' }, what), el('label', { for: 'instead' }, label === '@category' ? 'Category' : 'Label'), field, list, said,
      el('div', { class: 'row end' }, el('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel')));

    const draw = () => {
      list.replaceChildren(...offered.map((choice, index) => el('li', { id: `offer-${index}`, role: 'option', 'aria-selected': String(index === at), onclick: () => take(index), onpointermove: () => { if (at !== index) { at = index; draw(); } } },
        el('span', { class: 'value' }, choice.name), choice.path?.length > 1 && el('span', { class: 'path' }, choice.path.slice(0, -1).join(' › ')))));
      if (offered.length) field.setAttribute('aria-activedescendant', `offer-${at}`);
      else field.removeAttribute('aria-activedescendant');
      list.children[at]?.scrollIntoView({ block: 'nearest' });
    };
    const take = (index) => {
      picked = offered[index] ?? null;
      if (picked) dialog.close();
    };
    const ask = async () => {
      stop.abort();
      stop = new AbortController();
      try {
        ({ choices: offered } = await choices({ label, q: field.value.trim() }, stop.signal));
        at = 0;
        said.textContent = offered.length ? '' : 'Nothing is called so.';
        draw();
      } catch (error) {
        if (error.name !== 'AbortError') said.textContent = error.message;
      }
    };
    field.addEventListener('input', debounce(ask, 100));
    field.addEventListener('keydown', (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step && offered.length) {
        event.preventDefault();
        at = (at + step + offered.length) % offered.length;
        draw();
      } else if (event.key === 'Enter') {
        event.preventDefault();
        take(at);
      }
    });
    const before = document.activeElement;
    dialog.addEventListener('close', () => {
      stop.abort();
      dialog.remove();
      if (before?.isConnected) before.focus({ preventScroll: true });
      resolve(picked);
    });
    document.body.append(dialog);
    dialog.showModal();
    field.focus();
    ask();
  });
}
