// The table of runs: words filter its rows, headings sort them.
for (const frame of document.querySelectorAll(".runs")) {
  const [body] = frame.querySelector("table").tBodies;
  const rows = [...body.rows];
  const field = frame.querySelector("input");
  const filter = () => {
    const words = field.value.toLowerCase().split(/\s+/);
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
    frame.querySelector("[role=status]").textContent =
      `${rows.filter((row) => !row.hidden).length} of ${rows.length} runs`;
  };
  frame.querySelectorAll("thead th").forEach((head, column) => {
    const cell = (row) => row.cells[column].textContent;
    const order = new Intl.Collator("en", { numeric: true }).compare;
    head.querySelector("button").addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      frame.querySelectorAll("[aria-sort]").forEach((one) => one.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      rows.sort((a, b) => (up ? 1 : -1) * order(cell(a), cell(b)));
      body.append(...rows);
    });
  });
  field.addEventListener("input", filter);
  filter();
}
