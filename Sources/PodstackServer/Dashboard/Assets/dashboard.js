// Pages work without this script. It adds copy buttons, times in the viewer's zone, keyboard shortcuts and live updates.
"use strict";

// A copy button copies the text of the element that it names, or of the element before it. The button of a new secret is
// the main action of its page, so it gets the focus.
for (const button of document.querySelectorAll("button[data-copy]")) button.hidden = false;
const copied = document.createElement("span");
copied.className = "visually-hidden";
copied.setAttribute("role", "status");
document.querySelector("main").append(copied);
document.querySelector("button[data-copy=token]")?.focus();
document.addEventListener("click", async event => {
  const button = event.target.closest("button[data-copy]");
  if (!button || button.dataset.copied) return;
  const source = document.getElementById(button.dataset.copy) ?? button.previousElementSibling;
  const label = button.firstChild, text = label.data;
  button.dataset.copied = text;
  // The same sentence is announced again only after another text.
  copied.textContent = "";
  try {
    await navigator.clipboard.writeText(source.textContent);
    label.data = "Copied";
    copied.textContent = "Copied to the clipboard.";
  } catch {
    // The browser does not allow pages to copy: select the text, so that the viewer can copy it.
    getSelection().selectAllChildren(source);
    label.data = "Press Ctrl+C";
    copied.textContent = "Your browser does not allow pages to copy. The text is selected: press Ctrl+C or ⌘C.";
  }
  setTimeout(() => {
    label.data = text;
    delete button.dataset.copied;
  }, 2000);
});

// Displays times in the viewer's zone; the title has the time in UTC.
const two = number => String(number).padStart(2, "0");
let localize = root => {
  for (const element of root.querySelectorAll("time[datetime$=Z]")) {
    const time = new Date(element.dateTime);
    const isClock = element.className === "clock";
    if (isNaN(time) || element.dataset.day || (element.title && !isClock)) continue;
    const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
    const clock = `${two(time.getHours())}:${two(time.getMinutes())}`;
    element.title ||= element.textContent;
    element.dataset.day = day;
    element.textContent = isClock ? clock : `${day} ${clock}`;
  }
};
// Adds copy buttons to the IDs of an audit entry when its details open: a page can have a thousand entries.
document.addEventListener("toggle", event => {
  const row = event.target.closest("#entries tr")?.nextElementSibling;
  for (const code of row?.querySelectorAll("code:only-child") ?? []) {
    const button = document.createElement("button"), name = document.createElement("span");
    const title = code.closest("dd").previousElementSibling.textContent;
    button.type = "button";
    button.className = "quiet";
    button.dataset.copy = "";
    name.className = "visually-hidden";
    name.textContent = ` ${title[0].toLowerCase()}${title.slice(1)}`;
    button.append("Copy", name);
    code.after(" ", button);
  }
}, true);
// Puts a row before the entries of each day of the audit log, in the zone of their times.
const entries = document.getElementById("entries");
const separateDays = () => {
  for (const row of entries.querySelectorAll(".day")) row.remove();
  let last;
  for (const time of entries.querySelectorAll(".clock")) {
    const day = time.dataset.day ?? time.dateTime.slice(0, 10);
    if (day !== last) {
      const row = document.createElement("tr"), cell = document.createElement("th");
      row.className = "day";
      row.setAttribute("role", "row");
      cell.setAttribute("role", "rowheader");
      cell.scope = "rowgroup";
      cell.colSpan = 6;
      cell.textContent = last = day;
      row.append(cell);
      time.closest("tr").before(row);
    }
  }
};
const zone = document.getElementById("zone");
const zoneName = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && zoneName && zoneName !== "UTC") {
  localize(document);
  zone.textContent = `Times are in your time zone, ${zoneName.replaceAll("_", " ")}.`;
  if (entries) separateDays();
} else {
  localize = () => {};
}

