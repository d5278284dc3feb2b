// The API, with the key that was asked for once.

const KEY = 'showroom-key';

/** What the server said instead of an answer. */
export class ApiError extends Error {
  constructor(status, body) {
    super(body?.message ?? `The server answered ${status}.`);
    this.status = status;
    this.code = body?.code;
  }
}

let asking = null;

/** Asks for a key; whoever else needs one meanwhile waits for the same answer. */
function askForKey(why) {
  asking ??= new Promise((resolve) => {
    const dialog = document.getElementById('key');
    const form = dialog.querySelector('form');
    if (why) document.getElementById('key-why').textContent = why;
    dialog.addEventListener('close', () => {
      asking = null;
      const key = form.elements.key.value.trim();
      form.reset();
      if (dialog.returnValue === 'ok' && key) sessionStorage.setItem(KEY, key);
      resolve(dialog.returnValue === 'ok' && key !== '');
    }, { once: true });
    dialog.returnValue = '';
    dialog.showModal();
  });
  return asking;
}

async function send(path, { method = 'GET', body, signal }) {
  const headers = { accept: 'application/json' };
  const key = sessionStorage.getItem(KEY);
  if (key) headers.authorization = `Bearer ${key}`;
  if (body !== undefined) headers['content-type'] = 'application/json';
  try {
    return await fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, { message: 'The server cannot be reached. Is it still running?' });
  }
}

/** The answer, if it is a good one. Waits and tries again a few times where the server has too much to do. */
async function respond(path, options = {}) {
  for (let attempt = 0; ; attempt++) {
    const response = await send(path, options);
    if (response.status === 401 && await askForKey(attempt ? 'That key is not known here.' : null)) continue;
    // What took too long once is not asked for again where it is long work.
    if ((response.status === 429 || (response.status === 503 && !options.once)) && attempt < 3) {
      const seconds = Math.min(Number(response.headers.get('retry-after')) || 1, 5);
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
      continue;
    }
    if (response.ok) return response;
    throw new ApiError(response.status, await response.json().catch(() => null));
  }
}

/** The answer as JSON. */
export async function call(path, options) {
  return (await respond(path, options)).json().catch(() => null);
}

const params = (values) => {
  const given = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== '');
  return new URLSearchParams(given.map(([key, value]) => [key, String(value)]));
};

let index = null;

/** The name by which the API knows the catalogue. */
async function indexName(signal) {
  index ??= (await call('/indexes', { signal })).results[0].indexName;
  return index;
}

export async function search(asked, signal) {
  const name = encodeURIComponent(await indexName(signal));
  return call(`/indexes/${name}/search`, { method: 'POST', body: asked, signal });
}

export const products = (asked, signal) => call(`/v1/products?${params(asked)}`, { signal });
export const product = (key, signal) => call(`/v1/products/${encodeURIComponent(key)}`, { signal });
export const facets = (where, signal) => call(`/v1/facets?${params({ where })}`, { signal });
export const review = (asked, signal) => call(`/v1/review?${params(asked)}`, { signal });
export const choices = (asked, signal) => call(`/v1/review/choices?${params(asked)}`, { signal });
export const log = (asked, signal) => call(`/v1/review/log?${params(asked)}`, { signal });
export const decide = (decisions) => call('/v1/review/decisions', { method: 'POST', body: { decisions } });
/** A picture that the studio made, how sure it is of it, and what a person should look at. */
async function made(path, body, signal) {
  const response = await respond(path, { method: 'POST', body, signal, once: true });
  const confidence = response.headers.get('x-confidence');
  const flags = (response.headers.get('x-flags') ?? '').split(', ').filter(Boolean);
  return { blob: await response.blob(), confidence: confidence === null ? null : Number(confidence), flags };
}

export const studio = (signal) => call('/v1/studio', { signal });
export const cutout = (asked, signal) => made('/api/remove', asked, signal);
export const backdrop = (asked, signal) => made('/v1/backdrop', asked, signal);
export const check = (asked, signal) => call('/v1/check', { method: 'POST', body: asked, signal, once: true });
export const undo = (batch) => call('/v1/review/undo', { method: 'POST', body: { batch } });
