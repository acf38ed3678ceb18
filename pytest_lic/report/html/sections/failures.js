// The crop viewer: original, reconstructions and a difference, scrolled and enlarged as one.

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
  const shown = Object.fromEntries(images.map((image) => [image.dataset.what, pixels(image)]));
  const { width, height, data } = shown.reconstruction;
  const difference = new Uint8ClampedArray(data.length);
  let [to, gain, largest] = ["original", 1, 0];

  function subtract() {
    const other = shown[to].data;
    for (let place = 0; place < data.length; place++) {
      difference[place] = place % 4 === 3 ? 0 : Math.abs(data[place] - other[place]);
    }
    const sorted = difference.filter((_, place) => place % 4 !== 3).sort();
    largest = sorted[sorted.length - 1];
    return sorted[Math.floor(sorted.length * 0.99)]; // a few samples may be cut off
  }

  function amplify() {
    const map = new ImageData(width, height);
    for (let place = 0; place < difference.length; place++) {
      map.data[place] = place % 4 === 3 ? 255 : difference[place] * gain;
    }
    context.putImageData(map, 0, 0);
    scale.textContent =
      `difference to the ${to} × ${gain}: full brightness is ${Math.floor(255 / gain)} of 255 ` +
      `levels or more; the largest here is ${largest}`;
  }

  let zoom = 1;
  function enlarge(times) {
    const pane = panes[0];
    const centre = [pane.scrollLeft + pane.clientWidth / 2, pane.scrollTop + pane.clientHeight / 2];
    for (const element of [...images, canvas]) {
      element.style.width = `${width * times}px`;
      element.style.height = `${height * times}px`;
    }
    pane.scrollLeft = (centre[0] * times) / zoom - pane.clientWidth / 2;
    pane.scrollTop = (centre[1] * times) / zoom - pane.clientHeight / 2;
    zoom = times;
  }

  for (const pane of panes) {
    pane.addEventListener("scroll", () => {
      for (const other of panes) {
        other.scrollLeft = pane.scrollLeft;
        other.scrollTop = pane.scrollTop;
      }
    });
  }
  choice(viewer.querySelector(".zoom"), "1", (value) => enlarge(Number(value)));
  const pressGain = choice(viewer.querySelector(".gain"), "1", (value) => {
    gain = Number(value);
    amplify();
  });
  const compare = (value) => {
    to = value;
    const most = subtract();
    pressGain(String([64, 16, 4].find((gain) => most * gain <= 255) ?? 1));
  };
  if (shown.baseline) choice(viewer.querySelector(".from"), "baseline", compare);
  else compare("original");
  viewer.querySelector(".tools").hidden = false;
}

for (const viewer of document.querySelectorAll(".crop")) crop(viewer);
