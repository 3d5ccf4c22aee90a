// The forecast of one pool in words: its accuracy, what decides, and where rules and forecast differ.

import {nearest} from "./columns.js";
import {byId, clock, make, put, rebuild, whole, zone} from "./words.js";

const SHOWN = 2;

/** Describe the band of the chart, and show what decides and the differences. `hasBand`: whether the chart has a band. */
export const describe = (answer, hasBand) => {
  put(byId("decides"), answer == null ? "" : `${answer.decides_text} ${asked(answer)}`);
  const differences = answer?.differences ?? [];
  byId("differences").hidden = !differences.length;
  rebuild(byId("differences"), differences, () => listed(differences.map((each) => make("li", {}, each.text))));
  const agreed = answer?.next?.length && hasBand && !differences.length ? " For the next hours, the rules would ask for units between the forecast's P50 and P99." : "";
  if (!hasBand) return "No forecast yet.";
  return `${answer.doubt ?? `The band is the forecast made ${answer.lead_minutes} min ahead; after now, it is the current forecast.`} ${coverage(answer)}${agreed}`;
};

// The first differences; further ones on request.
const listed = (items) => items.length <= SHOWN + 1 ? items : [...items.slice(0, SHOWN), make("li", {}, make("details", {},
  make("summary", {}, `${items.length - SHOWN} more spans`), make("ul", {}, ...items.slice(SHOWN))))];

// The present target beside what the rules would ask for if demand matched the forecast.
const asked = ({target, next, next_missing: missing, now}) => {
  if (!next?.length) return `What they would ask for in the next hours is unknown${missing ? `: ${missing}` : ""}.`;
  const [minutes, most] = next.reduce((best, step) => step[1] > best[1] ? step : best);
  const later = most === next[0][1] ? "" : ` and up to ${whole(most)} from ${clock(Date.parse(now) + minutes * 60000)} ${zone()} on`;
  return `The target now is ${whole(target)}; if demand matched the forecast, the rules would ask for ${whole(next[0][1])} now${later}.`;
};

// Accuracy over the last 24 h: the share of minutes at or below the upper edge of the band.
const coverage = (answer) => {
  const at = nearest(answer.levels, 0.99), percent = Math.round(100 * answer.levels[at]), share = answer.past_day?.at_or_below?.[at];
  return share == null ? "" : `P${percent} coverage over 24 h: ${(100 * share).toFixed(0)} % (target ${percent} %).`;
};
