// Everything with the keyboard alone.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { Client } from "./client.mjs";
import { pageTest } from "./page-test.mjs";
import { Proxy } from "./proxy.mjs";
import { until } from "./until.mjs";

let proxy;
let first;
let second;
let third;
before(async () => {
  proxy = await Proxy.start();
  const client = new Client(proxy.url);
  third = (await client.say("The third from the top")).id;
  second = (await client.say("The second from the top")).id;
  first = (await client.say("The first")).id;
});
after(() => proxy.end());

async function opened(view) {
  const viewer = await view(proxy.url);
  await viewer.live();
  await viewer.lists([first, second, third]);
  const press = (...keys) => keys.reduce((before, key) => before.then(() => viewer.page.keyboard.press(key)), Promise.resolve());
  const current = (id) => until(`the current row is ${id}`, () => viewer.current(), { accept: (shown) => shown === id });
  return { viewer, press, current };
}

pageTest("j and k move, Enter opens, Escape closes", async ({ view }) => {
  const { viewer, press, current } = await opened(view);
  await press("j");
  await current(first);
  await press("j", "j");
  await current(third);
  await press("k");
  await current(second);
  await press("Enter");
  await viewer.showsRequest(second);
  assert.equal(viewer.hash().get("request"), second);
  await press("Escape");
  await viewer.panelClosed();
  assert.equal(viewer.hash().get("request"), null);
  await press("j");
  await current(third);
});

pageTest("moving with a request open opens the next one", async ({ view }) => {
  const { viewer, press } = await opened(view);
  await press("j", "Enter");
  await viewer.showsRequest(first);
  await press("j");
  await viewer.showsRequest(second);
  await press("k");
  await viewer.showsRequest(first);
});

pageTest("a slash leads to the search, and letters are letters there", async ({ view }) => {
  const { viewer, press } = await opened(view);
  await press("/");
  await until("the search has the focus", () => viewer.$("#search").evaluate((field) => field === document.activeElement));
  await viewer.page.keyboard.type("third? j/k");
  assert.equal(await viewer.$("#search").inputValue(), "third? j/k");
  assert.equal(await viewer.$("#help-dialog").isVisible(), false, "a question mark in the search is a question mark");
  await viewer.$("#search").fill("third");
  await viewer.lists([third]);
  await press("Escape");
  await until("Escape leaves the search", () => viewer.$("#search").evaluate((field) => field !== document.activeElement));
});

pageTest("a question mark tells the keys", async ({ view }) => {
  const { viewer, press } = await opened(view);
  await press("?");
  const help = viewer.page.getByRole("dialog", { name: /keyboard/i });
  await help.waitFor();
  for (const key of ["/", "j", "k", "Enter", "Esc", "?"]) {
    const shown = await help.locator("kbd").allTextContents();
    assert.ok(shown.some((text) => text.trim() === key), `the help names ${key}, among ${shown.join(" ")}`);
  }
  await press("Escape");
  await help.waitFor({ state: "hidden" });
});

pageTest("p pauses and resumes; keys with Ctrl are the browser's", async ({ view }) => {
  const { viewer, press } = await opened(view);
  await press("p");
  await viewer.connection("paused");
  await press("p");
  await viewer.live();
  await press("Control+j");
  assert.equal(await viewer.current(), null, "no row is chosen");
});

pageTest("Tab reaches everything, and the focus can be seen", async ({ view }) => {
  const { viewer, press } = await opened(view);
  const reached = [];
  for (let i = 0; i < 40; i++) {
    await press("Tab");
    const { name, outlined } = await viewer.page.evaluate(() => {
      const element = document.activeElement;
      const style = getComputedStyle(element);
      const outlined = style.outlineStyle !== "none" || style.boxShadow !== "none";
      return { name: element.id || element.tagName, outlined };
    });
    if (name === "BODY" || reached.includes(name)) break;
    assert.ok(outlined, `the focus can be seen on ${name}`);
    reached.push(name);
  }
  for (const id of ["search", "filter-status", "pause", "menu-button", "grid"]) {
    assert.ok(reached.includes(id), `Tab reaches #${id}: ${reached.join()}`);
  }
});
