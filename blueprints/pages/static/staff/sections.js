// On a phone the sections are a row that scrolls: the one that is open is brought to its middle, and so is the one that
// the keyboard comes to, of which browsers are content to show a corner. A finger that presses one moves nothing.

function bring(way) {
  const row = way.closest(".choice");
  const { left, width } = way.getBoundingClientRect();
  row.scrollLeft += left - row.getBoundingClientRect().left - (row.clientWidth - width) / 2;
}

for (const sections of document.querySelectorAll(".sections")) {
  sections.querySelectorAll("[aria-current]").forEach(bring);
  sections.addEventListener("focusin", ({ target }) => {
    if (target.matches(":focus-visible")) bring(target);
  });
}