// Keyboard shortcuts, which the dialog lists and turns off.
const shortcuts = document.getElementById("shortcuts");
if (shortcuts) {
  const use = document.getElementById("use-shortcuts");
  const places = new Map([...shortcuts.querySelectorAll("[data-go]")].map(each => [each.textContent, each.dataset.go]));
  const show = () => { if (!shortcuts.open) shortcuts.showModal(); };
  let first = "", forget;
  use.checked = localStorage.getItem("shortcuts") !== "off";
  use.addEventListener("change", () => localStorage.setItem("shortcuts", use.checked ? "on" : "off"));
  document.getElementById("shortcuts-entry").hidden = false;
  document.getElementById("show-shortcuts").addEventListener("click", show);
  addEventListener("keydown", event => {
    const isTyping = event.target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
    if (!use.checked || isTyping || shortcuts.open || event.ctrlKey || event.metaKey || event.altKey) return;
    const place = places.get(`${first} ${event.key}`);
    clearTimeout(forget);
    first = "";
    if (place) {
      location.href = place;
    } else if (event.key === "?") {
      show();
    } else if (event.key === "/") {
      const search = document.querySelector("main input[type=search], main [name=q]");
      if (!search) return;
      search.closest("details")?.setAttribute("open", "");
      search.focus();
      event.preventDefault();
    } else {
      first = event.key;
      forget = setTimeout(() => { first = ""; }, 1500);
    }
  });
}

// Removes a secret when its page is left, so that the Back button does not show it again.
addEventListener("pagehide", () => {
  for (const secret of document.querySelectorAll("[data-once]")) secret.textContent = "";
});

// Adds new entries at the top of the audit log's first page while the page is visible.
const live = document.getElementById("live");
if (live) {
  const address = new URL(live.dataset.stream, location);
  const limit = 1000;
  let source, announcement, added = 0, unannounced = 0;
  const announce = text => { live.textContent = text; };
  const stop = () => { source?.close(); source = undefined; };
  const add = event => {
    // The service creates these rows with the code that creates the page's rows. A parsed document runs no scripts.
    const parsed = new DOMParser().parseFromString(`<table>${event.data}</table>`, "text/html");
    const rows = [...parsed.querySelectorAll("tr")];
    if (rows.length === 0) return;
    address.searchParams.set("after", event.lastEventId);
    rows[0].classList.add("new");
    for (const row of rows) localize(row);
    entries.prepend(...rows.map(row => document.adoptNode(row)));
    separateDays();
    document.getElementById("no-entries")?.remove();
    added += 1;
    unannounced += 1;
    // Entries that arrive together are announced together.
    clearTimeout(announcement);
    announcement = setTimeout(() => {
      announce(unannounced === 1 ? "1 new entry." : `${unannounced} new entries.`);
      unannounced = 0;
    }, 500);
    if (added >= limit) {
      stop();
      clearTimeout(announcement);
      announce(`${limit} new entries. Reload the page to see more.`);
    }
  };
  const start = () => {
    if (source || added >= limit || document.hidden) return;
    source = new EventSource(address);
    source.onmessage = add;
    // The browser reconnects after a broken connection, but not after an error response.
    source.onerror = () => {
      if (source?.readyState !== EventSource.CLOSED) return;
      stop();
      announce("Live updates have stopped. Reload the page to see new entries.");
    };
  };
  announce("New entries appear automatically.");
  document.addEventListener("visibilitychange", () => document.hidden ? stop() : start());
  addEventListener("pagehide", stop);
  addEventListener("pageshow", start);
  start();
}

