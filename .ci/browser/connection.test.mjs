// The connection comes and goes, or has to go another way; the page stays useful.

import assert from "node:assert/strict";
import { Client, SLOW } from "./client.mjs";
import { pageTest } from "./page-test.mjs";
import { until } from "./until.mjs";

/** What Chromium itself says of a server that is gone. */
const GONE = [/net::ERR_/, /WebSocket connection to .* failed/];

pageTest("after a crash and a new start the page goes on by itself", async ({ view, serve }) => {
  const proxy = await serve();
  const client = new Client(proxy.url);
  const old = await client.say("Before the crash");
  const viewer = await view(proxy.url, { expect: GONE });
  await viewer.live();
  await viewer.listed(old.id, "done");
  const cut = client.say(SLOW).catch(() => {});
  const running = await until("a request runs", async () => (await viewer.ids()).find((id) => id !== old.id));
  await viewer.listed(running, "running");
  // So that the log has it on disk when the process dies.
  await client.log(`/requests/${running}`);

  await proxy.kill();
  await cut;
  await until("the loss is told", () => viewer.$("#connection").getAttribute("data-connection"), {
    accept: (state) => ["reconnecting", "offline"].includes(state),
    within: 5000,
  });
  assert.match(await viewer.$("#connection").textContent(), /reconnect|offline/i);
  await viewer.listed(old.id, "done");

  await proxy.start();
  await viewer.connection("live", { within: 20_000 });
  await viewer.listed(old.id, "done");
  await viewer.listed(running, "lost");
  const fresh = await client.say("After the new start");
  await viewer.listed(fresh.id, "done");
  await viewer.lists([fresh.id, running, old.id], "in order, each once");
});

pageTest("what happened while the page was away is there when it is back", async ({ view, serve }) => {
  const proxy = await serve();
  const client = new Client(proxy.url);
  const viewer = await view(proxy.url, { expect: GONE });
  await viewer.live();
  const first = await client.say("Seen live");
  await viewer.listed(first.id, "done");
  await proxy.stop();
  await viewer.connection("reconnecting");
  await viewer.page.context().setOffline(true);
  await proxy.start();
  const missed = await client.say("Said while the page was offline");
  assert.ok(!(await viewer.ids()).includes(missed.id), "the page is offline");
  await viewer.page.context().setOffline(false);
  await viewer.connection("live", { within: 20_000 });
  await viewer.lists([missed.id, first.id], "what was missed is there");
});

pageTest("a user who does not want to wait connects at once", async ({ view, serve }) => {
  const proxy = await serve();
  const viewer = await view(proxy.url, { expect: GONE });
  await viewer.live();
  await proxy.kill();
  const header = viewer.$("#connection");
  await until("the page waits for some seconds until it tries again", () => header.textContent(), {
    accept: (text) => Number(/in (\d+) s/.exec(text)?.[1]) >= 3,
    within: 20_000,
  });
  await proxy.start();
  await header.click();
  await viewer.connection("live", { within: 2000 });
});

pageTest("a page that is loaded while the proxy is away finds it later", async ({ view, serve }) => {
  const proxy = await serve();
  const client = new Client(proxy.url);
  const { id } = await client.say("Kept over a restart");
  // Without the proxy there is no page to load, so its API alone is cut off.
  let cut = true;
  const viewer = await view(proxy.url, { expect: GONE, load: false });
  await viewer.page.route("**/logs/api/**", (route) => (cut ? route.abort() : route.continue()));
  await viewer.page.routeWebSocket("**/logs/api/ws*", (socket) => (cut ? socket.close() : socket.connectToServer()));
  await viewer.load();
  await until("the page says that it is not connected", () => viewer.$("#connection").getAttribute("data-connection"), {
    accept: (state) => ["reconnecting", "offline"].includes(state),
  });
  assert.equal(await viewer.$("#empty").isVisible(), true, "the list tells why it is empty");
  cut = false;
  await viewer.listed(id, "done", { within: 20_000 });
});

pageTest("without WebSocket the page is live over a POST stream", async ({ view, serve }) => {
  const proxy = await serve();
  const client = new Client(proxy.url);
  const before = await client.say("Before the page was opened");
  const viewer = await view(proxy.url, {
    // A tunnel that does not let WebSockets through.
    init: () => {
      window.WebSocket = class extends EventTarget {
        readyState = 0;
        constructor(url) {
          super();
          this.url = url;
          setTimeout(() => {
            this.readyState = 3;
            for (const event of [new Event("error"), new CloseEvent("close", { code: 1006 })]) {
              this[`on${event.type}`]?.(event);
              this.dispatchEvent(event);
            }
          }, 20);
        }
        send() {}
        close() {}
      };
    },
  });
  await viewer.connection("fallback");
  await viewer.listed(before.id, "done");
  const sent = performance.now();
  const reply = client.say(SLOW);
  const id = await until("the request is listed", async () => (await viewer.ids()).find((id) => id !== before.id));
  const appeared = performance.now() - sent;
  assert.ok(appeared < 1000, `over the stream it took ${appeared} ms until the request was listed`);
  await viewer.listed(id, "running");
  await reply;
  await viewer.listed(id, "done");
});
