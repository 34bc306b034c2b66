// Everything works without this file, but for copying and for entries that appear by themselves.
"use strict";

// A button that copies what stands in the element that it names.
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    const said = button.textContent;
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
    } catch {
      // Where the browser does not let pages copy, the user can: what is to be copied is marked.
      getSelection().selectAllChildren(source);
      button.textContent = "Press Ctrl+C";
    }
    setTimeout(() => { button.textContent = said; }, 2000);
  });
}

// What is shown once is gone when its page is left: Back must not bring it again.
addEventListener("pagehide", () => {
  for (const secret of document.querySelectorAll("[data-once]")) secret.textContent = "";
});
