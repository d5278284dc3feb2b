// The page in a real browser: what a person does with it, and that everybody can.
//
//   node check.mjs --base URL --modules DIR [--words 'red shoe'] [--shots DIR] [--browser chromium]
//
// DIR holds node_modules with what package.json names. The server may be the mock or showroom itself; it
// needs some photos and something to review. Prints a line for each check and fails where one does.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';

const args = Object.fromEntries(process.argv.slice(2).map((arg, at, all) => (arg.startsWith('--') ? [arg.slice(2), all[at + 1]] : [])).filter((pair) => pair.length));
const need = createRequire(join(args.modules, 'here.js'));
const { chromium } = need('playwright-core');
const axe = readFileSync(need.resolve('axe-core/axe.min.js'), 'utf8');
const { base, words = 'red shoe' } = args;
const executablePath = args.browser ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
const browser = await chromium.launch({ executablePath, args: process.getuid() === 0 ? ['--no-sandbox'] : [] });
if (args.shots) mkdirSync(args.shots, { recursive: true });

const WAIT = 60000;
const only = args.only?.split(',');
let checks = 0;

/** A check in a browser of its own: nothing may be written to its console as an error. */
async function check(name, options, run) {
  if (only && !only.some((part) => name.includes(part))) return;
  const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, ...options });
  context.setDefaultTimeout(WAIT);
  const page = await context.newPage();
  const errors = [];
  page.expected = [];
  page.on('console', (message) => {
    const text = message.text();
    if (message.type() === 'error' && !page.expected.some((part) => text.includes(part))) errors.push(text);
  });
  page.on('pageerror', (error) => errors.push(`${error.name}: ${error.message}`));
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
  page.go = async (path) => {
    await page.goto(base + path);
    await page.waitForSelector('main > *');
  };
  page.shot = (shot) => args.shots && page.screenshot({ path: join(args.shots, `${shot}.png`) });
  try {
    await run(page);
    assert.deepEqual(errors, [], 'the console has errors');
    console.log(`ok   ${name}`);
    checks += 1;
  } catch (error) {
    await page.shot(`failed-${name.replaceAll(/\W+/g, '-')}`);
    console.log(`FAIL ${name}\n${error.stack}\nconsole: ${errors.join('\n')}`);
    process.exitCode = 1;
  } finally {
    await context.close();
  }
}

const cards = (page) => page.locator('.found-side .cell:not(.skeleton) a.card');
const loaded = (page) => cards(page).first().waitFor();
const query = (page) => new URL(page.url()).searchParams;
const api = (page, path, body) => page.evaluate(async ([address, sent]) => {
  const answer = await fetch(address, sent ? { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(sent) } : {});
  return answer.json();
}, [path, body]);
const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.className || document.activeElement.tagName);
const items = (page) => page.locator('.queue .cell');
const current = (page) => page.locator('.queue .cell.current').getAttribute('data-key');
const waiting = (page) => page.locator('.review .found').textContent().then((text) => Number(text.replace(/\D/g, '')));
const toasted = (page, text) => page.locator('.toast', { hasText: text }).last().waitFor();
const reviewing = async (page, path = '/?view=review') => { await page.go(path); await page.locator('.queue .cell.current').waitFor(); };

/** A PNG of 32 × 32 pixels in one colour. */
const PNG = (() => {
  const chunk = (name, data) => {
    const body = Buffer.concat([Buffer.from(name), data]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length, 0);
    frame.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  const head = Buffer.from([0, 0, 0, 32, 0, 0, 0, 32, 8, 2, 0, 0, 0]);
  const rows = Buffer.concat(Array.from({ length: 32 }, () => Buffer.from([0, ...Array.from({ length: 32 }, () => [190, 40, 50]).flat()])));
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]);
})();

/** A photo that somebody drags in, or pastes. */
const transfer = (page) => page.evaluateHandle((bytes) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], 'photo.png', { type: 'image/png' }));
  return data;
}, [...PNG]);

