"use strict";
// What every part of the page uses. This file, chart.js and those of the sections make one script.

const SVG = "http://www.w3.org/2000/svg";

const byId = (id) => document.getElementById(id);

/** An SVG element with attributes and children; a child that is a string becomes text. */
const make = (name, ...content) => filled(document.createElementNS(SVG, name), ...content);

/** An HTML element with attributes and children. */
const html = (name, ...content) => filled(document.createElement(name), ...content);

function filled(element, attributes, ...children) {
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Buttons of which one is pressed; what presses another. */
function choice(holder, chosen, act) {
  const buttons = [...holder.querySelectorAll("button")];
  const press = (value) => {
    for (const button of buttons) button.setAttribute("aria-pressed", button.value === value);
    act(value);
  };
  for (const button of buttons) button.addEventListener("click", () => press(button.value));
  press(chosen);
  return press;
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

theme();
