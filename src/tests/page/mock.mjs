// A server that answers as showroom does, with made-up products: as many as a big shop has.
//
//   node mock.mjs --page DIR [--port 0] [--products 100000]
//
// Prints its address in the first line. What is decided is kept in memory.

import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const args = Object.fromEntries(process.argv.slice(2).map((arg, at, all) => (arg.startsWith('--') ? [arg.slice(2), all[at + 1]] : [])).filter((pair) => pair.length));
const COUNT = Number(args.products ?? 100000);

const KINDS = [
  ['aa-8-8', ['Apparel & Accessories', 'Shoes', 'Sneakers'], 'running shoe', 'sneaker'],
  ['aa-8-3', ['Apparel & Accessories', 'Shoes', 'Boots'], 'cowboy boot', 'boot'],
  ['aa-5-4', ['Apparel & Accessories', 'Handbags', 'Totes'], 'tote bag', 'tote'],
  ['hg-11', ['Home & Garden', 'Kitchen', 'Mugs'], 'coffee mug', 'mug'],
  ['fr-21', ['Furniture', 'Sofas'], 'studio couch', 'sofa'],
  ['fr-7', ['Furniture', 'Chairs'], 'rocking chair', 'chair'],
];
const COLOURS = [['red', '#c4302b'], ['navy', '#1f2d55'], ['black', '#1d1d1f'], ['white', '#f1efe9'], ['green', '#3f7a4d'], ['yellow', '#e3b93c'], ['brown', '#7a5134']];
const BRANDS = ['Acme', 'Nordvik', 'Ottilie', 'Hearth & Co'];
const BATCHES = [];
const LOG = [];
const decided = new Map();

const hex = (number) => number.toString(16).padStart(8, '0').repeat(8);
const numberOf = (id) => parseInt(id.slice(0, 8), 16);
const share = (number, by) => ((number * 2654435761) % 1000) / 1000 / by;

function photo(number, view = 0) {
  const [id, path, label, word] = KINDS[number % KINDS.length];
  const [name, colour] = COLOURS[(number * 3 + 1) % COLOURS.length];
  const [second, secondHex] = COLOURS[(number * 5 + 1) % COLOURS.length];
  const sku = `SKU-${String(number).padStart(6, '0')}`;
  const photoId = hex(number + view * 0x1000000);
  const said = decided.get(`${photoId} @category`);
  const unsure = number % 5 === 2;
  let category = number % 11 === 4 ? null : { id, name: path.at(-1), path, score: unsure ? 0.45 + share(number, 5) : 0.8 + share(number, 6) };
  if (said) category = said.category && { ...said.category, score: 1 };
  const kept = decided.get(`${photoId} imagenet-${number % KINDS.length}`);
  return {
    id: photoId, uri: `/photos/${word}/${sku}${view ? `__${view + 1}` : ''}.jpg`, sku,
    title: number % 3 ? `${name[0].toUpperCase()}${name.slice(1)} ${word}, ${BRANDS[number % 4]}` : null,
    category, category_by_person: Boolean(said),
    colours: [{ name, hex: colour, share: 0.7 }, { name: second, hex: secondHex, share: 0.2 }],
    labels: [{ id: `imagenet-${number % KINDS.length}`, name: label, score: kept ? Number(kept.verdict === 'accept') : 0.2 + share(number, 2), calibrated: Boolean(kept), decision: kept ? kept.verdict : number % 2 ? 'review' : 'accept', source: 'classes', by_person: Boolean(kept) }],
    image: { src: `/images/${photoId}?w=640`, srcset: [160, 320, 640].map((w) => `/images/${photoId}?w=${w} ${w}w`).join(', '), placeholder: null, colour },
  };
}

function picture(number) {
  const [, colour] = COLOURS[(number * 3 + 1) % COLOURS.length];
  const shapes = [
    '<path d="M18 72c14-2 18-14 26-22l12 8c12 8 26 6 30 14v10H18z"/>', '<path d="M38 18h22v44c14 4 26 6 26 20H38z"/>',
    '<path d="M26 40h48l6 44H20zM38 40c0-24 24-24 24 0" fill-rule="evenodd"/>', '<path d="M26 28h38v52H26zM64 38h8c14 0 14 28 0 28h-8z"/>',
    '<path d="M12 52h76v26H12zM20 34h60v18H20z"/>', '<path d="M34 16h32v40H34zM30 56h40v8H30zM32 64h6v22h-6zM62 64h6v22h-6z"/>',
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100"><rect width="100" height="100" fill="#fbfaf8"/><g fill="${colour}">${shapes[number % 6]}</g></svg>`;
}

/** Understands what the page's own filters say. */
function passes(where, one) {
  return where.split(' and ').filter(Boolean).every((condition) => {
    const [, field, rest] = condition.match(/^\(?([\w.]+)\s*(?:=|in)\s*(.*?)\)?$/) ?? [];
    const values = [...(rest ?? '').matchAll(/'((?:[^']|'')*)'/g)].map((match) => match[1]);
    if (field === 'category') return values.some((value) => one.category?.id.startsWith(value) || one.category?.path.includes(value));
    if (field === 'colour') return one.colours.some(({ name }) => values.includes(name));
    if (field === 'label') return one.labels.some(({ name }) => values.includes(name));
    if (field === 'brand') return values.includes(BRANDS[numberOf(one.id) % 4]);
    return true;
  });
}

