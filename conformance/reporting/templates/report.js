"use strict";
(() => {
  // The fragment says what is shown: `#B-7f3a0001&bucket-list.kind=pipes&clause-rows.reached=no`, each part optional.
  const readFragment = () => {
    const wanted = { target: "", filters: new Map() };
    for (const part of location.hash.slice(1).split("&")) {
      const [name, ...value] = part.split("=");
      try {
        if (value.length) wanted.filters.set(decodeURIComponent(name), decodeURIComponent(value.join("=")));
        else if (part) wanted.target = decodeURIComponent(part);
      } catch {
        // No fragment of ours: nothing is chosen by it.
      }
    }
    return wanted;
  };
  const forms = [...document.querySelectorAll("form[data-filters]")];
  const fieldsOf = (form) => [...form.elements].filter((field) => field.name);
  const writeFragment = () => {
    const parts = forms.flatMap((form) => fieldsOf(form).filter((field) => field.value).map(
      (field) => `${form.dataset.filters}.${field.name}=${encodeURIComponent(field.value)}`));
    const { target } = readFragment();
    const all = [...(target ? [encodeURIComponent(target)] : []), ...parts].join("&");
    history.replaceState(null, "", all ? `#${all}` : location.pathname + location.search);
  };

  // Filters: a form names the rows that it is about; rows carry what they can be chosen by.
  const rowsOf = (form) => {
    const name = form.dataset.filters;
    const parts = document.querySelectorAll(`[data-part="${name}"]`);
    if (parts.length) return [...parts].flatMap((part) => [...part.children].filter((row) => !row.classList.contains("group")));
    return [...document.getElementById(name).children];
  };
  const matches = (row, name, value) =>
    name === "clause" ? row.dataset.clause.split(" ").includes(value) : row.dataset[name] === value;
  const PAUSE_MS = 80;
  const applies = new Map();
  for (const form of forms) {
    const rows = rowsOf(form);
    let texts = null;
    const output = form.querySelector("output");
    const apply = () => {
      const wanted = new FormData(form);
      const words = wanted.get("text").toLowerCase().split(/\s+/).filter(Boolean);
      if (words.length) texts ??= rows.map((row) => row.textContent.toLowerCase());
      const choices = [...wanted].filter(([name, value]) => name !== "text" && value !== "");
      let shown = 0;
      rows.forEach((row, place) => {
        const keep = choices.every(([name, value]) => matches(row, name, value)) && words.every((word) => texts[place].includes(word));
        row.hidden = !keep;
        shown += keep;
      });
      for (const group of document.querySelectorAll(`[data-part="${form.dataset.filters}"]`)) {
        group.hidden = [...group.children].every((row) => row.hidden || row.classList.contains("group"));
      }
      output.textContent = shown === rows.length ? `${rows.length} shown` : `${shown} of ${rows.length} shown`;
    };
    applies.set(form, apply);
    let pending = 0;
    const later = () => {
      clearTimeout(pending);
      pending = setTimeout(() => { apply(); writeFragment(); }, PAUSE_MS);
    };
    form.addEventListener("input", later);
    form.addEventListener("change", later);
    form.addEventListener("submit", (event) => event.preventDefault());
    output.textContent = `${rows.length} shown`;
    if (fieldsOf(form).some((field) => field.value)) apply();
  }

  // Reproducers: the page holds each paragraph once; a card that opens puts its scripts together.
  const NAMES = { python: "Python", c: "C", pytest: "pytest", issue: "issue text" };
  let scripts = null;
  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const fill = (card) => {
    const place = card.querySelector("[data-scripts]");
    if (!place || place.childElementCount) return;
    scripts ??= JSON.parse(document.getElementById("scripts").textContent);
    const found = scripts.texts[place.dataset.scripts] ?? {};
    if (found.none) place.append(make("p", { className: "quiet", textContent: `No script can show this: ${found.none}.` }));
    else if (found.c) place.append(make("p", { className: "quiet", textContent: "Reproducers need nothing of this project; scripts exit 1 where the divergence is present, 0 where it is not:" }));
    for (const [form, label] of Object.entries(NAMES)) {
      if (!found[form]) continue;
      const text = found[form].map((part) => scripts.parts[part]).join("");
      const copy = make("button", { type: "button", className: "copy", textContent: "Copy" });
      copy.dataset.copy = text;
      const code = make("pre", { className: "program", tabIndex: 0, textContent: text });
      const about = `${label}, ${text.split("\n").length - 1} lines`;
      const row = make("details", { className: "reproducer" }, make("summary", {}, make("span", { textContent: about }), copy), code);
      row.dataset.form = form;
      place.append(row);
    }
  };
  document.addEventListener("toggle", (event) => {
    if (event.target.open && event.target.matches?.("details.bucket")) fill(event.target);
  }, true);

  // Copying: the clipboard where the browser offers it, else a selection.
  const copied = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      area.className = "offscreen";
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  };
  const TOLD_MS = 1500;
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button.copy");
    if (!button) return;
    event.preventDefault();
    const label = (button.dataset.label ??= button.textContent);
    button.textContent = (await copied(button.dataset.copy)) ? "Copied" : "Select it by hand";
    button.focus();
    setTimeout(() => { button.textContent = label; }, TOLD_MS);
  });

  // An address with filters sets them; one with a bucket opens it.
  const open = () => {
    const { target, filters } = readFragment();
    if (filters.size) {
      for (const form of forms) {
        for (const field of fieldsOf(form)) field.value = filters.get(`${form.dataset.filters}.${field.name}`) ?? "";
        applies.get(form)();
      }
    } else if (forms.some((form) => fieldsOf(form).some((field) => field.value))) {
      // A link inside the page: what is chosen stays chosen, and the address goes on saying so.
      writeFragment();
    }
    const element = target && document.getElementById(target);
    if (!element) return;
    if (element.tagName === "DETAILS") {
      element.hidden = false;
      element.open = true;
      fill(element);
    }
    element.scrollIntoView();
  };
  addEventListener("hashchange", open);
  open();

  // On paper there is nothing to click: the first cards are open.
  const PRINTED_MAX = 100;
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details.bucket:not([open]):not([hidden])")].slice(0, PRINTED_MAX);
    for (const card of opened) card.open = true;
  });
  addEventListener("afterprint", () => {
    for (const card of opened) card.open = false;
  });
})();
