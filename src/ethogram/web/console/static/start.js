// The first visit: the light that shows that events arrive, and dropping a file anywhere on its field.
import { listen } from "./listening.js";

const heard = document.getElementById("heard");
if (heard) {
  listen({
    event(told) {
      heard.classList.add("yes");
      heard.querySelector(".dot").className = "dot good";
      heard.querySelector("span:last-child").textContent = `${heard.dataset.heard} ${told.name} · ${told.profile_id}`;
    },
  });
}

const drop = document.getElementById("drop");
const file = document.getElementById("file");
if (drop && file) {
  for (const kind of ["dragenter", "dragover"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    if (!event.dataTransfer.files.length) return;
    file.files = event.dataTransfer.files;
    drop.requestSubmit();
  });
}
