
"use strict";
// Filters, counts and order of the cards. Without it the page shows everything.
(() => {
  const $ = (id) => document.getElementById(id);
  const form = $("filters");
  if (!form) return;
  const cards = [...document.querySelectorAll(".card")].map((node, at) => ({
    node, at,
    home: node.parentElement,
    category: node.dataset.category ? node.dataset.category.split(" ") : ["-"],
    path: node.dataset.path || "",
    colour: node.dataset.colour.split("|"),
    flag: node.dataset.flag.split("|"),
    words: node.dataset.words,
    name: node.querySelector("summary").textContent,
    score: Number(node.dataset.score || 0),
  }));
  const inputs = (name) => [...form.querySelectorAll(`input[name=${name}]`)];
  const facets = ["category", "colour", "flag"].map((name) => ({
    name,
    inputs: inputs(name).map((input) => ({
      input, count: input.parentElement.querySelector(".n"), row: input.closest("label"),
    })),
  }));
  // A photo passes a facet if nothing is ticked there or it has one of what is: any colour, but
  // all of the flags, because "soft and dark" is what one looks for.
  const passes = (card, facet, ticked) =>
    !ticked.length || (facet.name === "flag"
      ? ticked.every((value) => card.flag.includes(value))
      : ticked.some((value) => card[facet.name].includes(value)));

  function filter() {
    const terms = $("find").value.toLowerCase().split(/\s+/).filter(Boolean);
    const ticked = facets.map((facet) =>
      facet.inputs.filter(({ input }) => input.checked && input.value).map(({ input }) => input.value));
    const counts = facets.map(() => new Map());
    let found = 0;
    for (const card of cards) {
      const text = terms.every((term) => card.words.includes(term));
      const pass = facets.map((facet, f) => text && passes(card, facet, ticked[f]));
      const misses = pass.filter((ok) => !ok).length;
      card.node.hidden = misses > 0;
      if (!misses) found += 1;
      // A facet counts the photos that all the others let through; flags narrow each other too.
      facets.forEach((facet, f) => {
        if (!text || misses - (pass[f] ? 0 : 1) || (facet.name === "flag" && !pass[f])) return;
        for (const value of ["", ...card[facet.name]])
          counts[f].set(value, (counts[f].get(value) || 0) + 1);
      });
    }
    facets.forEach((facet, f) => facet.inputs.forEach(({ input, count, row }) => {
      const n = counts[f].get(input.value) || 0;
      count.textContent = n;
      row.classList.toggle("none", !n && !input.checked);
    }));
    const on = terms.length + ticked.flat().length > 0;
    $("found").textContent = on ? `${found} of ${cards.length} photos` : `${cards.length} photos`;
    $("clear").hidden = !on;
    $("nothing").hidden = found > 0;
    for (const id of ["sure", "unsure"])
      if ($(id)) (id === "unsure" ? $("review") : $(id)).hidden =
        ![...$(id).children].some((node) => !node.hidden);
  }
  function order() {
    const by = {
      category: (a, b) => a.at - b.at,
      score: (a, b) => a.score - b.score || a.at - b.at,
      name: (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }) || a.at - b.at,
    }[$("order").value];
    for (const card of [...cards].sort(by)) card.home.append(card.node);
  }
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  $("order").addEventListener("input", order);
  for (const button of document.querySelectorAll("[data-clear]"))
    button.addEventListener("click", () => { form.reset(); filter(); $("find").focus(); });
  form.hidden = $("toolbar").hidden = false;
  $("facets").open = matchMedia("(min-width: 60rem)").matches;
  filter();
})();
