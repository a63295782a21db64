// A proxy with a key: the page asks for it, and gives nothing away without it.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { Client } from "./client.mjs";
import { pageTest } from "./page-test.mjs";
import { Proxy } from "./proxy.mjs";
import { until } from "./until.mjs";

const KEY = "correct-horse-battery-staple";
/** What Chromium itself says of a refusal. */
const REFUSED = [/status of 401/, /WebSocket connection to .* failed/];

let proxy;
let said;
before(async () => {
  proxy = await Proxy.start({ key: KEY });
  said = await new Client(proxy.url, { authorization: `Bearer ${KEY}` }).say("Nobody else may read this");
});
after(() => proxy.end());

pageTest("nothing of the log can be read without the key", async () => {
  const stranger = new Client(proxy.url);
  for (const [method, path] of [
    ["GET", "/logs/api/records"],
    ["GET", "/logs/api/requests"],
    ["GET", `/logs/api/requests/${said.id}`],
    ["GET", `/logs/api/requests/${said.id}/curl`],
    ["GET", "/logs/api/export?format=jsonl"],
    ["GET", "/logs/api/export?format=har"],
    ["GET", "/logs/api/ws"],
    ["POST", "/logs/api/stream"],
    ["DELETE", "/logs/api/records"],
  ]) {
    const { status, text } = await stranger.send(method, path);
    assert.equal(status, 401, `${method} ${path} without a key`);
    assert.equal(JSON.parse(text).error.code, "invalid_api_key");
    assert.ok(!text.includes("Nobody else"), text);
  }
});

pageTest("the page asks, tells of a wrong key, and opens with the right one", async ({ view }) => {
  const viewer = await view(proxy.url, { expect: REFUSED });
  const dialog = viewer.page.getByRole("dialog", { name: /key/i });
  await dialog.waitFor();
  await viewer.connection("locked");
  assert.deepEqual(await viewer.ids(), [], "nothing is listed");
  assert.equal(await viewer.$("#key").getAttribute("type"), "password");

  await viewer.$("#key").fill("something else");
  await dialog.getByRole("button", { name: "Unlock" }).click();
  await viewer.$("#key-error").filter({ hasText: /not the key/i }).waitFor();
  assert.equal(await dialog.isVisible(), true, "the dialog stays");

  await viewer.$("#key").fill(KEY);
  await viewer.page.keyboard.press("Enter");
  await dialog.waitFor({ state: "hidden" });
  await viewer.live();
  await viewer.listed(said.id, "done");

  await viewer.page.reload();
  await viewer.live();
  await viewer.listed(said.id, "done");
  assert.equal(await viewer.$("#key-dialog").isVisible(), false, "the page does not ask again");
});

pageTest("the session is the browser's alone, and for the log alone", async ({ view }) => {
  const viewer = await view(proxy.url, { expect: REFUSED });
  await viewer.$("#key").fill(KEY);
  await viewer.page.keyboard.press("Enter");
  await viewer.live();
  const cookies = await viewer.cookies();
  assert.equal(cookies.length, 1);
  const [cookie] = cookies;
  assert.deepEqual([cookie.httpOnly, cookie.sameSite, cookie.path], [true, "Strict", "/logs"]);
  assert.ok(!decodeURIComponent(cookie.value).includes(KEY), "the key is not in the cookie");
  const kept = await viewer.page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
  assert.ok(!kept.includes(KEY) && !kept.includes(cookie.value), `the page keeps no secret: ${kept}`);

  const bearer = new Client(proxy.url, { cookie: `${cookie.name}=${cookie.value}` });
  assert.equal((await bearer.send("GET", "/logs/api/records")).status, 200, "the cookie opens the log");
  assert.equal((await bearer.send("GET", "/v1/models")).status, 401, "the cookie opens nothing else");
  const foreign = await bearer.send("GET", "/logs/api/records", { headers: { origin: "https://evil.example" } });
  assert.equal(foreign.status, 403, "not for another site's page");
  const forged = new Client(proxy.url, { cookie: `${cookie.name}=${cookie.value.slice(0, -1)}${cookie.value.endsWith("0") ? 1 : 0}` });
  assert.equal((await forged.send("GET", "/logs/api/records")).status, 401, "a changed cookie opens nothing");
});

pageTest("logging out locks the page again", async ({ view }) => {
  const viewer = await view(proxy.url, { expect: REFUSED });
  await viewer.$("#key").fill(KEY);
  await viewer.page.keyboard.press("Enter");
  await viewer.listed(said.id, "done");
  await viewer.menu("Log out");
  await viewer.page.getByRole("dialog", { name: /key/i }).waitFor();
  assert.deepEqual(await viewer.cookies(), [], "the cookie is gone");
  await until("nothing is listed any more", async () => (await viewer.ids()).length === 0);
  await viewer.page.reload();
  await viewer.page.getByRole("dialog", { name: /key/i }).waitFor();
});

pageTest("without a key there is no key prompt and no log out", async ({ view, serve }) => {
  const open = await serve();
  const viewer = await view(open.url);
  await viewer.live();
  assert.equal(await viewer.$("#key-dialog").isVisible(), false);
  await viewer.page.getByRole("button", { name: "Menu" }).click();
  await viewer.page.getByRole("menuitem", { name: /Clear all/ }).waitFor();
  assert.equal(await viewer.page.getByRole("menuitem", { name: "Log out" }).count(), 0);
});
