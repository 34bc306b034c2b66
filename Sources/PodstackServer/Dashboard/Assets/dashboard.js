// Pages work without this script, except for the copy button and the live audit log.
"use strict";

// The copy button copies the text of the element that it names. It is the main action of its page, so it gets the focus.
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
  button.focus();
  const status = document.getElementById("copied");
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    const label = button.textContent;
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
      status.textContent = "The token is copied to the clipboard.";
    } catch {
      // The browser does not allow pages to copy: select the text, so that the viewer can copy it.
      getSelection().selectAllChildren(source);
      button.textContent = "Press Ctrl+C";
      status.textContent = "Your browser does not allow pages to copy. The token is selected: press Ctrl+C or ⌘C.";
    }
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}

// Removes a secret when its page is left, so that the Back button does not show it again.
addEventListener("pagehide", () => {
  for (const secret of document.querySelectorAll("[data-once]")) secret.textContent = "";
});

// Adds new entries at the top of the audit log's first page while the page is visible.
const live = document.getElementById("live");
if (live) {
  const entries = document.getElementById("entries");
  const address = new URL(live.dataset.stream, location);
  const limit = 1000;
  let source, announcement, added = 0, unannounced = 0;
  const announce = text => { live.textContent = text; };
  const stop = () => { source?.close(); source = undefined; };
  const add = event => {
    // The service creates these rows with the code that creates the page's rows. A parsed document runs no scripts.
    const row = new DOMParser().parseFromString(`<table>${event.data}</table>`, "text/html").querySelector("tr");
    if (!row) return;
    address.searchParams.set("after", event.lastEventId);
    row.classList.add("new");
    entries.prepend(document.adoptNode(row));
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
