// Everything that the page has is started.

theme();
if (byId("plots")) drawCurves(JSON.parse(byId("plots").textContent));
if (byId("time-groups")) drawTimes(JSON.parse(byId("time-groups").textContent));
for (const viewer of document.querySelectorAll(".crop")) crop(viewer);
if (byId("filter")) filter();
