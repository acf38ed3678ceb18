// Lines over two axes, each with a legend: what the curves and the times are drawn with.

const COLOURS = 8; // classes c0 to c7 of report.css
const LABELLED_FROM = 560; // pixels of width; a narrower plot has no room for names at its lines
const REACH = 32; // pixels from the pointer to the point that it tells of

/** About `count` round numbers from `low` to `high`. */
function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const marks = [];
  for (let place = Math.ceil(low / step - 1e-9); place * step <= high + 1e-9 * step; place++) {
    marks.push(Number((place * step).toPrecision(10)));
  }
  return marks;
}

function logTicks(low, high) {
  const marks = [];
  const decades = Math.log10(high) - Math.log10(low);
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const factor of decades > 3 ? [1] : [1, 2, 5]) {
      const value = Number((factor * 10 ** power).toPrecision(3));
      if (value >= low && value <= high) marks.push(value);
    }
  }
  return marks.length > 1 ? marks : ticks(low, high, 4).filter((mark) => mark > 0);
}

/** The outline of a mark around (0, 0); which one tells lines of one colour apart. */
function outline(kind, r) {
  const polygon = (...points) => `M${points.map((p) => p.map((v) => (v * r).toFixed(2))).join("L")}Z`;
  return [
    `M${-r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0Z`,
    polygon([-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]),
    polygon([0, -1.2], [1.1, 0.8], [-1.1, 0.8]),
    polygon([0, -1.25], [1.25, 0], [0, 1.25], [-1.25, 0]),
  ][kind % 4];
}

/** The class and the marks of a series; anchors are all grey, so half of their marks are hollow. */
function look(series) {
  const anchor = series.kind === "anchor";
  const shape = anchor ? series.colour : Math.floor(series.colour / COLOURS);
  const hollow = anchor && Math.floor(series.colour / 4) % 2 === 1;
  const name = `${series.kind} ${anchor ? "" : `c${series.colour % COLOURS}`} ${hollow ? "hollow" : ""}`;
  return { name, shape, radius: anchor ? 3.2 : 4.2 };
}

/**
 * A button for each series, which shows and hides it; `shown` is a set of their keys. Anchors that
 * are not shown at first are folded.
 */
function legend(holder, all, shown, redraw) {
  const codecs = all.filter((series) => series.kind !== "anchor");
  const buttons = all.map((series) => [series, legendButton(series, shown, redraw)]);
  const folded = ([series]) => series.kind === "anchor" && !series.shown;
  const [more, plain] = [buttons.filter(folded), buttons.filter((button) => !folded(button))].map((some) =>
    some.map(([, button]) => button),
  );
  if (codecs.length > 3) {
    for (const [title, on] of [["no codec", false], ["all codecs", true]]) {
      const button = html("button", { type: "button" }, title);
      button.addEventListener("click", () => {
        for (const series of codecs) shown[on ? "add" : "delete"](key(series));
        legend(holder, all, shown, redraw);
        redraw();
      });
      plain.unshift(button);
    }
  }
  holder.replaceChildren(html("div", { class: "keys" }, ...plain));
  if (more.length) {
    const summary = html("summary", {}, `${more.length} more anchor${more.length > 1 ? "s" : ""}`);
    holder.append(html("details", {}, summary, html("div", { class: "keys" }, ...more)));
  }
}

function legendButton(series, shown, redraw) {
  const { name, shape, radius } = look(series);
  const swatch = make("svg", { class: `swatch ${name}`, width: 26, height: 12, "aria-hidden": "true" },
    make("path", { class: "line", d: "M0,6L26,6" }),
    make("path", { class: "mark", d: outline(shape, radius), transform: "translate(13 6)" }));
  const button = html("button", { type: "button", class: "key" }, swatch, series.name);
  if (series.source) button.title = series.source;
  const press = () => button.setAttribute("aria-pressed", shown.has(key(series)));
  button.addEventListener("click", () => {
    shown[shown.has(key(series)) ? "delete" : "add"](key(series));
    press();
    redraw();
  });
  press();
  return button;
}

