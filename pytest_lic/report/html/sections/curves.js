// Rate and quality: a curve for each codec, its baseline and each anchor.

function drawCurves(plots, metrics) {
  const first = Object.keys(metrics)[0];
  const state = { plot: 0, metric: first, log: false, baselines: true };
  const shown = plots.map((all) => new Set(all.filter((series) => series.shown).map(key)));
  const draw = chart(byId("plot"), describe);

  function describe(width) {
    const { metric, log } = state;
    const lines = plots[state.plot]
      .filter((series) => shown[state.plot].has(key(series)) && (series.kind !== "baseline" || state.baselines))
      .map((series) => ({ series, points: pointsOf(series) }));
    // Anchors may reach far beyond the codecs; they are cut off where those end.
    let framing = lines.filter(({ series }) => series.kind !== "anchor").flatMap(({ points }) => points);
    if (!framing.length) framing = lines.flatMap(({ points }) => points);
    if (!framing.length) {
      return { empty: lines.length ? `no ${metrics[metric].name} was measured` : "no curve is chosen" };
    }
    const rates = framing.map((point) => point.x);
    const qualities = framing.map((point) => point.y);
    const x = {
      label: "rate (bits per pixel)",
      log,
      low: log ? Math.min(...rates) / 1.15 : 0,
      high: Math.max(...rates) * (log ? 1.15 : 1.05),
    };
    x.ticks = log ? logTicks(x.low, x.high) : ticks(x.low, x.high, Math.max(3, Math.round(width / 90)));
    const [least, most] = [Math.min(...qualities), Math.max(...qualities)];
    const room = (most - least) * 0.06 || Math.abs(most) * 0.02 || 1;
    const y = { label: metrics[metric].label, low: least - room, high: most + room };
    y.ticks = ticks(y.low, y.high, 8);
    const order = { anchor: 0, baseline: 1, measured: 2 };
    lines.sort((a, b) => order[a.series.kind] - order[b.series.kind]);
    return { title: `${metrics[metric].label} over bits per pixel`, x, y, lines };
  }

  function pointsOf(series) {
    return series.points
      .map((point, place) => ({
        x: point.bpp,
        y: point[state.metric],
        regressed: series.verdicts[place] === "regressed",
        words: described(series, point, series.verdicts[place]),
      }))
      .filter((point) => point.x > 0 && Number.isFinite(point.y));
  }

  function described(series, point, verdict) {
    const kinds = { measured: "", baseline: " (baseline)", anchor: " (anchor)" };
    const lines = [series.name + kinds[series.kind]];
    if (series.kind !== "anchor") {
      lines.push(`quality ${point.quality}` + (point.lambda === null ? "" : `, λ = ${point.lambda}`));
    }
    lines.push(`${point.bpp?.toFixed(4)} bpp`);
    for (const [metric, { name, digits, unit }] of Object.entries(metrics)) {
      if (Number.isFinite(point[metric])) lines.push(`${name} ${point[metric].toFixed(digits)}${unit}`);
    }
    if (verdict) lines.push(verdict);
    if (series.source) lines.push(series.source);
    return lines;
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
    const all = plots[state.plot].filter((series) => series.kind !== "baseline");
    legend(byId("legend"), all, shown[state.plot], draw);
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
  choice(byId("metric"), first, (metric) => {
    state.metric = metric;
    update();
  });
}

if (byId("plots")) {
  drawCurves(JSON.parse(byId("plots").textContent), JSON.parse(byId("plot").dataset.metrics));
}
