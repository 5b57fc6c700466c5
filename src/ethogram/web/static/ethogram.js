/*! Ethogram for web sites. Apache-2.0. No dependency, no cookie, no build step: this is the source. */
// <script async src="https://HOST/ethogram.js" data-write-key="KEY"></script>
// Attributes: data-consent="required", data-pages="manual", data-session-minutes="30", data-host="https://HOST",
// data-messages (the site shows messages), data-push (it asks for notifications): see ethogram-messages.js.
// Reads the page; keeps ids, session and unsent events in localStorage; sends to POST v1/batch by the Segment spec.
(function () {
  "use strict";
  const script = document.currentScript || document.querySelector("script[data-write-key]");
  const options = script ? script.dataset : {};
  const key = options.writeKey;
  const early = window.ethogram; // an array of calls made before this file arrived: [["track", "x"], …]
  if (early && early.track) return; // included twice
  if (!key) return console.warn("ethogram: the script tag needs data-write-key");

  const MINUTE = 60000;
  const IDLE = (Number(options.sessionMinutes) || 30) * MINUTE; // so long without activity ends a session
  const HOUR = 60 * MINUTE;
  const PAUSE = 200; // what comes within it travels together
  const LEASE = 30000; // a sent event whose answer was never seen is left alone so long, here and in other tabs,
  const DOUBT = 12 * HOUR; // and is given up after that, well within the time in which the server knows its messageId
  const MOST = 500; // unsent events kept; beyond it the oldest go
  const EVENT_BYTES = 32000;
  const BATCH_BYTES = 48000; // a browser lets 64 KiB travel while a page goes away
  const home = options.host ? options.host.replace(/\/*$/, "/") : script.src || location.href;
  const url = new URL("v1/batch", home).href;

  // --- what is kept ---------------------------------------------------------------------------------------------

  const PREFIX = "ethogram." + key + ".";
  const memory = {}; // stands in where the browser refuses storage or has no room

  function read(name) {
    if (name in memory) return memory[name];
    try {
      return JSON.parse(localStorage.getItem(PREFIX + name));
    } catch {
      return null;
    }
  }

  function write(name, value) {
    try {
      localStorage.setItem(PREFIX + name, JSON.stringify(value));
      delete memory[name];
    } catch {
      memory[name] = value;
    }
  }

  function remove(name) {
    delete memory[name];
    try {
      localStorage.removeItem(PREFIX + name);
    } catch {}
  }

  function names(start) {
    let stored = [];
    try {
      stored = Object.keys(localStorage).filter((each) => each.startsWith(PREFIX));
    } catch {}
    const all = stored.map((each) => each.slice(PREFIX.length)).concat(Object.keys(memory));
    return [...new Set(all)].filter((each) => each.startsWith(start)).sort();
  }

  // --- consent --------------------------------------------------------------------------------------------------

  const required = options.consent === "required" || navigator.globalPrivacyControl === true;
  let ready = false;
  const held = {}; // the last identify and group made before consent: in memory only, forgotten with the page

  function allowed() {
    const given = read("consent");
    return given === true || (given !== false && !required);
  }

  function consent(given) {
    if (given === undefined) return allowed();
    const before = allowed();
    if (given) {
      write("consent", true);
      if (!before && ready) begin();
    } else {
      tell("withdrawn");
      names("").forEach(remove);
      delete held.identify;
      delete held.group;
      if (!required) write("consent", false); // without it the next page would begin again
    }
    return allowed();
  }

  // --- events ---------------------------------------------------------------------------------------------------

  function uuid() {
    if (crypto.randomUUID) return crypto.randomUUID(); // only where the page came by https
    return "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (digit) =>
      (digit ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (digit / 4)))).toString(16)
    );
  }

  function anonymousId() {
    const known = read("anonymous");
    if (known) return known;
    const made = uuid();
    write("anonymous", made);
    return made;
  }

  let viewed = null; // the address of the last page view
  let referrer = document.referrer;

  function page() {
    const { pathname: path, search, href } = location;
    return { path, referrer, search, title: document.title, url: href };
  }

  function context(sessionId) {
    const campaign = {};
    new URLSearchParams(location.search).forEach((value, name) => {
      if (name.startsWith("utm_")) campaign[name === "utm_campaign" ? "name" : name.slice(4)] = value;
    });
    return {
      library: { name: "ethogram.js", version: "1" },
      locale: navigator.language,
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      screen: { width: screen.width, height: screen.height, density: window.devicePixelRatio },
      page: page(),
      ...(Object.keys(campaign).length && { campaign }),
      sessionId,
    };
  }

  let counted = 0;

  function put(type, fields, at, about, messageId = uuid()) {
    const call = { type, messageId, timestamp: new Date(at).toISOString(), anonymousId: anonymousId() };
    const user = read("user");
    if (user) call.userId = user;
    Object.assign(call, fields, { context: about });
    let bytes;
    try {
      bytes = size(call);
    } catch (error) {
      return console.warn("ethogram: cannot be written as JSON", fields, error);
    }
    if (bytes > EVENT_BYTES) return console.warn("ethogram: larger than " + EVENT_BYTES + " bytes", fields);
    const unsent = names("q.");
    unsent.slice(0, Math.max(0, unsent.length - MOST + 1)).forEach(remove);
    write(["q", Date.now(), 1e6 + counted++, messageId].join("."), [0, call]); // the name sorts by time
    schedule(PAUSE);
  }

  function record(type, fields) {
    if (!allowed()) return;
    const session = touch();
    if (type === "page") write("session", Object.assign(session, { pages: session.pages + 1 }));
    put(type, fields, Date.now(), context(session.id));
    tell(type, fields.event);
  }

  // --- messages and notifications: a file of its own, for sites that want them ---------------------------------------

  const listeners = [];
  const recent = []; // events that were tracked on this page
  let pages = 0;
  let more;

  function tell(what, event) {
    if (what === "page" && pages++) recent.length = 0; // what was tracked before the first view is of its page
    if (event) recent.push(event);
    listeners.forEach((each) => each(what));
  }

  function load() {
    return (more =
      more ||
      new Promise((done) => {
        const element = document.createElement("script");
        element.src = new URL("ethogram-messages.js", home).href;
        element.nonce = script.nonce || "";
        element.onload = done;
        document.head.append(element);
      }));
  }

  function notify(...given) {
    if (!allowed()) return Promise.resolve("refused");
    return load().then(() => ethogram.notify(...given)); // the file has put its own in this one's place
  }

  // --- sessions -------------------------------------------------------------------------------------------------

  let touched = 0;
  let idle = 0;

  function touch() {
    const now = (touched = Date.now());
    let session = read("session");
    if (session && now - session.last >= IDLE) session = end(session);
    if (!session) {
      session = { id: uuid(), start: now, pages: 0 };
      put("track", { event: "session_started", properties: { session_id: session.id } }, now, context(session.id));
    }
    session.last = now;
    write("session", session);
    clearTimeout(idle);
    idle = setTimeout(rest, IDLE);
    return session;
  }

  function end(session) {
    const { id, start, last, pages } = session;
    const seconds = Math.max(0, Math.round((last - start) / 1000));
    const properties = { session_id: id, duration_seconds: seconds, page_views: pages };
    const { page: _, campaign: __, ...about } = context(id); // it may end while another page is looked at
    remove("session");
    put("track", { event: "session_ended", properties }, last, about, id + "-ended"); // one id for however many tabs
    return null;
  }

  function rest() {
    const session = allowed() && read("session");
    if (!session) return;
    const left = session.last + IDLE - Date.now(); // another tab may have been active
    if (left <= 0) end(session);
    else idle = setTimeout(rest, left);
  }

  function active() {
    if (Date.now() - touched > 1000 && allowed()) touch();
  }

  function leave() {
    const session = allowed() && read("session"); // what was in view until now counts, but leaving begins nothing
    if (session && Date.now() - session.last < IDLE) write("session", Object.assign(session, { last: Date.now() }));
  }

  // --- sending --------------------------------------------------------------------------------------------------

  const size = (value) => new TextEncoder().encode(JSON.stringify(value)).length;
  let timer = 0;
  let sending = false;
  let failures = 0;
  let patience = 0; // no attempt before this instant

  function schedule(delay) {
    clearTimeout(timer);
    timer = setTimeout(flush, delay);
  }

  function take(now) {
    const taken = [];
    let bytes = 0;
    let wake = 0;
    for (const name of names("q.")) {
      const [sent, call] = read(name) || [];
      if (!call || (sent && now - sent > DOUBT)) {
        remove(name);
      } else if (sent && Math.abs(now - sent) < LEASE) {
        wake = wake || sent + LEASE - now;
      } else {
        bytes += size(call);
        if (bytes > BATCH_BYTES || taken.length === 100) break;
        taken.push([name, call]);
      }
    }
    return { taken, wake };
  }

  function flush(leaving) {
    if (!allowed() || (sending && !leaving)) return;
    const now = Date.now();
    const asked = read("wait") || 0; // the server's own word holds for the next page too
    const until = Math.max(leaving ? 0 : patience, asked - now > HOUR ? 0 : asked);
    if (until > now) return schedule(until - now);
    const { taken, wake } = take(now);
    if (!taken.length) return wake && schedule(wake);
    const mark = (sent) => taken.forEach(([name, call]) => read(name) && write(name, [sent, call]));
    const batch = taken.map(([, call]) => call);
    const body = JSON.stringify({ writeKey: key, sentAt: new Date(now).toISOString(), batch });
    mark(now);
    if (leaving) return navigator.sendBeacon(url, body) ? flush(true) : mark(0);
    sending = true;
    // A text body and no header of ours: the browser need not ask the server first whether it may (CORS).
    fetch(url, { method: "POST", body, keepalive: true, credentials: "omit" })
      .then((answer) => {
        const { status } = answer;
        if (status === 408 || status === 429 || status >= 500) return retry(mark, answer.headers.get("Retry-After"));
        if (!answer.ok) console.warn("ethogram: the server answered " + status + ", these events are dropped", batch);
        else answer.json().then(report).catch(() => {});
        taken.forEach(([name]) => remove(name));
        failures = patience = 0;
      })
      .catch(() => retry(mark))
      .then(() => {
        sending = false;
        flush();
      });
  }

  function report({ rejected }) {
    if (rejected && rejected.length) console.warn("ethogram: rejected", rejected);
  }

  function retry(mark, after) {
    mark(0);
    const now = Date.now();
    const backOff = Math.min(1000 * 2 ** failures++, 5 * MINUTE) * (0.5 + Math.random() / 2);
    const asked = after ? Math.min((Number(after) * 1000 || Date.parse(after) - now) || 0, HOUR) : 0;
    patience = now + Math.max(backOff, asked);
    if (asked > 0 && allowed()) write("wait", now + asked);
  }

  // --- what people call -----------------------------------------------------------------------------------------

  function view(...said) {
    if (viewed && viewed !== location.href) referrer = viewed;
    viewed = location.href;
    const texts = said.filter((each) => typeof each === "string");
    const fields = { properties: Object.assign(page(), said.find((each) => each && typeof each === "object")) };
    if (texts.length) fields.name = fields.properties.name = texts.pop();
    if (texts.length) fields.category = fields.properties.category = texts.pop();
    record("page", fields);
  }

  function track(event, properties = {}) {
    if (!event || typeof event !== "string") return console.warn("ethogram: track needs the event's name", event);
    record("track", { event, properties });
  }

  function identify(id, traits = {}, proof) {
    if (!allowed()) return void (held.identify = [id, traits, proof]);
    if (id && typeof id === "object") [id, traits] = [null, id];
    if (id != null && id !== "") {
      const known = read("user");
      if (known && known !== String(id)) reset(); // somebody else at the same device: two people, not one
      write("user", String(id));
      if (proof) write("proof", proof); // that it is them, for messages; made by the site's own server
    }
    record("identify", { traits });
  }

  function group(id, traits = {}) {
    if (!allowed()) return void (held.group = [id, traits]);
    if (id == null || id === "") return console.warn("ethogram: group needs the account's id");
    record("group", { groupId: String(id), traits });
  }

  function reset() {
    const session = read("session");
    if (session && allowed()) end(session);
    tell("reset");
    ["user", "proof", "anonymous", "session"].forEach(remove);
    delete held.identify;
    delete held.group;
  }

  // --- what happens by itself -----------------------------------------------------------------------------------

  const automatic = options.pages !== "manual";
  const route = () => location.pathname + (/^#[!/]/.test(location.hash) ? location.hash : "");
  let [where, query] = [route(), location.search];
  let soon = 0;

  function moved(replaced) {
    const changed = route() !== where || (!replaced && location.search !== query);
    [where, query] = [route(), location.search];
    if (!changed || !automatic) return;
    clearTimeout(soon);
    soon = setTimeout(arrive, 50); // the page sets its title first, and a redirect is one view
  }

  function arrive() {
    clearTimeout(soon);
    soon = 0;
    view();
  }

  for (const method of ["pushState", "replaceState"]) {
    const original = history[method];
    history[method] = function () {
      const result = original.apply(this, arguments);
      moved(method === "replaceState");
      return result;
    };
  }

  function declared(event, element) {
    if (!element) return;
    const properties = {};
    for (const { name, value } of element.attributes) {
      if (!name.startsWith("data-ethogram-prop-")) continue;
      const number = value.length < 16 && /^-?(0|[1-9]\d*)(\.\d+)?$/.test(value);
      const plain = value === "true" || value === "false" ? value === "true" : number ? Number(value) : value;
      properties[name.slice(19).replace(/-/g, "_")] = plain;
    }
    track(element.getAttribute("data-ethogram-event"), properties);
  }

  const on = (target, events, listener) =>
    events.split(" ").forEach((event) => target.addEventListener(event, listener, { capture: true, passive: true }));

  on(document, "click", (event) => {
    const element = event.target.closest && event.target.closest("[data-ethogram-event]");
    if (element && element.tagName !== "FORM") declared(event, element);
  });
  on(document, "submit", (event) => declared(event, event.target.closest("form[data-ethogram-event]")));
  on(window, "pointerdown keydown scroll", active);
  on(window, "popstate", () => moved(false));
  on(window, "online", () => {
    patience = 0;
    flush();
  });
  on(document, "visibilitychange", () => {
    if (document.visibilityState === "visible") return active();
    leave();
    flush(); // the last chance to see an answer
  });
  on(window, "pagehide", () => {
    if (soon) arrive();
    leave();
    flush(true);
  });
  on(window, "pageshow", (event) => {
    if (!event.persisted) return;
    sending = false;
    if (automatic) view();
  });

  function begin() {
    if (held.identify) identify(...held.identify);
    if (held.group) group(...held.group);
    if (automatic) view();
    flush();
    if ("messages" in options || "push" in options || read("device")) load();
  }

  const ethogram = { track, identify, page: view, group, reset, consent, notify };
  ethogram.inside = { key, home, options, allowed, read, write, remove, names, uuid, anonymousId, listeners, recent };
  ethogram.push = ([method, ...given]) => ethogram[method](...given);
  window.ethogram = ethogram;
  const start = () => {
    if (Array.isArray(early)) early.forEach(ethogram.push);
    ready = true;
    if (allowed()) begin();
  };
  if (document.prerendering) document.addEventListener("prerenderingchange", start, { once: true });
  else start();
})();
