// Parts of streams: PSNR over the bytes received, a line for each codec.

function drawStreams(all) {
  const shown = new Set(all.filter((series) => series.shown).map(key));
  const draw = chart(byId("streams"), (width) => {
    const lines = all
      .filter((series) => shown.has(key(series)))
      .map((series) => ({
        series,
        points: series.points.map((part) => ({
          x: part.size,
          y: part.psnr,
          words: [
            series.name,
            `${(100 * part.passes).toFixed(0)} % of the passes`,
            `${part.size.toFixed(0)} bytes an image`,
            `${part.psnr.toFixed(2)} dB`,
          ],
        })),
      }));
    const points = lines.flatMap((line) => line.points).filter((point) => Number.isFinite(point.y));
    if (!points.length) return { empty: "no codec is chosen" };
    const sizes = points.map((point) => point.x);
    const qualities = points.map((point) => point.y);
    const x = { label: "bytes received of an image", low: 0, high: Math.max(...sizes) * 1.05 };
    x.ticks = ticks(x.low, x.high, Math.max(3, Math.round(width / 90)));
    const [least, most] = [Math.min(...qualities), Math.max(...qualities)];
    const room = (most - least) * 0.06 || 1;
    const y = { label: "PSNR (dB)", low: least - room, high: most + room };
    y.ticks = ticks(y.low, y.high, 8);
    return { title: "PSNR over bytes received", x, y, lines };
  });
  byId("stream-plot").hidden = false;
  legend(byId("stream-legend"), all, shown, draw);
  draw();
}

if (byId("stream-series")) drawStreams(JSON.parse(byId("stream-series").textContent));