const numbers = Array.from({ length: COUNT }, (_, number) => number);
const filtered = new Map();
function listed(where) {
  if (!where) return numbers;
  if (!filtered.has(where)) filtered.set(where, numbers.slice(0, 20000).filter((number) => passes(where, photo(number))));
  return filtered.get(where);
}

function facetsOf(where) {
  const some = listed(where).slice(0, 3000).map((number) => photo(number));
  const tally = (values) => [...values.reduce((counts, value) => counts.set(value, (counts.get(value) ?? 0) + 1), new Map())].sort((a, b) => b[1] - a[1]);
  const counts = (values) => tally(values).map(([value, photos]) => ({ value, photos }));
  const names = new Map(KINDS.map(([id, path]) => [id, path.at(-1)]));
  return {
    over: 'filter', photos: some.length,
    category: tally(some.flatMap((one) => one.category?.id ?? [])).map(([id, photos]) => ({ id, value: names.get(id) ?? id, photos })),
    colour: counts(some.flatMap((one) => one.colours.map(({ name }) => name))), label: counts(some.map((one) => one.labels[0].name)),
    format: [{ value: 'jpeg', photos: some.length }], attributes: { brand: counts(some.map((one) => BRANDS[numberOf(one.id) % 4])) },
  };
}

function search(body) {
  const { q, like, image, where, limit = 10, offset = 0 } = body;
  const words = (typeof q === 'string' ? q : '').toLowerCase().split(/\s+/).filter(Boolean).map((word) => word.replace(/s$/, ''));
  const liked = like ? [like].flat().map((key) => (key.startsWith('SKU-') ? Number(key.slice(4)) : numberOf(key) & 0xffffff)) : [];
  let best = 'similar';
  const pool = listed(where).slice(0, 4000);
  let hits = pool.filter((number) => {
    const one = photo(number);
    const text = JSON.stringify([one.title, one.category, one.colours, one.labels]).toLowerCase();
    return words.every((word) => text.includes(word)) && (!liked.length || (liked.some((other) => other % 6 === number % 6) && !liked.includes(number)));
  });
  if (words.length && !hits.length) {
    best = 'no_good_match';
    hits = pool.slice(0, 24);
  }
  const found = hits.slice(offset, Math.min(1000, offset + limit)).map((number, at) => {
    const one = photo(number);
    const score = 0.9 - (offset + at) * 0.0007;
    const match = best === 'no_good_match' ? best : image && at === 0 ? 'same_product' : score > 0.88 ? 'similar' : 'related';
    return { ...one, _id: one.id, _score: score, score, match, why: words.length ? [{ part: 'text', score, asked: q, weight: 1, matched: words.map((word) => ({ kind: 'class', word, share: 0.4 })) }] : [{ part: 'shape', score, weight: 1 }] };
  });
  return { hits: found, match: found.some(({ match }) => match === 'same_product') ? 'same_product' : best, ...(body.facets ? { facets: facetsOf(where) } : {}), limit, offset, processingTimeMs: 12.3 };
}

/** What waits: every label that is to be reviewed, every category that is unsure or missing. */
function waiting() {
  const items = [];
  for (let number = 0; number < 600; number++) {
    const one = photo(number);
    const [label] = one.labels;
    const common = { id: one.id, uri: one.uri, sku: one.sku, title: one.title, category: one.category, colours: one.colours, seen: null, image: one.image };
    if (label.decision === 'review') items.push({ ...common, label: label.id, name: label.name, score: label.score, calibrated: false, source: 'classes' });
    if (!one.category_by_person && (one.category === null || one.category.score < 0.7)) {
      items.push({ ...common, label: '@category', name: one.category?.name ?? null, score: one.category?.score ?? null, calibrated: one.category !== null, source: null });
    }
  }
  return items.filter((item) => !decided.has(`${item.id} ${item.label}`)).sort((a, b) => (a.score ?? 0.5) - (b.score ?? 0.5) || a.uri.localeCompare(b.uri));
}

