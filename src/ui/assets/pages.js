// Shows times in the reader's own zone and lets commands be copied. Every page works without it.
"use strict";
for (const time of document.querySelectorAll("time[datetime]")) {
  const date = new Date(time.dateTime);
  if (!Number.isNaN(date.getTime())) {
    time.title = time.textContent;
    time.textContent = date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
  }
}
for (const code of document.querySelectorAll("code.command")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  });
  code.after(" ", button);
}
// Follows an act that goes on.
for (const node of document.querySelectorAll("[data-follow]")) {
  const look = async () => {
    const answer = await fetch(node.dataset.follow, { headers: { Accept: "application/json" } });
    const found = answer.ok && (await answer.json())[node.dataset.key];
    if (!found) return;
    node.textContent = found.text;
    if (!found.is_over) setTimeout(look, 1000);
  };
  setTimeout(look, 1000);
}