await check('words are searched, and the address is what is shown', {}, async (page) => {
  await page.go('/');
  await loaded(page);
  await page.shot('search');
  const first = await cards(page).first().getAttribute('href');
  await page.getByRole('searchbox').fill(words);
  await page.keyboard.press('Enter');
  await page.waitForURL(/q=/);
  await page.locator('.found', { hasText: /match/i }).waitFor();
  await loaded(page);
  assert.equal(query(page).get('q'), words);
  assert.ok(await page.locator('.score').count() > 0, 'hits have scores');
  await page.reload();
  await loaded(page);
  assert.equal(await page.getByRole('searchbox').inputValue(), words, 'the address alone says it all');
  await page.goBack();
  await loaded(page);
  assert.equal(await cards(page).first().getAttribute('href'), first);
  assert.equal(await page.getByRole('searchbox').inputValue(), '');
});

await check('filters narrow, stand in the address and are taken back', {}, async (page) => {
  await page.go('/');
  await loaded(page);
  const box = page.locator('.facets details', { hasText: 'Colour' }).locator('input').first();
  await box.check();
  await page.waitForURL(/colour=/);
  const colour = query(page).get('colour');
  await page.locator('.chip', { hasText: colour }).waitFor();
  await loaded(page);
  const category = page.locator('.facets details', { hasText: 'Category' }).locator('input').first();
  await category.check();
  await page.waitForURL(/category=/);
  await loaded(page);
  await page.locator('.chip', { hasText: colour }).getByRole('button').click();
  await page.waitForURL((url) => !url.searchParams.has('colour'));
  assert.ok(query(page).get('category'));
  await page.goBack();
  await page.waitForURL(/colour=/);
  await page.locator('.chip', { hasText: colour }).waitFor();
});

await check('more like this, from a photo and with words', {}, async (page) => {
  await page.go(`/?q=${encodeURIComponent(words)}`);
  await loaded(page);
  const cell = page.locator('.found-side .cell:not(.skeleton)').first();
  await cell.hover();
  const asked = page.waitForRequest((request) => request.url().endsWith('/search') && request.postDataJSON().like);
  await cell.locator('a.like').click();
  await page.waitForURL(/like=/);
  assert.equal((await asked).postDataJSON().like, query(page).get('like'));
  await loaded(page);
  await page.locator('.chip', { hasText: 'More like' }).waitFor();
});

await check('a photo is dropped, or pasted, and searched with', {}, async (page) => {
  await page.go('/');
  await loaded(page);
  for (const [type, name] of [['drop', 'dataTransfer'], ['paste', 'clipboardData']]) {
    const data = await transfer(page);
    const asked = page.waitForRequest((request) => request.url().endsWith('/search') && request.postDataJSON().image);
    await page.evaluate(([kind, field, held]) => {
      const event = kind === 'drop' ? new DragEvent(kind, { bubbles: true, cancelable: true, [field]: held }) : new ClipboardEvent(kind, { bubbles: true, cancelable: true, [field]: held });
      document.body.dispatchEvent(event);
    }, [type, name, data]);
    assert.match((await asked).postDataJSON().image, /^data:image\/png;base64,/);
    await page.locator('.chip', { hasText: 'Your photo' }).waitFor();
    await loaded(page);
    await page.locator('.chip', { hasText: 'Your photo' }).getByRole('button').click();
    await page.waitForURL((url) => !url.searchParams.has('photo'));
  }
  await page.setInputFiles('#file', { name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('x') });
  await toasted(page, 'no picture');
});

