"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const SVG = "http://www.w3.org/2000/svg";
  const LABELS = {
    psnr: ["PSNR (dB)", "PSNR", 2, " dB"],
    ms_ssim_db: ["MS-SSIM (dB)", "MS-SSIM", 2, " dB"],
    lpips: ["LPIPS (lower is better)", "LPIPS", 4, ""],
  };

  /** An element with attributes and children; a child that is a string becomes text. */
  function make(name, attributes, ...children) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }

  /** Buttons of which one is pressed. */
  function choice(holder, chosen, act) {
    const buttons = [...holder.querySelectorAll("button")];
    const press = (value) => {
      for (const button of buttons) button.setAttribute("aria-pressed", button.value === value);
      act(value);
    };
    for (const button of buttons) button.addEventListener("click", () => press(button.value));
    press(chosen);
  }

  function theme() {
    const button = byId("theme");
    let dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const name = () => (button.textContent = dark ? "light" : "dark");
    button.addEventListener("click", () => {
      dark = !dark;
      document.documentElement.style.colorScheme = dark ? "dark" : "light";
      name();
    });
    name();
    button.hidden = false;
  }

  // ---- curves ----

  /** About `count` round numbers from `low` to `high`. */
  function ticks(low, high, count) {
    const rough = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
    const found = [];
    for (let place = Math.ceil(low / step - 1e-9); place * step <= high + 1e-9 * step; place++) {
      found.push(Number((place * step).toPrecision(10)));
    }
    return found;
  }

  function logTicks(low, high) {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
      for (const each of [1, 2, 5]) {
        const value = Number((each * 10 ** power).toPrecision(3));
        if (value >= low && value <= high) found.push(value);
      }
    }
    return found.length > 1 ? found : ticks(low, high, 4).filter((each) => each > 0);
  }

  /** The outline of a mark around (0, 0); which one tells families of one colour apart. */
  function outline(kind, r) {
    const polygon = (...points) => `M${points.map((p) => p.map((v) => (v * r).toFixed(2))).join("L")}Z`;
    return [
      `M${-r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0Z`,
      polygon([-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]),
      polygon([0, -1.2], [1.1, 0.8], [-1.1, 0.8]),
      polygon([0, -1.25], [1.25, 0], [0, 1.25], [-1.25, 0]),
    ][kind % 4];
  }

  function curves(plots) {
    const holder = byId("plot");
    const tip = byId("tip");
    const state = { plot: 0, metric: "psnr", log: false, baselines: true };
    const shown = plots.map((series) => new Set(series.filter((s) => s.shown).map((s) => s.kind[0] + s.name)));
    const key = (series) => (series.kind === "anchor" ? "a" : "m") + series.name;
    let drawn = []; // points on the screen: [x, y, series, point, its place]

    const visible = (series) =>
      shown[state.plot].has(key(series)) && (series.kind !== "baseline" || state.baselines);
    const values = (series) =>
      series.points
        .map((point, place) => [point, place])
        .filter(([point]) => point.bpp > 0 && Number.isFinite(point[state.metric]));

    function draw() {
      holder.querySelector("svg")?.remove();
      const width = holder.clientWidth;
      if (!width) return; // not laid out: drawn when it is
      const height = Math.round(Math.max(290, Math.min(500, width * 0.66)));
      const left = 58, right = 12, top = 10, bottom = 46;
      const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img" });
      svg.setAttribute("aria-label", `${LABELS[state.metric][0]} over bits per pixel`);
      holder.prepend(svg);
      drawn = [];
      tip.hidden = true;
      const lines = plots[state.plot].filter(visible).map((series) => [series, values(series)]);
      // Anchors may reach far beyond the codecs; they are cut off where those end.
      let framing = lines.filter(([series]) => series.kind !== "anchor").flatMap(([, v]) => v);
      if (!framing.length) framing = lines.flatMap(([, v]) => v);
      if (!framing.length) {
        const what = lines.length ? `no ${LABELS[state.metric][1]} was measured` : "no curve is chosen";
        svg.append(make("text", { x: width / 2, y: height / 2, "text-anchor": "middle" }, what));
        return;
      }
      const rates = framing.map(([point]) => point.bpp);
      const quality = framing.map(([point]) => point[state.metric]);
      let [x0, x1] = [state.log ? Math.min(...rates) / 1.15 : 0, Math.max(...rates) * (state.log ? 1.15 : 1.05)];
      let [y0, y1] = [Math.min(...quality), Math.max(...quality)];
      const room = (y1 - y0) * 0.06 || Math.abs(y1) * 0.02 || 1;
      [y0, y1] = [y0 - room, y1 + room];
      const along = state.log ? Math.log : (each) => each;
      const x = (bpp) => left + ((along(bpp) - along(x0)) / (along(x1) - along(x0))) * (width - left - right);
      const y = (value) => height - bottom - ((value - y0) / (y1 - y0)) * (height - top - bottom);

      const xTicks = state.log ? logTicks(x0, x1) : ticks(x0, x1, Math.max(3, Math.round(width / 90)));
      for (const value of xTicks) {
        svg.append(
          make("line", { class: "grid", x1: x(value), x2: x(value), y1: top, y2: height - bottom }),
          make("text", { x: x(value), y: height - bottom + 17, "text-anchor": "middle" }, String(value)),
        );
      }
      for (const value of ticks(y0, y1, 8)) {
        svg.append(
          make("line", { class: "grid", x1: left, x2: width - right, y1: y(value), y2: y(value) }),
          make("text", { x: left - 7, y: y(value) + 4, "text-anchor": "end" }, String(value)),
        );
      }
      const middle = (height - bottom + top) / 2;
      svg.append(
        make("text", { class: "axis", x: (left + width - right) / 2, y: height - 7, "text-anchor": "middle" },
          `rate (bits per pixel${state.log ? ", logarithmic" : ""})`),
        make("text", { class: "axis", x: 0, y: 0, "text-anchor": "middle",
          transform: `translate(13 ${middle}) rotate(-90)` }, LABELS[state.metric][0]),
        make("clipPath", { id: "frame" },
          make("rect", { x: left, y: top - 8, width: width - left - right + 8, height: height - top - bottom + 16 })),
      );
      const order = { anchor: 0, baseline: 1, measured: 2 };
      lines.sort(([a], [b]) => order[a.kind] - order[b.kind]);
      for (const [series, found] of lines) {
        const group = make("g", { "clip-path": "url(#frame)", class: `${series.kind} c${series.colour % 8}` });
        const places = found.map(([point]) => [x(point.bpp), y(point[state.metric])]);
        if (places.length > 1) {
          const path = "M" + places.map((p) => p.map((v) => v.toFixed(1))).join("L");
          group.append(make("path", { class: "line", d: path }));
        }
        const shape = series.kind === "anchor" ? 0 : Math.floor(series.colour / 8);
        found.forEach(([point, place], index) => {
          const at = { transform: `translate(${places[index][0].toFixed(1)} ${places[index][1].toFixed(1)})` };
          group.append(make("path", { class: "mark", d: outline(shape, series.kind === "anchor" ? 2.2 : 4.2), ...at }));
          if (series.verdicts[place] === "regressed") {
            group.append(make("circle", { class: "ring", r: 9, ...at }));
          }
          const [px, py] = places[index];
          if (px >= left && px <= width && py >= top - 8 && py <= height - bottom + 8) {
            drawn.push([px, py, series, point, place]);
          }
        });
        svg.append(group);
      }
      label(svg, lines, width, right);
    }

    /** Anchors are grey, so their names stand at their lines. */
    function label(svg, lines, width, right) {
      const taken = [];
      for (const [series] of lines.filter(([each]) => each.kind === "anchor")) {
        const last = drawn.filter((each) => each[2] === series).pop();
        if (!last) continue;
        const [px, py] = last;
        const long = 7 * series.name.length;
        const end = px + long > width - right;
        const from = end ? px - long : px;
        let ty = py - 8;
        const meets = ([other, to, oy]) => from < to && other < from + long && Math.abs(oy - ty) < 13;
        while (taken.some(meets)) ty += 13;
        taken.push([from, from + long, ty]);
        const place = { x: px, y: ty, "text-anchor": end ? "end" : "start" };
        svg.append(make("text", { class: "name", ...place }, series.name));
      }
    }

    function told([, , series, point, place]) {
      const number = (value, digits, unit) => value.toFixed(digits) + unit;
      const kinds = { measured: "", baseline: " (baseline)", anchor: " (anchor)" };
      const found = [series.name + kinds[series.kind]];
      if (series.kind !== "anchor") {
        found.push(`quality ${point.quality}` + (point.lambda === null ? "" : `, λ = ${point.lambda}`));
      }
      found.push(number(point.bpp, 4, " bpp"));
      for (const [metric, [, name, digits, unit]] of Object.entries(LABELS)) {
        if (Number.isFinite(point[metric])) found.push(`${name} ${number(point[metric], digits, unit)}`);
      }
      if (series.verdicts[place]) found.push(series.verdicts[place]);
      if (series.source) found.push(series.source);
      return found.join("\n");
    }

    function hover(event) {
      const box = holder.getBoundingClientRect();
      const [px, py] = [event.clientX - box.left, event.clientY - box.top];
      const away = (each) => Math.hypot(each[0] - px, each[1] - py) + (each[2].kind === "measured" ? 0 : 3);
      const nearest = drawn.reduce((best, each) => (best && away(best) <= away(each) ? best : each), null);
      holder.querySelector(".near")?.remove();
      tip.hidden = !nearest || away(nearest) > 32;
      if (tip.hidden) return;
      holder.querySelector("svg").append(make("circle", { class: "near", cx: nearest[0], cy: nearest[1], r: 7 }));
      tip.textContent = told(nearest);
      const beside = nearest[0] + 14 + tip.offsetWidth > box.width ? nearest[0] - tip.offsetWidth - 14 : nearest[0] + 14;
      tip.style.left = `${Math.max(0, beside)}px`;
      tip.style.top = `${Math.max(0, nearest[1] - tip.offsetHeight / 2)}px`;
    }

    function legend() {
      const buttons = [];
      const all = plots[state.plot].filter((series) => series.kind !== "baseline");
      const toggle = (series, on) => shown[state.plot][on ? "add" : "delete"](key(series));
      if (all.length > 6) {
        for (const [name, on] of [["all codecs", true], ["no codec", false]]) {
          const button = document.createElement("button");
          button.textContent = name;
          button.addEventListener("click", () => {
            for (const series of all) if (series.kind === "measured") toggle(series, on);
            update();
          });
          buttons.push(button);
        }
      }
      for (const series of all) {
        const button = document.createElement("button");
        button.className = `key ${series.kind} ${series.kind === "anchor" ? "" : `c${series.colour % 8}`}`;
        button.textContent = series.name;
        if (series.source) button.title = series.source;
        button.setAttribute("aria-pressed", shown[state.plot].has(key(series)));
        button.addEventListener("click", () => {
          toggle(series, !shown[state.plot].has(key(series)));
          button.setAttribute("aria-pressed", shown[state.plot].has(key(series)));
          draw();
        });
        buttons.push(button);
      }
      for (const button of buttons) button.type = "button";
      byId("legend").replaceChildren(...buttons);
    }

    function update() {
      for (const table of document.querySelectorAll(".bd")) {
        const here = (table.dataset.plot ?? String(state.plot)) === String(state.plot);
        table.hidden = !(here && table.dataset.metric === state.metric);
      }
      for (const button of byId("metric").querySelectorAll("button")) {
        const has = plots[state.plot].some((s) => s.points.some((p) => Number.isFinite(p[button.value])));
        button.disabled = !has;
        button.title = has ? "" : "not measured in this run";
      }
      legend();
      draw();
    }

    byId("no-script").hidden = true;
    for (const id of ["plot", "legend", "plot-tools"]) byId(id).hidden = false;
    byId("log-rate").addEventListener("change", (event) => {
      state.log = event.target.checked;
      draw();
    });
    byId("baselines").addEventListener("change", (event) => {
      state.baselines = event.target.checked;
      draw();
    });
    byId("setting")?.addEventListener("change", (event) => {
      state.plot = Number(event.target.value);
      update();
    });
    choice(byId("metric"), "psnr", (metric) => {
      state.metric = metric;
      update();
    });
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
  }

  // ---- crops ----

  function pixels(image) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    return context.getImageData(0, 0, canvas.width, canvas.height);
  }

  async function crop(viewer) {
    const images = [...viewer.querySelectorAll("img")];
    const canvas = viewer.querySelector("canvas");
    const context = canvas.getContext("2d", { willReadFrequently: true }); // kept in memory
    const panes = [...viewer.querySelectorAll(".pane")];
    const scale = viewer.querySelector(".scale");
    await Promise.all(images.map((image) => image.decode()));
    const [original, reconstruction] = images.map(pixels);
    const difference = new Uint8ClampedArray(original.data.length);
    for (let place = 0; place < difference.length; place++) {
      difference[place] = Math.abs(original.data[place] - reconstruction.data[place]);
    }
    const sorted = difference.filter((_, place) => place % 4 !== 3).sort();
    const largest = sorted[sorted.length - 1];

    function amplify(gain) {
      const map = new ImageData(original.width, original.height);
      for (let place = 0; place < difference.length; place++) {
        map.data[place] = place % 4 === 3 ? 255 : difference[place] * gain;
      }
      context.putImageData(map, 0, 0);
      scale.textContent =
        `difference × ${gain}: full brightness is ${Math.floor(255 / gain)} of 255 levels or more; ` +
        `the largest here is ${largest}`;
    }

    let zoom = 1;
    function enlarge(to) {
      const pane = panes[0];
      const centre = [pane.scrollLeft + pane.clientWidth / 2, pane.scrollTop + pane.clientHeight / 2];
      for (const element of [...images, canvas]) {
        element.style.width = `${original.width * to}px`;
        element.style.height = `${original.height * to}px`;
      }
      pane.scrollLeft = (centre[0] * to) / zoom - pane.clientWidth / 2;
      pane.scrollTop = (centre[1] * to) / zoom - pane.clientHeight / 2;
      zoom = to;
    }

    for (const pane of panes) {
      pane.addEventListener("scroll", () => {
        for (const other of panes) {
          other.scrollLeft = pane.scrollLeft;
          other.scrollTop = pane.scrollTop;
        }
      });
    }
    const most = sorted[Math.floor(sorted.length * 0.99)]; // a few samples may be cut off
    const fitting = [64, 16, 4].find((gain) => most * gain <= 255) ?? 1;
    choice(viewer.querySelector(".zoom"), "1", (value) => enlarge(Number(value)));
    choice(viewer.querySelector(".gain"), String(fitting), (value) => amplify(Number(value)));
    viewer.querySelector(".tools").hidden = false;
  }

  // ---- table of points ----

  function filter() {
    const rows = [...document.querySelectorAll("#points tbody")].map((body) => [
      body,
      [...body.rows].slice(1).map((row) => [row, `${row.title} ${row.textContent}`.toLowerCase()]),
    ]);
    byId("filter").addEventListener("input", (event) => {
      const words = event.target.value.toLowerCase().split(/\s+/);
      for (const [body, each] of rows) {
        for (const [row, text] of each) row.hidden = !words.every((word) => text.includes(word));
        body.hidden = each.every(([row]) => row.hidden);
      }
    });
    byId("filter-line").hidden = false;
  }

  theme();
  if (byId("plots")) curves(JSON.parse(byId("plots").textContent));
  for (const viewer of document.querySelectorAll(".crop")) crop(viewer);
  if (byId("filter")) filter();
})();
