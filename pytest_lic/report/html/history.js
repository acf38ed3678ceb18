// What was recorded over time: a line for each codec over the commits that recorded something.

function drawHistory(plots, metrics) {
  const state = { plot: 0, metric: metrics[0].name };
  const shown = plots.map(({ series }) => new Set(series.filter((one) => one.shown).map(key)));
  const draw = chart(byId("plot"), describe);

  function describe(width) {
    const { series: all, commits } = plots[state.plot];
    const lines = all
      .filter((series) => shown[state.plot].has(key(series)))
      .map((series) => ({ series, points: pointsOf(series) }));
    const values = lines.flatMap(({ points }) => points.map((point) => point.y));
    if (!values.length) return { empty: lines.length ? `no ${state.metric} was recorded` : "no codec is chosen" };
    const most = Math.max(3, Math.round(width / 60));
    const x = { label: "commits that recorded something, the oldest first", low: 0.5, high: commits + 0.5 };
    x.ticks = ticks(1, Math.max(commits, 2), Math.min(commits, most)).filter(
      (mark) => Number.isInteger(mark) && mark >= 1 && mark <= commits,
    );
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const room = (high - low) * 0.08 || Math.abs(high) * 0.02 || 1;
    const y = { label: state.metric, low: low - room, high: high + room };
    y.ticks = ticks(y.low, y.high, 8);
    return { title: `${state.metric} over the commits`, x, y, lines };
  }

  function pointsOf(series) {
    return series.points
      .map((point) => ({
        x: point.x,
        y: point.values[state.metric],
        regressed: point.step,
        words: described(series, point),
      }))
      .filter((point) => Number.isFinite(point.y));
  }

  function described(series, point) {
    const numbers = metrics
      .filter(({ name }) => Number.isFinite(point.values[name]))
      .map(({ name, decimals }) => `${name}: ${point.values[name].toFixed(decimals)}`);
    const step = point.step ? ["step: another level begins here"] : [];
    return [series.name, `${point.commit}, ${point.date}`, point.subject, ...numbers, ...step];
  }

  function update() {
    legend(byId("legend"), plots[state.plot].series, shown[state.plot], draw);
    draw();
  }

  byId("no-script").hidden = true;
  for (const id of ["plot", "legend", "plot-tools"]) byId(id).hidden = false;
  byId("setting").addEventListener("change", (event) => {
    state.plot = Number(event.target.value);
    update();
  });
  choice(byId("metric"), state.metric, (metric) => {
    state.metric = metric;
    update();
  });
}

drawHistory(JSON.parse(byId("plots").textContent), JSON.parse(byId("axes").textContent));
