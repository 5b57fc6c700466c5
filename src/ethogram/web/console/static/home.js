// How many events came in the last minute, second by second, while the page is open.
import { listen } from "./listening.js";

const SECONDS = 60;
const rate = document.getElementById("rate");
const line = document.querySelector("#beats polyline");
const beats = new Array(SECONDS).fill(0);
let now = 0;

listen({ count: (told) => { now += told.events; } });

setInterval(() => {
  beats.push(now);
  beats.shift();
  now = 0;
  rate.textContent = beats.reduce((sum, each) => sum + each, 0).toLocaleString();
  const high = Math.max(1, ...beats);
  line.setAttribute("points", beats.map((each, at) => `${at},${(18 - (16 * each) / high).toFixed(1)}`).join(" "));
}, 1000);