await check('a product shows its photos, tags, facts and the way back', {}, async (page) => {
  await page.go('/');
  await loaded(page);
  await page.evaluate(() => {
    scrollTo(0, 700);
    addEventListener('click', () => { window.clickedAt = scrollY; }, { capture: true, once: true });
  });
  await page.locator('.found-side .cell[data-index="12"]:not(.skeleton) a.card').click();
  await page.locator('.about h1').waitFor();
  await page.shot('product');
  const text = await page.locator('.about').innerText();
  for (const part of ['Category', 'Colours', 'Labels', 'Sharpness', 'pixels']) assert.ok(text.includes(part), part);
  assert.ok(await page.locator('.stage').getByRole('img', { name: /./ }).count() > 0, 'the photo is described');
  await page.getByRole('button', { name: '← Back' }).click();
  await loaded(page);
  await page.waitForFunction(() => Math.abs(scrollY - window.clickedAt) < 5, null, { timeout: 10000 });
});

/** Opens the first product, whose part of the studio is there. */
const atStudio = async (page) => {
  await page.go('/');
  const [one] = (await api(page, '/v1/products?limit=1')).items;
  await page.go(`/?view=product&key=${encodeURIComponent(one.sku ?? one.id)}`);
  const studio = page.getByRole('region', { name: 'Studio' });
  await studio.getByRole('radio').nth(14).waitFor();
  return studio;
};
const making = async (studio) => {
  await studio.getByRole('button', { name: 'Make the picture' }).click();
  await studio.locator('.made img').waitFor();
};

await check('a product is cut out, put on something else and taken home', {}, async (page) => {
  const studio = await atStudio(page);
  assert.equal(await studio.locator('.made img').count(), 0, 'nothing is made unasked');
  await studio.getByRole('button', { name: 'Make the picture' }).focus();
  await page.keyboard.press('Enter');
  await studio.locator('.made img').waitFor();
  assert.match(await studio.locator('.made img').getAttribute('alt'), /cut out$/);
  assert.match(await studio.locator('figcaption').innerText(), /\d × \d+ pixels · PNG, .* · confidence \d+ %/);
  assert.deepEqual(await studio.getByLabel('File').locator('option').allInnerTexts(), ['PNG', 'WebP', 'AVIF'], 'JPEG has no transparency');
  await page.shot('studio-cutout');
  const coming = page.waitForEvent('download');
  await studio.getByRole('link', { name: 'Download' }).click();
  assert.match((await coming).suggestedFilename(), /-cutout\.png$/);
  // By keyboard alone from here on.
  await studio.getByRole('radio', { name: 'Transparent' }).focus();
  await page.keyboard.press('ArrowDown');
  assert.ok(await studio.getByRole('radio', { name: 'White', exact: true }).isChecked());
  const asked = page.waitForRequest((request) => request.url().endsWith('/v1/backdrop'));
  await studio.getByLabel('Shape').selectOption('4:5');
  await studio.getByLabel('Product fills').selectOption('0.9');
  await making(studio);
  const body = (await asked).postDataJSON();
  assert.deepEqual([body.on, body.aspect, body.fill, body.format], ['white', '4:5', 0.9, 'png']);
  await page.shot('studio-white');
  await studio.getByRole('radio', { name: 'oak table' }).check();
  await studio.getByLabel('File').selectOption('jpeg');
  await making(studio);
  assert.match(await studio.locator('.made img').getAttribute('alt'), /on oak table$/);
  await studio.locator('.made').scrollIntoViewIfNeeded();
  await page.shot('studio-scene');
});

await check('waits, ends and errors of the studio are said', {}, async (page) => {
  const studio = await atStudio(page);
  const held = [];
  await page.route('**/api/remove', (route) => { held.push(route); });
  await studio.getByRole('button', { name: 'Make the picture' }).click();
  await studio.getByText('Being made…').waitFor();
  await page.shot('studio-waiting');
  await studio.getByRole('button', { name: 'Stop' }).click();
  await studio.getByText('Stopped.').waitFor();
  await page.unroute('**/api/remove');
  page.expected.push('422', 'ERR_FAILED');
  await page.route('**/api/remove', (route) => route.fulfill({ status: 422, json: { message: 'The JPEG ends early.', code: 'bad_photo' } }));
  await studio.getByRole('button', { name: 'Make the picture' }).click();
  await studio.getByRole('alert').filter({ hasText: 'The JPEG ends early.' }).waitFor();
  await page.unroute('**/api/remove');
  await making(studio);
  assert.equal(await studio.getByRole('alert').count(), 0);
  // A server without a studio shows none.
  page.expected.push('404');
  await page.route('**/v1/studio', (route) => route.fulfill({ status: 404, json: { message: 'off', code: 'studio_is_off' } }));
  await page.reload();
  await page.locator('.about h1').waitFor();
  await page.waitForTimeout(300);
  assert.equal(await studio.count(), 0);
});

