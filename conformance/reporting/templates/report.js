"use strict";
(() => {
  // Filters: a form names the rows that it is about; rows carry what they can be chosen by.
  const rowsOf = (form) => {
    const name = form.dataset.filters;
    const parts = document.querySelectorAll(`[data-part="${name}"]`);
    if (parts.length) return [...parts].flatMap((part) => [...part.children].filter((row) => !row.classList.contains("group")));
    return [...document.getElementById(name).children];
  };
  const PAUSE_MS = 80;
  for (const form of document.querySelectorAll("form[data-filters]")) {
    const rows = rowsOf(form);
    let texts = null;
    const output = form.querySelector("output");
    const apply = () => {
      texts ??= rows.map((row) => row.textContent.toLowerCase());
      const wanted = new FormData(form);
      const words = wanted.get("text").toLowerCase().split(/\s+/).filter(Boolean);
      const choices = [...wanted].filter(([name, value]) => name !== "text" && value !== "");
      let shown = 0;
      rows.forEach((row, place) => {
        const keep = choices.every(([name, value]) => row.dataset[name] === value) && words.every((word) => texts[place].includes(word));
        row.hidden = !keep;
        shown += keep;
      });
      for (const group of document.querySelectorAll(`[data-part="${form.dataset.filters}"]`)) {
        group.hidden = [...group.children].every((row) => row.hidden || row.classList.contains("group"));
      }
      output.textContent = shown === rows.length ? `${rows.length} shown` : `${shown} of ${rows.length} shown`;
    };
    let pending = 0;
    const later = () => {
      clearTimeout(pending);
      pending = setTimeout(apply, PAUSE_MS);
    };
    form.addEventListener("input", later);
    form.addEventListener("change", later);
    form.addEventListener("submit", (event) => event.preventDefault());
    output.textContent = `${rows.length} shown`;
    if (new FormData(form).get("text") || form.querySelector("select").value) apply();
  }

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
    const label = (button.dataset.label ??= button.textContent);
    button.textContent = (await copied(button.dataset.copy)) ? "Copied" : "Select it by hand";
    button.focus();
    setTimeout(() => { button.textContent = label; }, TOLD_MS);
  });

  // A link to a bucket opens it.
  const open = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.tagName === "DETAILS") {
      target.open = true;
      target.scrollIntoView();
    }
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
