// The table of points: only the rows that hold the words that are looked for.

function filter() {
  const rows = [...document.querySelectorAll("#points tbody")].map((body) => [
    body,
    [...body.rows].slice(1).map((row) => [row, `${row.title} ${row.textContent}`.toLowerCase()]),
  ]);
  byId("filter").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/);
    for (const [body, cells] of rows) {
      for (const [row, text] of cells) row.hidden = !words.every((word) => text.includes(word));
      body.hidden = cells.every(([row]) => row.hidden);
    }
  });
  byId("filter-line").hidden = false;
}

if (byId("filter")) filter();