await check('a photo is checked against the rules of a marketplace', {}, async (page) => {
  const studio = await atStudio(page);
  await studio.getByLabel('Rules of').selectOption('amazon');
  await studio.getByRole('button', { name: 'Check the photo' }).click();
  const table = studio.getByRole('table', { name: /Amazon/ });
  await table.waitFor();
  assert.deepEqual(await table.getByRole('columnheader').allInnerTexts(), ['Rule', 'Measured', 'Limit', 'Verdict']);
  const rows = await table.locator('tbody tr').evaluateAll((all) => all.map((row) => [...row.cells].map((cell) => cell.innerText.trim())));
  assert.ok(rows.length >= 4);
  assert.ok(rows.every((cells) => cells.every((cell) => cell !== '')), JSON.stringify(rows));
  assert.ok(rows.some((cells) => cells[3].includes('not kept')), 'small or not on white: something is not kept');
  assert.ok(rows.some((cells) => cells[2] === '≥ 0.9995') && rows.some((cells) => cells[2].includes('10,000')), 'limits are read as numbers');
  await studio.getByText(/\d+ rules: /).waitFor();
  await table.scrollIntoViewIfNeeded();
  await page.shot('studio-rules');
});

await check('nothing found, no good match and errors are said plainly', {}, async (page) => {
  const answer = (hits, match) => ({ json: { hits, match, facets: { photos: 0, category: [], colour: [], label: [], format: [], attributes: {} }, limit: 60, offset: 0, processingTimeMs: 1 } });
  await page.go('/');
  await loaded(page);
  const found = await api(page, '/v1/products?limit=3');
  const hits = found.items.map((item) => ({ ...item, score: 0.1, match: 'no_good_match', why: [] }));
  await page.route('**/search', (route) => route.fulfill(answer(hits, 'no_good_match')));
  await page.go('/?q=zeppelin');
  await page.locator('.notice', { hasText: 'No good match' }).waitFor();
  await page.locator('.found', { hasText: 'No good match' }).waitFor();
  await page.shot('no-good-match');
  await page.unroute('**/search');
  await page.route('**/search', (route) => route.fulfill(answer([], 'no_good_match')));
  await page.go('/?q=zeppelin&colour=red');
  await page.locator('.empty', { hasText: 'Nothing here' }).waitFor();
  await page.unroute('**/search');
  page.expected.push('500');
  await page.route('**/search', (route) => route.fulfill({ status: 500, json: { message: 'The disk is full.', code: 'disk_full' } }));
  await page.go(`/?q=${encodeURIComponent(words)}`);
  await page.getByRole('alert').filter({ hasText: 'The disk is full.' }).waitFor();
  await page.unroute('**/search');
  await page.getByRole('button', { name: 'Try again' }).click();
  await loaded(page);
});

