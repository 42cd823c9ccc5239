// Copies the bytes of a record as they are in its topic (`data-copy`: where they are), or the text of an element (`data-copy-text`: its
// id). What a page shows is not what is copied: there, characters that would act are written as their escapes. Without this script the
// buttons are not shown; the bytes can be downloaded.

async function text(button) {
  if (button.dataset.copyText) return document.getElementById(button.dataset.copyText).textContent;
  const answer = await fetch(button.dataset.copy, { cache: "no-store", redirect: "manual" });
  if (!answer.ok) throw new Error(`the engine answered ${answer.status || "that the session has ended"}`);
  return answer.text();
}

for (const button of document.querySelectorAll("[data-copy], [data-copy-text]")) {
  const said = button.parentElement.querySelector("[data-copied]");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      const copied = await text(button);
      // Browsers have it on pages of this machine and behind TLS only.
      if (!navigator.clipboard) throw new Error("the browser copies only on pages that come by https");
      await navigator.clipboard.writeText(copied);
      said.textContent = "Copied.";
    } catch (error) {
      said.textContent = `Not copied: ${error.message}.`;
    }
  });
}
