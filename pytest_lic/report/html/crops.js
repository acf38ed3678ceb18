// The crop viewer: original, reconstruction and their difference, scrolled and enlarged as one.

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