await check('a hundred thousand products scroll, and few are in the document', {}, async (page) => {
  await page.go('/');
  await loaded(page);
  const [model] = (await api(page, '/v1/products?limit=1')).items;
  const MANY = 100000;
  await page.route('**/v1/products?*', (route) => {
    const asked = new URL(route.request().url()).searchParams;
    const [offset, limit] = [Number(asked.get('offset')), Number(asked.get('limit'))];
    const made = Array.from({ length: Math.min(limit, MANY - offset) }, (_, n) => ({ ...model, title: `Product ${offset + n}`, photos: 1 }));
    return route.fulfill({ json: { items: made, total: MANY, offset, next: null } });
  });
  await page.go('/');
  await page.locator('.found', { hasText: '100,000 products' }).waitFor();
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  const most = { cells: 0, nodes: 0 };
  for (const share of [0.01, 0.25, 0.5, 0.9, 1]) {
    await page.evaluate((top) => scrollTo(0, top), height * share);
    await page.waitForFunction(() => [...document.querySelectorAll('.cell')].some((cell) => {
      const { top, bottom } = cell.getBoundingClientRect();
      return top < innerHeight && bottom > 0 && cell.querySelector('.name')?.textContent.startsWith('Product');
    }));
    const now = await page.evaluate(() => ({ cells: document.querySelectorAll('.cell').length, nodes: document.querySelectorAll('*').length }));
    most.cells = Math.max(most.cells, now.cells);
    most.nodes = Math.max(most.nodes, now.nodes);
  }
  await page.getByText('Product 99999', { exact: true }).waitFor();
  assert.ok(most.cells <= 80, `${most.cells} cells`);
  assert.ok(most.nodes <= 1800, `${most.nodes} elements`);
  console.log(`     at most ${most.cells} cells and ${most.nodes} elements`);
});

await check('one item after the other is reviewed by keyboard, and undone', {}, async (page) => {
  await reviewing(page);
  await page.shot('review');
  const total = await waiting(page);
  const first = await current(page);
  await page.keyboard.press('j');
  const second = await current(page);
  await page.keyboard.press('k');
  assert.equal(await current(page), first);
  assert.notEqual(second, first);
  const lines = (await api(page, '/v1/review/log')).total;
  // What has no category can be neither right nor wrong: go to something that can be.
  while (await page.getByRole('button', { name: 'Accept' }).isDisabled()) await page.keyboard.press('j');
  const asked = await current(page);
  await page.keyboard.press('a');
  await toasted(page, 'accepted');
  assert.equal(await waiting(page), total - 1);
  assert.notEqual(await current(page), asked);
  const log = await api(page, '/v1/review/log');
  assert.equal(log.total, lines + 1);
  assert.equal(log.lines[0].verdict, 'accept');
  await page.keyboard.press('u');
  await toasted(page, 'Undone.');
  assert.equal(await waiting(page), total);
  assert.equal(await current(page), asked, 'it is the current one again');
  const after = await api(page, '/v1/review/log');
  assert.equal(after.total, lines + 2, 'the log only grows');
  assert.equal(after.lines[1].undone, true);
  await page.keyboard.press('?');
  await page.getByRole('dialog').getByText('accept: it is right').waitFor();
  await page.keyboard.press('Escape');
});

await check('many are decided at once, and undone at once', {}, async (page) => {
  await reviewing(page);
  const labels = (await api(page, '/v1/review?limit=1')).labels.filter(({ id, items: count }) => id !== '@category' && count >= 4);
  await reviewing(page, `/?view=review&label=${encodeURIComponent(labels[0].id)}`);
  const total = await waiting(page);
  const first = await current(page);
  await page.keyboard.press('x');
  await page.keyboard.press('Shift+J');
  await page.keyboard.press('Shift+J');
  assert.equal(await page.locator('.queue .cell[aria-selected="true"]').count(), 3);
  await page.shot('review-many');
  await page.keyboard.press('r');
  await toasted(page, '3 items rejected');
  assert.equal(await waiting(page), total - 3);
  const batches = new Set((await api(page, '/v1/review/log')).lines.slice(0, 3).map((line) => line.batch));
  assert.equal(batches.size, 1, 'they are one batch');
  await page.keyboard.press('u');
  await toasted(page, 'Undone.');
  assert.equal(await waiting(page), total);
  assert.equal(await current(page), first);
  await items(page).nth(1).click();
  await items(page).nth(3).click({ modifiers: ['Shift'] });
  assert.equal(await page.locator('.queue .cell[aria-selected="true"]').count(), 3);
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('.queue .cell[aria-selected="true"]').count(), 0);
});