/** What the studio can do, and what it says of every photo. */
const SCENES = ['studio-white', 'studio-grey', 'dark-studio', 'blush-sweep', 'sage-sweep', 'concrete', 'oak-table', 'walnut-shelf', 'marble', 'sand-sun', 'terracotta-evening', 'sky-terrace'];
const STUDIO = {
  models: ['u2net', 'u2netp'],
  scenes: SCENES.map((name, n) => ({ name, title: `${name.replace('-', ' ')}, soft light`, wall: `hsl(${n * 30} 25% 80%)`, floor: `hsl(${n * 30} 30% 60%)` })),
  rules: ['Amazon', 'Google', 'Shopify', 'Zalando'].map((title) => ({ name: title.toLowerCase(), title: `${title}, main image`, source: `${title}, requirements of product images`, read: '2026-11' })),
};
const FINDINGS = [
  { measure: 'longest-side', level: 'required', verdict: 'pass', value: 1600, limit: '500 to 10000', says: 'the longest side has 500 to 10,000 pixels', remedy: null },
  { measure: 'white', level: 'required', verdict: 'fail', value: 0.876543, limit: '≥ 0.9995', says: 'the background is pure white', remedy: '--fix puts the cut-out on white' },
  { measure: 'letters', level: 'required', verdict: 'unknown', value: null, limit: '≤ 0', says: 'no text: the background is too busy to tell', remedy: null },
  { measure: 'bytes', level: 'recommended', verdict: 'warn', value: 12345678, limit: '≤ 10000000', says: 'the file is not larger than 10 MB', remedy: 'save it again at a lower quality' },
];

/** A picture of the studio: no background, or one in a colour. */
function studioPicture({ photo: id, on }) {
  const behind = on ? `<rect width="100" height="100" fill="${on.startsWith('#') ? on : on === 'white' ? '#fff' : '#b98'}"/>` : '';
  return picture(numberOf(id) & 0xffffff).replace(/<rect[^>]*>/, behind).replace('<svg ', '<svg width="800" height="800" ');
}

const nodeOf = (id) => KINDS.filter(([known]) => known === id).map(([, path]) => ({ id, name: path.at(-1), path }))[0];

function decide({ decisions }) {
  const batch = `batch-${BATCHES.length + 1}`;
  const keys = [];
  const results = decisions.map(({ id, label, action, value, seen }) => {
    const key = `${id} ${label}`;
    const last = decided.get(key);
    if ((last?.batch ?? null) !== (seen ?? null)) return { id, label, status: 409, message: 'somebody decided this meanwhile', meanwhile: { by: 'ann', verdict: last?.verdict } };
    const one = photo(numberOf(id) & 0xffffff);
    const category = label === '@category' ? (action === 'reject' ? null : nodeOf(value) ?? one.category) : undefined;
    decided.set(key, { batch, verdict: action === 'correct' && label !== '@category' ? 'reject' : action === 'reject' ? 'reject' : 'accept', category });
    keys.push(key);
    LOG.push({ number: LOG.length, kind: 'decision', at_ms: Date.now(), by: null, batch, id, uri: one.uri, sku: one.sku, label, is_category: label === '@category', name: one.labels[0].name, verdict: decided.get(key).verdict, category: category ?? one.category, category_before: one.category?.name });
    return { id, label, status: 200 };
  });
  if (keys.length) BATCHES.push({ batch, keys });
  return { batch: keys.length ? batch : null, decided: keys.length, conflicts: results.filter(({ status }) => status === 409).length, results };
}

function undo({ batch }) {
  const found = BATCHES.find((one) => one.batch === batch);
  if (!found) return null;
  const last = found.keys.filter((key) => decided.get(key)?.batch === batch);
  last.forEach((key) => decided.delete(key));
  LOG.forEach((line) => { if (line.batch === batch) line.undone = true; });
  LOG.push({ number: LOG.length, kind: 'undo', at_ms: Date.now(), by: null, batch });
  const told = (keys) => keys.map((key) => ({ id: key.split(' ')[0], label: key.split(' ')[1] }));
  return { batch, undone: told(last), kept: told(found.keys.filter((key) => !last.includes(key))) };
}

