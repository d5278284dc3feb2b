// Which view is shown, by the address; and what all views share.

import { ApiError, review } from './api.js';
import { el, failed, tell, toast } from './dom.js';
import { logView } from './log.js';
import { productView } from './product.js';
import { reviewView } from './review.js';
import { searchView } from './search.js';

const views = { search: searchView, product: productView, review: reviewView, log: logView };
const main = document.getElementById('main');
let shown = null;

/** Goes to an address of the page. `replace` leaves no step to go back to. */
export function go(address, { replace = false } = {}) {
  // Where one comes back to, one sees what one saw.
  history.replaceState({ ...history.state, top: scrollY, total: shown?.total?.() }, '');
  history[replace ? 'replaceState' : 'pushState']({}, '', address);
  show();
}

async function show(before = {}) {
  const { top = 0 } = before;
  const query = new URLSearchParams(location.search);
  const name = query.get('view') ?? 'search';
  const make = views[name] ?? views.search;
  // A view that can follow the address itself keeps its fields and its focus.
  if (shown?.name === name && shown.follow?.(query, before)) return;
  shown?.close?.();
  for (const link of document.querySelectorAll('.bar [data-view]')) {
    if (link.dataset.view === name) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  const first = shown === null;
  const view = make(query, { go, updateWaiting, before });
  view.name = name;
  shown = view;
  document.title = `${view.title} · showroom`;
  main.replaceChildren(view.node);
  view.open?.();
  scrollTo(0, top);
  // Elsewhere than at the start the reader is brought to what is new.
  if (!first) {
    main.focus({ preventScroll: true });
    tell(view.title);
  }
}

/** How much waits to be reviewed, in the navigation. */
export async function updateWaiting(total) {
  const node = document.getElementById('waiting');
  try {
    const waiting = total ?? (await review({ limit: 1 })).total;
    node.hidden = waiting === 0;
    node.replaceChildren(waiting > 999 ? '999+' : String(waiting), el('span', { class: 'unseen' }, ' waiting'));
  } catch (error) {
    node.hidden = true;
    if (!(error instanceof ApiError)) throw error;
  }
}

document.addEventListener('click', (event) => {
  const link = event.target.closest('a[data-link]');
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.defaultPrevented) return;
  event.preventDefault();
  go(link.href);
});

// A file that misses its place must not take the place of the page.
for (const type of ['dragover', 'drop']) {
  addEventListener(type, (event) => { if (event.dataTransfer?.types.includes('Files')) event.preventDefault(); });
}

addEventListener('popstate', (event) => show(event.state ?? {}));
addEventListener('unhandledrejection', (event) => {
  if (event.reason?.name === 'AbortError') event.preventDefault();
  else if (event.reason instanceof ApiError) {
    event.preventDefault();
    toast(event.reason.message, { bad: true });
  }
});
history.scrollRestoration = 'manual';
show().catch((error) => main.replaceChildren(failed(error, () => location.reload())));
updateWaiting();