/** What stands for a series in a set of those shown; a family's baseline goes with it. */
const key = (series) => (series.kind === "anchor" ? "anchor " : "codec ") + series.name;

/**
 * A plot in `holder`, drawn anew whenever its width changes; returns the function that does so.
 *
 * `describe(width)` returns the `title` for those who can't see it, the axes `x` and `y`, each of a
 * `label`, the ends `low` and `high`, `ticks`, and whether it is `log`, and the `lines`; or, where
 * there is nothing to draw, `empty` says so. A line has a `series`, and `points` of `x`, `y`, what is
 * `words` under the pointer, and whether it `regressed`.
 */
function chart(holder, describe) {
  const tip = html("div", { class: "tip", role: "status", hidden: "" });
  holder.append(tip);
  let drawn = []; // points on the screen: [x, y, series, point]

  function draw() {
    holder.querySelector("svg")?.remove();
    tip.hidden = true;
    drawn = [];
    const width = holder.clientWidth;
    if (!width) return; // not laid out: drawn when it is
    const height = Math.round(Math.max(290, Math.min(500, width * 0.66)));
    const frame = { left: 62, right: width - 14, top: 10, bottom: height - 46 };
    const drawing = describe(width);
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img" });
    holder.prepend(svg);
    if (drawing.empty) {
      svg.append(make("text", { x: width / 2, y: height / 2, "text-anchor": "middle" }, drawing.empty));
      return;
    }
    svg.setAttribute("aria-label", drawing.title);
    const x = scale(drawing.x, frame.left, frame.right);
    const y = scale(drawing.y, frame.bottom, frame.top);
    axes(svg, drawing, x, y, frame, height);
    for (const { series, points } of drawing.lines) {
      const { name, shape, radius } = look(series);
      const group = make("g", { "clip-path": `url(#${holder.id}-frame)`, class: name });
      const places = points.map((point) => [x(point.x), y(point.y)]);
      if (places.length > 1) {
        const path = "M" + places.map((p) => p.map((v) => v.toFixed(1))).join("L");
        group.append(make("path", { class: "line", d: path }));
      }
      points.forEach((point, index) => {
        const [px, py] = places[index];
        const at = { transform: `translate(${px.toFixed(1)} ${py.toFixed(1)})` };
        group.append(make("path", { class: "mark", d: outline(shape, radius), ...at }));
        if (point.regressed) group.append(make("circle", { class: "ring", r: 9, ...at }));
        if (px >= frame.left && px <= frame.right && py >= frame.top && py <= frame.bottom) {
          drawn.push([px, py, series, point]);
        }
      });
      svg.append(group);
    }
    if (width >= LABELLED_FROM) nameAnchors(svg, drawing.lines, x, y, frame);
  }

  function axes(svg, drawing, x, y, frame, height) {
    let free = -Infinity; // where the next number along the rate may begin
    for (const value of drawing.x.ticks) {
      svg.append(make("line", { class: "grid", x1: x(value), x2: x(value), y1: frame.top, y2: frame.bottom }));
      const half = 4 * String(value).length;
      if (x(value) - half < free) continue;
      free = x(value) + half + 4;
      svg.append(make("text", { x: x(value), y: frame.bottom + 17, "text-anchor": "middle" }, String(value)));
    }
    for (const value of drawing.y.ticks) {
      svg.append(
        make("line", { class: "grid", x1: frame.left, x2: frame.right, y1: y(value), y2: y(value) }),
        make("text", { x: frame.left - 7, y: y(value) + 4, "text-anchor": "end" }, String(value)),
      );
    }
    const label = ({ label, log }) => (log ? label.replace(/\)?$/, (end) => `, logarithmic${end}`) : label);
    const [middle, centre] = [(frame.top + frame.bottom) / 2, (frame.left + frame.right) / 2];
    svg.append(
      make("text", { class: "axis", x: centre, y: height - 7, "text-anchor": "middle" }, label(drawing.x)),
      make("text", { class: "axis", x: 0, y: 0, "text-anchor": "middle",
        transform: `translate(13 ${middle}) rotate(-90)` }, label(drawing.y)),
      make("clipPath", { id: `${holder.id}-frame` },
        make("rect", { x: frame.left, y: frame.top, width: frame.right - frame.left,
          height: frame.bottom - frame.top })),
    );
  }

  function hover(event) {
    const box = holder.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    const behind = { measured: 0, baseline: 3, anchor: 3 };
    const away = (point) => Math.hypot(point[0] - px, point[1] - py) + behind[point[2].kind];
    const nearest = drawn.reduce((best, point) => (best && away(best) <= away(point) ? best : point), null);
    holder.querySelector(".near")?.remove();
    tip.hidden = !nearest || away(nearest) > REACH;
    if (tip.hidden) return;
    const [x, y, , point] = nearest;
    holder.querySelector("svg").append(make("circle", { class: "near", cx: x, cy: y, r: 7 }));
    tip.textContent = point.words.join("\n");
    const beside = x + 14 + tip.offsetWidth > box.width ? x - tip.offsetWidth - 14 : x + 14;
    tip.style.left = `${Math.max(0, beside)}px`;
    tip.style.top = `${Math.max(0, y - tip.offsetHeight / 2)}px`;
  }

  holder.addEventListener("pointermove", hover);
  holder.addEventListener("pointerdown", hover);
  holder.addEventListener("pointerleave", () => {
    tip.hidden = true;
    holder.querySelector(".near")?.remove();
  });
  let width = 0;
  new ResizeObserver(() => {
    if (holder.clientWidth !== width) {
      width = holder.clientWidth;
      draw();
    }
  }).observe(holder);
  return draw;
}

