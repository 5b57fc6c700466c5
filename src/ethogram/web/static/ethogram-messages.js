/*! Ethogram for web sites: messages and notifications. Apache-2.0. ethogram.js loads it where they are wanted. */
// <script async src="https://HOST/ethogram.js" data-write-key="KEY" data-messages data-push></script>
// Attributes: data-worker="/worker.js" (that imports ethogram-push.js), data-close="Close" (what readers hear).
// Asks POST v1/messages after a page view, identify and track what to show, shows it in a shadow root by texts and
// addresses only, and tells what came of it. `ethogram.notify()` asks for notifications by web push.
(function () {
  "use strict";
  const ethogram = window.ethogram;
  const inside = ethogram && ethogram.inside;
  if (!inside || inside.messages) return; // included without ethogram.js, or twice
  inside.messages = true;
  const { key, home, options, allowed, read, write, remove, names, uuid, anonymousId, listeners, recent } = inside;

  const wanted = "messages" in options;
  const PAUSES = [100, 4000, 15000]; // after what happened: what a journey answers to it takes a moment
  const DAY = 86400000;
  const REMEMBERED = 100; // messages that this browser knows to have shown

  // --- the server -------------------------------------------------------------------------------------------------

  function told(more) {
    const [user, proof] = [read("user"), read("proof")];
    return { writeKey: key, anonymousId: anonymousId(), ...(user && { userId: user }), ...(proof && { proof }), ...more };
  }

  function post(path, body) {
    // A text body and no header of ours: the browser need not ask the server first whether it may (CORS).
    const request = { method: "POST", body: JSON.stringify(body), keepalive: true, credentials: "omit" };
    return fetch(new URL("v1/" + path, home), request);
  }

  function report(id, what, more) {
    const name = ["r", id, what, uuid()].join(".");
    write(name, told(more)); // kept until the server has it, over pages
    deliver(name);
  }

  function deliver(name) {
    const [, id, what] = name.split(".");
    const passing = (status) => status === 408 || status === 429 || status >= 500;
    return post(["messages", id, what].join("/"), read(name))
      .then(({ status }) => passing(status) || remove(name))
      .catch(() => {});
  }

  // --- asking -----------------------------------------------------------------------------------------------------

  let current = null; // what is shown
  let waiting = null; // what is to be shown, once the page was looked at for long enough
  let asked = 0;
  let timer = 0;

  function plan(step) {
    clearTimeout(timer);
    if (wanted && step < PAUSES.length) timer = setTimeout(ask, PAUSES[step], step);
  }

  function ask(step) {
    if (!allowed() || current || waiting || document.visibilityState === "hidden") return;
    const number = ++asked;
    post("messages", told({ url: location.href, events: recent.slice(-50) }))
      .then((answer) => (answer.ok ? answer.json() : {}))
      .catch(() => ({}))
      .then(({ message }) => {
        if (number !== asked || !allowed() || current) return;
        if (message && !known(message)) prepare(message);
        else plan(step + 1);
      });
  }

  function known(message) {
    const before = read("m." + message.id);
    return before === "done" || (before && !message.again);
  }

  function remember(id, what) {
    names("m.").slice(REMEMBERED).forEach(remove);
    write("m." + id, what);
  }

  function prepare(message) {
    const mine = (waiting = {});
    const from = Date.now() + message.after * 1000;
    const check = () => {
      if (waiting !== mine) return removeEventListener("scroll", check);
      const { scrollHeight } = document.documentElement;
      if (Date.now() < from || ((scrollY + innerHeight) / scrollHeight) * 100 < message.scroll) return;
      removeEventListener("scroll", check);
      waiting = null;
      if (allowed() && !current && !known(message)) present(message); // another tab may have shown it meanwhile
    };
    addEventListener("scroll", check, { passive: true });
    setTimeout(check, message.after * 1000);
  }

  function present(message) {
    const showing = uuid();
    remember(message.id, "shown");
    const over = (what, more) => {
      remember(message.id, "done");
      report(message.id, what, more);
      plan(1);
    };
    show(message, {
      pressed: (button, number) => {
        over("clicked", { showing, button: number });
        if (button.event) ethogram.track(button.event, { message_id: message.id });
      },
      dismissed: () => over("dismissed", { showing }),
    });
    report(message.id, "shown", { showing });
  }

  // --- showing ----------------------------------------------------------------------------------------------------

  const STYLE = `
    :host { all: initial }
    .box { --back: #fff; --fore: #1f2937; --accent: #0f766e; position: fixed; z-index: 2147483647; margin: 0;
      box-sizing: border-box; padding: 20px 24px; border: 0; background: var(--back); color: var(--fore);
      font: 16px/1.5 system-ui, sans-serif; text-align: start; overflow: auto; overscroll-behavior: contain;
      box-shadow: 0 8px 40px rgb(0 0 0 / .25); max-width: 100vw; max-height: 100vh }
    .box::backdrop { background: rgb(0 0 0 / .5) }
    .banner { left: 0; right: 0; bottom: 0; display: flex; flex-wrap: wrap; align-items: center; gap: 8px 20px;
      padding: 12px 56px 12px 24px }
    .banner.top { bottom: auto; top: 0 }
    .banner p { flex: 1 1 16em }
    .banner img { width: auto; max-height: 48px; margin: 0 }
    .card { right: 16px; bottom: 16px; width: min(22rem, calc(100vw - 32px)); border-radius: 12px }
    .card.left { right: auto; left: 16px }
    .card.top { bottom: auto; top: 16px }
    .modal { inset: 0; margin: auto; width: min(30rem, calc(100vw - 32px)); height: fit-content; border-radius: 12px }
    .fullscreen { inset: 0; width: 100%; height: 100%; max-width: none; max-height: none; display: flex;
      flex-direction: column; align-items: center; justify-content: safe center; gap: 12px; text-align: center }
    h2 { margin: 0 32px 4px 0; font-size: 1.25em; line-height: 1.3 }
    .banner h2 { margin: 0; font-size: 1em }
    .fullscreen h2 { margin: 0; font-size: 2em }
    p { margin: 0; white-space: pre-line; overflow-wrap: anywhere }
    img { display: block; max-width: 100%; max-height: 50vh; margin: 0 auto 12px; border-radius: 8px }
    .buttons { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 16px }
    .banner .buttons { margin: 0 }
    .buttons > * { font: inherit; cursor: pointer; padding: 8px 16px; border-radius: 8px; text-decoration: none;
      border: 1px solid var(--accent); background: none; color: var(--accent) }
    .buttons > .primary { background: var(--accent); color: var(--back) }
    .buttons > .link { border-color: transparent; text-decoration: underline; padding: 8px 4px }
    .close { position: absolute; top: 8px; right: 8px; width: 40px; height: 40px; border: 0; border-radius: 8px;
      background: none; color: inherit; font: 24px/1 system-ui, sans-serif; cursor: pointer }
    :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
  `;

  function safe(url) {
    try {
      const found = new URL(url, document.baseURI);
      return /^https?:$/.test(found.protocol) ? found.href : null;
    } catch {
      return null;
    }
  }

  function made(tag, parent, properties) {
    const element = Object.assign(document.createElement(tag), properties);
    parent.append(element);
    return element;
  }

  function show(message, on) {
    const host = document.createElement("ethogram-message");
    const root = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet(); // a policy against inline styles does not concern it
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    document.body.append(host);

    const modal = message.form === "modal" || message.form === "fullscreen";
    const style = message.style || {};
    const classes = ["box", message.form, style.position || ""].join(" ");
    const box = made(modal ? "dialog" : "section", root, { className: classes });
    for (const [name, value] of [["back", style.background], ["fore", style.text], ["accent", style.accent]])
      if (value) box.style.setProperty("--" + name, value);
    box.setAttribute("aria-labelledby", "title");
    if (!modal) box.setAttribute("aria-live", "polite"); // the page keeps the focus, and readers hear of it

    let open = true;
    const close = () => {
      if (!open) return;
      open = false;
      current = null;
      if (modal) box.close(); // gives the focus back
      host.remove();
    };
    const dismiss = () => open && (close(), on.dismissed());

    const picture = message.image && safe(message.image);
    if (picture) made("img", box, { src: picture, alt: "", referrerPolicy: "no-referrer" });
    made("h2", box, { id: "title", textContent: message.title, dir: "auto" });
    made("p", box, { textContent: message.body, dir: "auto" });
    const row = message.buttons && message.buttons.length && made("div", box, { className: "buttons" });
    (message.buttons || []).forEach((button, index) => {
      const href = button.url && safe(button.url);
      const element = made(href ? "a" : "button", row, { textContent: button.text, dir: "auto" });
      element.className = button.style || (index ? "secondary" : "primary");
      if (href) element.href = href;
      element.onclick = () => open && (close(), on.pressed(button, index + 1));
    });
    made("button", box, { className: "close", textContent: "\u00d7", onclick: dismiss })
      .setAttribute("aria-label", options.close || "Close");

    box.addEventListener("keydown", (event) => event.key === "Escape" && !modal && dismiss());
    if (modal) {
      box.addEventListener("cancel", (event) => (event.preventDefault(), dismiss()));
      box.addEventListener("close", dismiss);
      box.addEventListener("click", (event) => {
        const { left, right, top, bottom } = box.getBoundingClientRect();
        const { clientX: x, clientY: y, target, detail } = event;
        if (target === box && detail && (x < left || x > right || y < top || y > bottom)) dismiss(); // beside it
      });
      box.showModal();
    }
    current = { close };
  }

  // --- notifications ----------------------------------------------------------------------------------------------

  const worker = options.worker || "/ethogram-push.js";
  const scope = options.worker ? undefined : "/ethogram-push/"; // beside whatever worker the site has

  async function subscribed() {
    if (!navigator.serviceWorker || !window.PushManager || !window.Notification) return null;
    const place = new URL(scope || "./", new URL(worker, location.href)).href;
    const registration = await navigator.serviceWorker.getRegistration(place);
    return registration ? registration.pushManager.getSubscription() : null;
  }

  async function active(registration) {
    const coming = registration.installing || registration.waiting;
    if (!registration.active && coming)
      await new Promise((done) =>
        coming.addEventListener("statechange", () => /activated|redundant/.test(coming.state) && done())
      );
    return registration;
  }

  function bytes(text) {
    return Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (each) => each.charCodeAt(0));
  }

  async function subscribe() {
    const answer = await fetch(new URL("v1/devices/key", home), { credentials: "omit" });
    if (!answer.ok) throw new Error("the server sends no web push");
    const theirs = bytes((await answer.json()).key);
    const registration = await active(await navigator.serviceWorker.register(worker, { scope }));
    let subscription = await registration.pushManager.getSubscription();
    const bound = subscription && subscription.options.applicationServerKey;
    if (bound && String(new Uint8Array(bound)) !== String(theirs)) {
      await subscription.unsubscribe(); // the server has another key now
      subscription = null;
    }
    const wish = { userVisibleOnly: true, applicationServerKey: theirs };
    await register(subscription || (await registration.pushManager.subscribe(wish)));
  }

  async function register(subscription) {
    const answer = await post("devices", told({ platform: "web", subscription: subscription.toJSON() }));
    if (!answer.ok) throw new Error("the server answered " + answer.status);
    write("device", [subscription.endpoint, read("user"), Date.now()]);
  }

  let turn = Promise.resolve();

  function inTurn(work) {
    turn = turn.then(work).catch(() => {}); // a device that leaves one person and comes to another does so in order
  }

  async function keep() {
    const subscription = allowed() && (await subscribed());
    if (!subscription) return remove("device");
    const [endpoint, user, at] = read("device") || [];
    const same = endpoint === subscription.endpoint && user === read("user") && Date.now() - at < DAY;
    if (!same) await register(subscription);
  }

  async function leave(forgotten) {
    const subscription = await subscribed();
    remove("device");
    if (!subscription) return;
    await post("devices/remove", { writeKey: key, platform: "web", subscription: subscription.toJSON() });
    if (forgotten) await subscription.unsubscribe();
  }

  function softly(texts) {
    if (current || Date.now() < (read("asked") || 0)) return Promise.resolve("later");
    return new Promise((done) => {
      const later = () => {
        write("asked", Date.now() + (texts.days || 30) * DAY);
        done("later");
      };
      const buttons = [{ text: texts.yes || "Yes" }, { text: texts.no || "Not now" }];
      const title = texts.title || "May we notify you?";
      const card = { form: "card", body: texts.body || "", title, buttons, style: texts.style, image: texts.image };
      const pressed = (_, number) => (number === 1 ? done(permit()) : later());
      show(card, { pressed, dismissed: later });
    });
  }

  async function permit() {
    const answer = await Notification.requestPermission();
    if (answer !== "granted") return answer === "denied" ? answer : "later";
    await subscribe();
    return answer;
  }

  // "granted", "denied", "later" (asked again another day), "off", "unsupported" or "refused" (no consent)
  async function notify(texts = {}) {
    if (!allowed()) return "refused";
    if (texts === false) return await leave(true), "off";
    if (!navigator.serviceWorker || !window.PushManager || !window.Notification) return "unsupported";
    try {
      if (Notification.permission === "denied") return "denied";
      return await (Notification.permission === "default" && texts.ask !== false ? softly(texts) : permit());
    } catch (error) {
      console.warn("ethogram: no notifications", error);
      return "unsupported";
    }
  }

  // --- what happens by itself -------------------------------------------------------------------------------------

  function heard(what) {
    if (what === "withdrawn" || what === "reset") {
      clearTimeout(timer);
      asked++;
      waiting = null;
      if (current) current.close();
      inTurn(() => leave(what === "withdrawn"));
      return;
    }
    if (what === "page") waiting = null; // it was for the page before
    if (what === "identify") inTurn(keep);
    plan(0);
  }

  document.addEventListener("click", (event) => {
    const element = event.target.closest && event.target.closest("[data-ethogram-notify]");
    if (element) notify({ ask: false });
  });
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && plan(0));

  ethogram.notify = notify;
  listeners.push(heard);
  names("r.").forEach(deliver);
  inTurn(keep);
  plan(0);
})();
