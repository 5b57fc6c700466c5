/*! Ethogram for web sites: the service worker that shows notifications. Apache-2.0. */
// A site has a file of its own at /ethogram-push.js, of one line: importScripts("https://HOST/ethogram-push.js");
// A site that has a worker adds that line to it and names it in data-worker. Pushes that are not ours are left alone.
(function () {
  "use strict";

  function read(event) {
    try {
      const told = event.data.json();
      return told && typeof told.title === "string" && /^msg_/.test(told.id) ? told : null;
    } catch {
      return null;
    }
  }

  function safe(url) {
    try {
      const found = new URL(url || "/", self.location.href);
      return /^https?:$/.test(found.protocol) ? found.href : null;
    } catch {
      return null;
    }
  }

  self.addEventListener("push", (event) => {
    const told = read(event);
    if (!told) return;
    const { id, title, body, image, url, data = {} } = told;
    const shown = { body, tag: id, data: { ethogram: { id, url, data } } }; // a second time, it takes the first one's place
    for (const [name, address] of Object.entries({ icon: data.icon, badge: data.badge, image }))
      if (address && safe(address)) shown[name] = safe(address);
    event.waitUntil(self.registration.showNotification(title, shown));
  });

  self.addEventListener("notificationclick", (event) => {
    const ours = (event.notification.data || {}).ethogram;
    if (!ours) return;
    event.notification.close();
    const address = safe(ours.url); // by way of the server, which notes the click and leads on
    if (address) event.waitUntil(self.clients.openWindow(address));
  });

  self.addEventListener("pushsubscriptionchange", (event) => {
    const before = event.oldSubscription;
    // The page tells the server when it is looked at next.
    if (before) event.waitUntil(self.registration.pushManager.subscribe(before.options).catch(() => {}));
  });
})();