/** From a value on an axis to its place between `from` and `to`. */
function scale({ low, high, log }, from, to) {
  const along = log ? Math.log : (value) => value;
  return (value) => from + ((along(value) - along(low)) / (along(high) - along(low))) * (to - from);
}

/** The names of anchors at their lines, wherever they cover no line and no other name. */
function nameAnchors(svg, lines, x, y, frame) {
  const inked = lines.flatMap(({ points }) => alongLine(points.map((point) => [x(point.x), y(point.y)])));
  const taken = [];
  for (const { series, points } of lines.filter((line) => line.series.kind === "anchor")) {
    const text = make("text", { class: "name" }, series.name);
    svg.append(text);
    const [long, high] = [text.getComputedTextLength(), 14];
    const fits = ([left, top]) =>
      left >= frame.left && left + long <= frame.right && top >= frame.top && top + high <= frame.bottom &&
      !inked.some(([px, py]) => px > left - 3 && px < left + long + 3 && py > top - 2 && py < top + high + 2) &&
      !taken.some(([l, t, w]) => left < l + w + 6 && l < left + long + 6 && Math.abs(t - top) < high);
    const corners = points.flatMap((point) => {
      const [px, py] = [x(point.x), y(point.y)];
      return [[px - long - 8, py - 20], [px + 8, py + 5], [px - long - 8, py - 6], [px + 8, py - 6]];
    });
    const place = corners.reverse().find(fits);
    if (place) {
      text.setAttribute("x", place[0]);
      text.setAttribute("y", place[1] + 11);
      taken.push([...place, long]);
    } else {
      text.remove(); // the legend has it
    }
  }
}

/** Points along a line, so close that nothing of a name's size slips through. */
function alongLine(places) {
  return places.flatMap(([px, py], index) => {
    const [qx, qy] = places[index + 1] ?? [px, py];
    const steps = Math.ceil(Math.hypot(qx - px, qy - py) / 5) || 1;
    return Array.from({ length: Math.min(steps, 2000) }, (_, step) => [
      px + ((qx - px) * step) / steps,
      py + ((qy - py) * step) / steps,
    ]);
  });
}
