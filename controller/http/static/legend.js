// The legend of a chart: one button for each line, with its value at the cursor or, without a cursor, now.

import {clock, day, make, put, units, zone} from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const shown = (value) => value === undefined ? "–" : units(value);

const swatch = ({colour, dash, fill}) => {
  const picture = document.createElementNS(SVG, "svg"), line = document.createElementNS(SVG, fill ? "rect" : "line");
  const shape = fill ? {width: 26, height: 12, rx: 2} : {x1: 0, x2: 26, y1: 6, y2: 6, "stroke-dasharray": dash?.join(" ")};
  for (const [name, value] of Object.entries(shape)) if (value != null) line.setAttribute(name, value);
  for (const [name, value] of Object.entries({width: 26, height: 12, "aria-hidden": "true", class: `swatch ${fill ? "fill" : "line"} ${colour}`})) picture.setAttribute(name, value);
  picture.append(line);
  return picture;
};

// `lines`: {key, label, colour, dash, fill, hidden}. `toggle(key, shown)` is called when a line is hidden or shown.
export const legend = (box, lines, toggle) => {
  const at = make("p", {class: "at"}), list = make("ul", {class: "keys"});
  const values = new Map();
  for (const line of lines) {
    const value = make("b"), button = make("button", {type: "button", "aria-pressed": String(!line.hidden), "data-line": line.key}, swatch(line), make("span", {}, line.label), value);
    button.addEventListener("click", () => {
      const shown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(shown));
      toggle(line.key, shown);
    });
    values.set(line.key, value);
    list.append(make("li", {}, button));
  }
  box.replaceChildren(at, list);
  return {
    // `row`: the minute that is shown; `read(key, row)`: numbers of a line, two for a band.
    show: (time, atCursor, read) => {
      put(at, atCursor ? `At the cursor, ${day(time * 1000)} ${clock(time * 1000)} ${zone()}` : `Newest known values, ${clock(time * 1000)} ${zone()}`);
      for (const [key, value] of values) put(value, [...new Set(read(key).map(shown))].join(" to "));
    },
    text: () => `${at.textContent}: ${lines.map(({key, label}) => `${label} ${values.get(key).textContent}`).join(", ")}`,
  };
};