// Sums up what a new token will be able to do.
const summary = document.getElementById("token-summary");
if (summary) {
  const form = summary.closest("form");
  const list = words => words.length > 1 ? `${words.slice(0, -1).join(", ")} and ${words.at(-1)}` : words[0];
  const sum = () => {
    const access = form.querySelector("[name=access]:checked");
    const chosen = access?.value === "custom"
      ? [...form.querySelectorAll("[name=scope] option:checked")].map(each => each.dataset.words).filter(Boolean)
      : access ? [access.dataset.words] : [];
    summary.hidden = chosen.length === 0;
    if (summary.hidden) return;
    const projects = form.querySelectorAll("[name=project]:checked").length;
    const isForAll = form.querySelector("[name=projects]:checked, [name=projects][type=hidden]")?.value !== "chosen";
    const expiry = form.elements.expiry;
    const date = expiry.value === "date" ? form.elements.date.value : expiry.selectedOptions[0].text.match(/\((.+)\)/)?.[1];
    const text = `This token will be able to ${list(chosen)}, `
      + (isForAll ? "in all your projects" : projects === 1 ? "in one project" : `in ${projects} projects`)
      + (expiry.value === "never" ? ", until you revoke it." : date ? `, until ${date}.` : ".");
    if (summary.textContent !== text) summary.textContent = text;
  };
  form.addEventListener("input", sum);
  sum();
}

// Replaces the parts of a page that change by themselves, such as the states of pods, while the page is visible.
const refresh = document.getElementById("refresh");
if (refresh) {
  const known = new Map();
  const isInUse = part => part.contains(document.activeElement)
    || (!getSelection().isCollapsed && part.contains(getSelection().anchorNode));
  const update = async () => {
    if (document.hidden) return;
    let response;
    try { response = await fetch(refresh.dataset.refresh); } catch { return; }
    if (response.status >= 500 || response.status === 429) return;
    if (response.status !== 200) {
      clearInterval(timer);
      refresh.textContent = "Live updates have stopped. Reload the page to see changes.";
      return;
    }
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const id of refresh.dataset.parts.split(" ")) {
      const old = document.getElementById(id), part = fresh.getElementById(id);
      if (!old || !part || part.innerHTML === known.get(id) || isInUse(old)) continue;
      known.set(id, part.innerHTML);
      localize(part);
      old.replaceChildren(...document.adoptNode(part).childNodes);
    }
    document.dispatchEvent(new Event("refreshed"));
  };
  const timer = setInterval(update, 3000);
}

// Follows the output of a pod while the page is visible, and scrolls with it while its end is in view.
const log = document.querySelector("#log[data-stream]");
if (log) {
  const address = new URL(log.dataset.stream, location);
  const limit = 2000;
  const note = document.getElementById("log-note"), following = "New lines appear automatically.";
  let source, isOver = false;
  const stop = () => { source?.close(); source = undefined; };
  const start = () => {
    if (source || isOver || document.hidden) return;
    source = new EventSource(address);
    source.onmessage = event => {
      if (note.textContent !== following) note.textContent = following;
      const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
      if (event.lastEventId) address.searchParams.set("after", event.lastEventId);
      log.append(`${event.data}\n`);
      while (log.childNodes.length > limit) log.firstChild.remove();
      if (isAtEnd) log.scrollTop = log.scrollHeight;
    };
    source.addEventListener("end", () => { stop(); isOver = true; });
    source.onerror = () => { if (source?.readyState === EventSource.CLOSED) stop(); };
  };
  log.scrollTop = log.scrollHeight;
  document.addEventListener("visibilitychange", () => document.hidden ? stop() : start());
  // A pod that was restarted writes again.
  document.addEventListener("refreshed", () => {
    if (isOver && document.querySelector("[data-status=running]")) {
      isOver = false;
      start();
    }
  });
  addEventListener("pagehide", stop);
  start();
}

// Computes what an hour of a new pod costs, in millionths.
const price = document.getElementById("pod-price");
if (price) {
  const form = price.closest("form");
  const gpus = new Map(price.dataset.gpus.split(" ").filter(Boolean).map(each => each.split("=")));
  const number = name => Number(form.elements[name]?.value || 0);
  const sum = () => {
    const total = Math.floor(price.dataset.cpu * number("cpu")) + price.dataset.memory * number("memory")
      + price.dataset.disk * number("disk") + (gpus.get(form.elements.gpu_type?.value) || 0) * number("gpu_count");
    const text = (total / 1e6).toFixed(6).replace(/0{1,4}$/, "");
    price.querySelector("strong").textContent = total >= 0 ? text : "–";
  };
  form.addEventListener("input", sum);
  sum();
}
