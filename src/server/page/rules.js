// A photo against the rules of a marketplace.

import * as api from './api.js';
import { counted, el, tell } from './dom.js';

/** A verdict: its sign, its word, its colour. */
const VERDICTS = { pass: ['✓', 'kept', 'yes'], warn: ['!', 'better not', 'warn'], unknown: ['?', 'cannot be told', 'warn'], fail: ['✕', 'not kept', 'no'] };
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });

const verdictNode = (verdict) => {
  const [sign, word, colour] = VERDICTS[verdict] ?? ['?', verdict, ''];
  return el('span', { class: `verdict ${colour}` }, el('span', { 'aria-hidden': 'true' }, sign), ` ${word}`);
};
const number = (value, measure) => (measure === 'bytes' ? `${short.format(value / 1e6)} MB` : (Math.abs(value) < 100 ? short : whole).format(value));
const measured = ({ value, measure }) => (typeof value === 'number' ? number(value, measure) : value ?? '–');
/** `≤ 10000000` is read as `≤ 10,000,000`, or as `≤ 10 MB`. */
const limited = ({ limit, measure }) => limit.replaceAll(/(?<![.\d])\d{4,}/g, (digits) => number(Number(digits), measure));

function row(finding) {
  const note = finding.level === 'recommended' ? 'recommended' : null;
  return el('tr', {},
    el('th', { scope: 'row' }, finding.says, note && el('span', { class: 'badge' }, note), finding.remedy && el('span', { class: 'hint' }, finding.remedy.replace('--fix', 'showroom check --fix'))),
    el('td', {}, measured(finding)), el('td', {}, limited(finding)), el('td', {}, verdictNode(finding.verdict)));
}

function summary(report) {
  const of = (verdict) => report.findings.filter((finding) => finding.verdict === verdict).length;
  const parts = [['fail', 'not kept'], ['unknown', 'cannot be told'], ['warn', 'recommended otherwise']].filter(([verdict]) => of(verdict)).map(([verdict, says]) => `${of(verdict)} ${says}`);
  return `${counted(report.findings.length, 'rule')}: ${parts.join(', ') || 'all are kept'}.`;
}

/** The part with the rules; `show(photo)` says which photo it is about. */
export function rulesPart(sets) {
  let photo = null;
  let work = null;
  const part = {};
  const which = el('select', {}, sets.map(({ name, title }) => el('option', { value: name }, title)));
  const button = el('button', { type: 'button', onclick: run }, 'Check the photo');
  const found = el('div', { class: 'findings' });
  part.node = el('div', { class: 'rules' },
    el('h3', {}, 'Marketplace rules'),
    el('div', { class: 'row' }, el('label', { class: 'select' }, 'Rules of', which), button),
    found);

  async function run() {
    work?.abort();
    const mine = new AbortController();
    work = mine;
    const set = sets.find(({ name }) => name === which.value);
    found.replaceChildren(el('p', { class: 'hint waiting' }, el('span', { class: 'turning', 'aria-hidden': 'true' }), 'Being measured…'));
    tell('The photo is being measured');
    try {
      const report = await api.check({ photo: photo.id, rules: set.name }, mine.signal);
      draw(report, set);
    } catch (error) {
      if (error.name !== 'AbortError') found.replaceChildren(el('p', { role: 'alert', class: 'no' }, `That did not work: ${error.message}`));
    }
  }

  function draw(report, set) {
    const said = summary(report);
    found.replaceChildren(
      el('p', {}, verdictNode(report.verdict), ` · ${said}`),
      el('table', {}, el('caption', { class: 'unseen' }, `${set.title}: what was measured`),
        el('thead', {}, el('tr', {}, ['Rule', 'Measured', 'Limit', 'Verdict'].map((name) => el('th', { scope: 'col' }, name)))),
        el('tbody', {}, report.findings.map(row))),
      el('p', { class: 'hint' }, `From: ${set.source}; read ${set.read}.`));
    tell(`${set.title}: ${said}`);
  }

  part.show = (next) => {
    if (photo?.id === next.id) return;
    photo = next;
    work?.abort();
    found.replaceChildren();
  };
  part.close = () => work?.abort();
  return part;
}