await check('a category is corrected by typing, and stands in the log', {}, async (page) => {
  await reviewing(page, '/?view=review&label=@category');
  const total = await waiting(page);
  await page.keyboard.press('c');
  const field = page.getByRole('combobox', { name: 'Category' });
  await field.waitFor();
  await page.locator('#offered li').nth(1).waitFor();
  await field.press('ArrowDown');
  const name = await page.locator('#offered [aria-selected="true"] .value').textContent();
  await field.fill(name);
  await page.locator('#offered [aria-selected="true"] .value', { hasText: name }).waitFor();
  await page.waitForTimeout(300);
  await page.shot('correct');
  await field.press('Enter');
  await toasted(page, `now ${name}`);
  assert.equal(await waiting(page), total - 1);
  await page.getByRole('link', { name: 'Log' }).click();
  const line = page.locator('.log li', { hasText: name }).first();
  await line.waitFor();
  assert.match(await line.getByRole('link').first().getAttribute('href'), /view=product/);
  await page.shot('log');
  await line.getByRole('button', { name: /Undo/ }).click();
  await toasted(page, '1 decision undone');
  await page.locator('.log .undone').first().waitFor();
});

await check('who decides what somebody decided meanwhile is told', {}, async (page) => {
  await reviewing(page);
  while (await page.getByRole('button', { name: 'Accept' }).isDisabled()) await page.keyboard.press('j');
  const at = Number(await page.locator('.queue .cell.current').getAttribute('data-index'));
  const item = (await api(page, '/v1/review?limit=100')).items[at];
  const value = item.label === '@category' ? item.category.id : null;
  const other = await api(page, '/v1/review/decisions', { decisions: [{ id: item.id, label: item.label, action: 'reject', value, seen: item.seen }] });
  assert.equal(other.decided, 1);
  await page.keyboard.press('a');
  await toasted(page, 'left as it was: somebody decided this meanwhile');
  const log = await api(page, '/v1/review/log');
  assert.equal(log.lines[0].verdict, 'reject', 'nothing was overwritten');
  await api(page, '/v1/review/undo', { batch: other.batch });
});

await check('everything can be reached by keyboard alone', {}, async (page) => {
  await page.go('/');
  await loaded(page);
  await page.keyboard.press('Tab');
  assert.equal(await focused(page), 'skip');
  await page.keyboard.press('/');
  assert.equal(await focused(page), 'words');
  await page.keyboard.type(words);
  await page.keyboard.press('Enter');
  await page.waitForURL(/q=/);
  await page.locator('.found', { hasText: /match/i }).waitFor();
  await loaded(page);
  for (let steps = 0; await focused(page) !== 'card'; steps++) {
    assert.ok(steps < 120, 'the tab key comes to the results');
    await page.keyboard.press('Tab');
    const ring = await page.evaluate(() => {
      const style = getComputedStyle(document.activeElement);
      return style.outlineStyle !== 'none' || style.boxShadow !== 'none';
    });
    assert.ok(ring, `the focus on ${await focused(page)} can be seen`);
  }
  const at = () => page.evaluate(() => Number(document.activeElement.closest('.cell').dataset.index));
  assert.equal(await at(), 0);
  await page.keyboard.press('ArrowRight');
  assert.equal(await at(), 1);
  await page.keyboard.press('Enter');
  await page.locator('.about h1').waitFor();
  assert.equal(await focused(page), 'main');
});

await check('a server with keys asks for one, once', {}, async (page) => {
  page.expected.push('401');
  let asked = 0;
  await page.route(/\/(v1|indexes)/, (route) => {
    if (route.request().headers().authorization === 'Bearer good') return route.continue();
    asked += 1;
    return route.fulfill({ status: 401, json: { message: 'A key is needed.', code: 'no_key' } });
  });
  await page.go('/');
  const dialog = page.getByRole('dialog', { name: 'This catalogue takes a key' });
  await dialog.getByLabel('Key').fill('bad');
  await page.keyboard.press('Enter');
  await page.getByText('That key is not known here.').waitFor();
  await dialog.getByLabel('Key').fill('good');
  await page.keyboard.press('Enter');
  await loaded(page);
  await page.reload();
  const before = asked;
  await loaded(page);
  assert.equal(asked, before, 'it is kept in the tab');
  assert.equal(await page.evaluate(() => localStorage.length + document.cookie.length), 0, 'and nowhere else');
});