function answer(url, body) {
  const at = (name) => url.searchParams.get(name) ?? '';
  const path = decodeURIComponent(url.pathname);
  if (path === '/indexes') return { results: [{ indexName: 'mock' }] };
  if (path === '/indexes/mock/search') return search(body);
  if (path === '/v1/studio') return STUDIO;
  if (path === '/v1/check') return { rules: body.rules, verdict: 'fail', findings: FINDINGS, fixed: null, not_fixed: null };
  if (path === '/v1/facets') return facetsOf(at('where'));
  if (path === '/v1/products') {
    const all = listed(at('where'));
    const offset = Number(at('offset') || 0);
    const end = offset + Number(at('limit') || 60);
    const shown = at('sort') === '-uri' ? all.slice(Math.max(0, all.length - end), all.length - offset).reverse() : all.slice(offset, end);
    return { items: shown.map((number) => ({ ...photo(number), photos: 1 + (number % 3) })), total: all.length, offset, next: null };
  }
  if (path.startsWith('/v1/products/')) {
    const key = path.slice('/v1/products/'.length);
    const number = key.startsWith('SKU-') ? Number(key.slice(4)) : numberOf(key) & 0xffffff;
    if (!(number < COUNT)) return null;
    const facts = { width: 1600, height: 1200, bytes: 345678, format: 'jpeg', sharpness: 168.2, brightness: 0.7, clipped_dark: 0.01, clipped_bright: 0.1, border_white: 0.98, border_uniform: 0.97, transparent: 0, product_share: 0.41, phash: '00'.repeat(8) };
    const photos = Array.from({ length: 1 + (number % 3) }, (_, view) => ({ ...photo(number, view), facts }));
    const near = number % 4 === 1 ? [{ ...photo(number + 6), score: 0.99, bits: 3, kind: 'near' }] : [];
    return { key, sku: photos[0].sku, title: photos[0].title, attributes: { brand: BRANDS[number % 4], price: 49.9, size: ['40', '41'] }, photos, near_duplicates: near, alike: Array.from({ length: 8 }, (_, n) => ({ ...photo(number + 6 * (n + 2)), score: 0.9 - n / 50 })) };
  }
  if (path === '/v1/review') {
    const all = waiting();
    const counts = new Map();
    for (const { label, name } of all) counts.set(label, { id: label, name: label === '@category' ? 'category' : name, items: (counts.get(label)?.items ?? 0) + 1 });
    const wanted = at('label') ? all.filter(({ label }) => label === at('label')) : all;
    const from = Number(at('cursor') || 0);
    const to = from + Number(at('limit') || 50);
    return { items: wanted.slice(from, to), total: wanted.length, next: to < wanted.length ? String(to) : null, labels: [...counts.values()] };
  }
  if (path === '/v1/review/choices') {
    const nodes = KINDS.map(([id, names], number) => (at('label') === '@category' ? { id, name: names.at(-1), path: names } : { id: `imagenet-${number}`, name: KINDS[number][2], path: [KINDS[number][2]] }));
    return { choices: nodes.filter(({ path: names }) => names.join(' ').toLowerCase().includes(at('q').toLowerCase())) };
  }
  if (path === '/v1/review/decisions') return decide(body);
  if (path === '/v1/review/undo') return undo(body);
  if (path === '/v1/review/log') return { lines: LOG.toReversed().slice(0, 200), total: LOG.length, next: null, problems: [] };
  return null;
}

const POLICY = /const POLICY: &str = "([^;]*;[\s\S]*?)";/.exec(readFileSync(join(args.page, 'mod.rs'), 'utf8'))[1].replace(/\\\n\s*/g, '');
const TYPES = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', html: 'text/html' };

const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://mock');
  const send = (status, type, body) => response.writeHead(status, { 'content-type': `${type}; charset=utf-8`, 'content-security-policy': POLICY, 'cache-control': 'no-cache' }).end(body);
  try {
    if (url.pathname === '/') return send(200, TYPES.html, readFileSync(join(args.page, 'index.html')));
    const asset = /^\/assets\/([a-z]+\.(js|css|svg))$/.exec(url.pathname);
    if (asset) return send(200, TYPES[asset[2]], readFileSync(join(args.page, asset[1])));
    if (url.pathname.startsWith('/images/')) return send(200, TYPES.svg, picture(numberOf(url.pathname.slice(8)) & 0xffffff));
    let text = '';
    for await (const chunk of request) text += chunk;
    if (url.pathname === '/api/remove' || url.pathname === '/v1/backdrop') {
      response.setHeader('x-confidence', '0.931');
      response.setHeader('x-flags', 'cut_by_frame');
      return send(200, TYPES.svg, studioPicture(JSON.parse(text)));
    }
    const body = answer(url, text ? JSON.parse(text) : undefined);
    if (body === null) return send(404, 'application/json', JSON.stringify({ message: 'There is no such thing.', code: 'not_found', type: 'invalid_request', link: '/docs' }));
    return send(200, 'application/json', JSON.stringify(body));
  } catch (error) {
    return send(500, 'application/json', JSON.stringify({ message: String(error), code: 'internal', type: 'internal', link: '/docs' }));
  }
});
server.listen(Number(args.port ?? 0), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
// Ends with whoever started it.
process.stdin.resume().on('end', () => process.exit(0));
