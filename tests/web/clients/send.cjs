// Sends tracks with @segment/analytics-node: node send.cjs ADDRESS HOW_MANY plain|gzip; NODE_PATH says where the client is.
"use strict";
const { Analytics } = require("@segment/analytics-node");
const { gzipSync } = require("node:zlib");

const [address, many, packing] = process.argv.slice(2);
const packed = (url, options) =>
  fetch(url, { ...options, headers: { ...options.headers, "Content-Encoding": "gzip" }, body: gzipSync(options.body) });
const analytics = new Analytics({
  writeKey: "wk_demo",
  host: address,
  flushInterval: 100,
  ...(packing === "gzip" ? { httpClient: packed } : {}),
});
analytics.on("error", (error) => console.log(`failed ${JSON.stringify(error)}`));

(async () => {
  for (let at = 0; at < Number(many); at++) {
    analytics.track({
      userId: `u${at % 7}`,
      event: "Bought",
      messageId: `${packing}-${String(at).padStart(4, "0")}`,
      properties: { at, name: `é☃😀 "${at}"` },
      timestamp: new Date(Date.UTC(2026, 0, 1, 0, 0, at)),
    });
    if (at % 20 === 0) await new Promise((done) => setTimeout(done, 30));
    if (at === Number(many) / 4) console.log("under way");
  }
  await analytics.closeAndFlush({ timeout: 60_000 });
  console.log("done");
})();
