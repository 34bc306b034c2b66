// Everything works without this file, but for copying and for entries that appear by themselves.
"use strict";

// A button that copies what stands in the element that it names. The page is there for it, so it has the keyboard.
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
  button.focus();
  const status = document.getElementById("copied");
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    const said = button.textContent;
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
      status.textContent = "It is in the clipboard now. Paste it where it is needed.";
    } catch {
      // Where the browser does not let pages copy, the user can: what is to be copied is marked.
      getSelection().selectAllChildren(source);
      button.textContent = "Press Ctrl+C";
      status.textContent = "This browser does not let a page copy. The token is marked: press Ctrl+C, or ⌘C.";
    }
    setTimeout(() => { button.textContent = said; }, 2000);
  });
}

// What is shown once is gone when its page is left: Back must not bring it again.
addEventListener("pagehide", () => {
  for (const secret of document.querySelectorAll("[data-once]")) secret.textContent = "";
});

// New entries of the audit log appear at the top of its first page, as long as somebody can see it.
const live = document.getElementById("live");
if (live) {
  const entries = document.getElementById("entries");
  const address = new URL(live.dataset.stream, location);
  const most = 1000;
  let source, speaking, added = 0, unsaid = 0;
  const say = text => { live.textContent = text; };
  const stop = () => { source?.close(); source = undefined; };
  const add = event => {
    // The service writes rows with the same code as those of the page. A document of a parser runs no script.
    const row = new DOMParser().parseFromString(`<table>${event.data}</table>`, "text/html").querySelector("tr");
    if (!row) return;
    address.searchParams.set("after", event.lastEventId);
    row.classList.add("new");
    entries.prepend(document.adoptNode(row));
    document.getElementById("no-entries")?.remove();
    added += 1;
    unsaid += 1;
    // Many at once are told of once.
    clearTimeout(speaking);
    speaking = setTimeout(() => {
      say(unsaid === 1 ? "1 new entry." : `${unsaid} new entries.`);
      unsaid = 0;
    }, 500);
    if (added >= most) {
      stop();
      clearTimeout(speaking);
      say(`${most} new entries. Load the page again to see more.`);
    }
  };
  const start = () => {
    if (source || added >= most || document.hidden) return;
    source = new EventSource(address);
    source.onmessage = add;
    // A connection that broke is made again by the browser; one that was refused is not.
    source.onerror = () => {
      if (source?.readyState !== EventSource.CLOSED) return;
      stop();
      say("New entries do not appear any more. Load the page again to see them.");
    };
  };
  say("New entries appear here by themselves.");
  document.addEventListener("visibilitychange", () => document.hidden ? stop() : start());
  addEventListener("pagehide", stop);
  addEventListener("pageshow", start);
  start();
}
