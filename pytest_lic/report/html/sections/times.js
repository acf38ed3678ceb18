// Times: latency over resolution, throughput over batch, and where the time goes.

const LOG_FROM = 20; // times the smallest value: on a linear axis the small ones could not be told apart
const REST = "entropy coding and the rest"; // as `stages.REST`
const STAGE_COLOURS = 6; // classes s0 to s5, other colours than the codecs'

function drawTimes(groups) {
  const state = { group: 0, direction: "encode", resolution: 0, batch: 0 };
  const all = groups.flatMap(({ times }) => times.flatMap((time) => Object.keys(time.stages)));
  const names = [...new Set(all)].filter((stage) => stage !== REST);
  const shown = groups.map(({ series }) => new Set(series.filter((one) => one.shown).map(key)));
  const here = () => groups[state.group].times.filter((time) => time.direction === state.direction);
  const latency = chart(byId("latency"), () => {
    const batch = Math.min(...groups[state.group].times.map((time) => time.batch));
    byId("latency-title").textContent = `Latency, ${images(batch)}`;
    return describe({
      label: ["resolution (pixels a side)", "latency (ms)"],
      times: here().filter((time) => time.batch === batch),
      x: (time) => time.resolution,
      y: (time) => time.ms,
    });
  });
  const throughput = chart(byId("throughput"), () => {
    byId("throughput-title").textContent = `Throughput, ${pixels(state.resolution)}`;
    return describe({
      label: ["batch (images coded at once)", "images per second"],
      times: here().filter((time) => time.resolution === state.resolution),
      x: (time) => time.batch,
      y: (time) => (1000 * time.batch) / time.ms,
    });
  });

  const images = (batch) => `batch of ${batch}`;
  const pixels = (side) => `${side} × ${side} px`;
  const distinct = (values) => [...new Set(values)].sort((a, b) => a - b);

  function describe({ label, times, x, y }) {
    const chosen = groups[state.group].series.filter((series) => shown[state.group].has(key(series)));
    const lines = chosen.map((series) => ({
      series,
      points: times
        .filter((time) => time.codec === series.name)
        .sort((a, b) => x(a) - x(b))
        .map((time) => ({ x: x(time), y: y(time), words: described(time) })),
    }));
    if (!times.length) return { empty: `no ${state.direction} time was taken` };
    if (!chosen.length) return { empty: "no codec is chosen" };
    const places = distinct(times.map(x));
    const [least, most] = [Math.min(...times.map(y)), Math.max(...times.map(y))];
    const log = most > LOG_FROM * least;
    // From 0, so that what looks twice as high takes twice as long.
    const [low, high] = log ? [least / 1.25, most * 1.25] : [0, most * 1.08];
    const [first, last] = [places[0], places[places.length - 1]];
    const room = (last - first) * 0.05 || first / 2;
    return {
      title: `${label[1]} over ${label[0]}`,
      x: { label: label[0], low: first - room, high: last + room, ticks: places },
      y: { label: label[1], low, high, log, ticks: log ? logTicks(low, high) : ticks(low, high, 6) },
      lines,
    };
  }

  function described(time) {
    const lines = [
      time.codec,
      `${time.direction}, ${pixels(time.resolution)}, ${images(time.batch)}`,
      `${short(time.ms)} ms (median)`,
      `${short(time.iqr)} ms interquartile range`,
      `${short((1000 * time.batch) / time.ms)} images per second`,
    ];
    if (time.doubtful) lines.push(time.doubtful);
    return lines;
  }

  /** Of each codec that is shown, a bar of the stages' shares at one resolution and batch. */
  function bars() {
    byId("stages-title").textContent =
      `Where the time goes, ${state.direction}, ${pixels(state.resolution)}, ${images(state.batch)}`;
    const look = (stage) => (stage === REST ? "rest" : `s${names.indexOf(stage) % STAGE_COLOURS}`);
    const present = new Set();
    const rows = [];
    for (const series of groups[state.group].series) {
      const time = here().find(
        (other) =>
          other.codec === series.name && other.resolution === state.resolution && other.batch === state.batch,
      );
      if (!time || !shown[state.group].has(key(series))) continue;
      const whole = Object.values(time.stages).reduce((sum, ms) => sum + ms, 0);
      const bar = html("div", { class: "bar" });
      for (const [stage, ms] of Object.entries(time.stages)) {
        const share = ms / whole;
        const title = `${stage}: ${short(ms)} ms, ${(100 * share).toFixed(1)} %`;
        const part = html("span", { class: look(stage), title }, share >= 0.09 ? `${Math.round(100 * share)} %` : "");
        part.style.width = `${100 * share}%`;
        bar.append(part);
        present.add(stage);
      }
      const total = html("span", { class: "quiet" }, ` ${short(time.ms)} ms`);
      rows.push(html("p", {}, series.name, total), whole > 0 ? bar : html("p", { class: "quiet" }, time.reason));
    }
    byId("stages").replaceChildren(...rows);
    if (!rows.length) byId("stages").append(html("p", { class: "quiet" }, "no time was taken of these"));
    const keys = [...names, REST].filter((stage) => present.has(stage));
    byId("stages-legend").replaceChildren(...keys.map((stage) => html("span", { class: `stage ${look(stage)}` }, stage)));
  }

  /** Returns a function that fills a box with what the group has, and chooses `first` of it. */
  function options(id, values, words, first, act) {
    const box = byId(id);
    const fill = () => {
      const choices = distinct(groups[state.group].times.map(values));
      box.replaceChildren(...choices.map((value) => html("option", { value }, words(value))));
      box.closest("label").hidden = choices.length < 2;
      box.value = first(choices);
      act(first(choices));
    };
    box.addEventListener("change", () => {
      act(Number(box.value));
      draw();
    });
    return fill;
  }

  const fillResolutions = options(
    "time-resolution", (time) => time.resolution, pixels, (choices) => choices[choices.length - 1],
    (value) => (state.resolution = value),
  );
  const fillBatches = options(
    "time-batch", (time) => time.batch, String, (choices) => choices[0], (value) => (state.batch = value),
  );

  function draw() {
    latency();
    throughput();
    bars();
  }

  function enter() {
    fillResolutions();
    fillBatches();
    legend(byId("time-legend"), groups[state.group].series, shown[state.group], draw);
    draw();
  }

  byId("time-plots").hidden = false;
  byId("time-group")?.addEventListener("change", (event) => {
    state.group = Number(event.target.value);
    enter();
  });
  enter();
  choice(byId("direction"), "encode", (direction) => {
    state.direction = direction;
    draw();
  });
}

/** Three significant digits, without an exponent. */
function short(value) {
  const digits = value > 0 ? Math.max(0, 2 - Math.floor(Math.log10(value))) : 0;
  return value.toFixed(Math.min(digits, 6));
}

if (byId("time-groups")) drawTimes(JSON.parse(byId("time-groups").textContent));