const phone = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };
const views = async (page) => {
  const [one] = (await api(page, '/v1/products?limit=1')).items;
  return { browse: '/', search: `/?q=${encodeURIComponent(words)}`, product: `/?view=product&key=${encodeURIComponent(one.sku ?? one.id)}`, review: '/?view=review', log: '/?view=log' };
};
const settled = { browse: '.cell:not(.skeleton) a.card', search: '.cell:not(.skeleton) a.card', product: '.about h1', review: '.queue .cell.current', log: '.log li, .empty' };

await check('nothing is wider than a phone', phone, async (page) => {
  await page.go('/');
  for (const [name, path] of Object.entries(await views(page))) {
    await page.go(path);
    await page.locator(settled[name]).first().waitFor();
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(wide, 0, `${name} scrolls sideways`);
    await page.waitForTimeout(300);
    await page.shot(`phone-${name}`);
  }
  const studio = await atStudio(page);
  await making(studio);
  await studio.getByRole('button', { name: 'Check the photo' }).click();
  await studio.getByRole('table').waitFor();
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(wide, 0, 'the studio scrolls sideways');
  await studio.locator('.made').scrollIntoViewIfNeeded();
  await page.shot('phone-studio');
  await studio.getByRole('table').scrollIntoViewIfNeeded();
  await page.shot('phone-rules');
  await page.go('/');
  await loaded(page);
  await page.getByRole('button', { name: /^Filters/ }).tap();
  await page.locator('dialog.filters:modal').waitFor();
  await page.waitForTimeout(300);
  await page.shot('phone-filters');
  await page.locator('.facets details', { hasText: 'Colour' }).locator('label.choice').first().tap();
  await page.waitForURL(/colour=/);
  await page.getByRole('button', { name: 'Done' }).tap();
  await loaded(page);
});

for (const [name, options] of Object.entries({ light: {}, dark: { colorScheme: 'dark' }, phone })) {
  await check(`names, roles and contrast hold for everybody: ${name}`, { ...options, reducedMotion: 'reduce', bypassCSP: true }, async (page) => {
    await page.go('/');
    const problems = [];
    const look = async (where) => {
      if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe);
      const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
      problems.push(...found.violations.map(({ id, nodes }) => `${where}: ${id}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(' | ')}`));
      const nameless = await page.evaluate(() => [...document.querySelectorAll('button, a, input, select')].filter((node) => node.checkVisibility() && !(node.getAttribute('aria-label') || node.labels?.length || node.textContent.trim() || node.querySelector('img[alt]'))).map((node) => node.outerHTML.slice(0, 160)));
      problems.push(...nameless.map((html) => `${where}: without a name: ${html}`));
    };
    for (const [view, path] of Object.entries(await views(page))) {
      await page.go(path);
      await page.locator(settled[view]).first().waitFor();
      await page.waitForTimeout(300);
      if (name === 'dark') await page.shot(`dark-${view}`);
      await look(view);
    }
    const studio = await atStudio(page);
    await making(studio);
    await studio.getByRole('button', { name: 'Check the photo' }).click();
    await studio.getByRole('table').waitFor();
    await page.waitForTimeout(300);
    if (name === 'dark') {
      await studio.scrollIntoViewIfNeeded();
      await page.shot('dark-studio');
    }
    await look('studio');
    await reviewing(page);
    await page.keyboard.press('c');
    await page.locator('#offered li').first().waitFor();
    await look('correcting');
    assert.deepEqual(problems, []);
  });
}

await browser.close();
console.log(`${checks} checks passed`);
