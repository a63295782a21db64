// Narrow screens, dark and light, zoom: everything can be reached and read.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { Client } from "./client.mjs";
import { pageTest } from "./page-test.mjs";
import { Proxy } from "./proxy.mjs";
import { until } from "./until.mjs";

/** What WCAG asks of text. */
const LEAST_CONTRAST = 4.5;

let proxy;
let loop;
let bad;
before(async () => {
  proxy = await Proxy.start();
  const client = new Client(proxy.url);
  loop = await client.toolLoop("Lima", { conversation_id: "peru", temperature: 0 });
  bad = await client.chat({ messages: [] });
  await client.many(30);
});
after(() => proxy.end());

const fits = (viewer) =>
  viewer.page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return scrollWidth <= clientWidth ? "fits" : `${scrollWidth} wide on ${clientWidth}`;
  });

pageTest("on a telephone: list, request, back", async ({ view }) => {
  const viewer = await view(proxy.url, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await viewer.live();
  await until("rows are listed", async () => (await viewer.ids()).length > 10);
  assert.equal(await fits(viewer), "fits", "nothing sticks out at the side");
  await viewer.page.getByRole("searchbox", { name: "Search" }).fill("Lima");
  await viewer.lists([loop.answer.id, loop.question.id]);
  await viewer.row(loop.question.id).tap();
  await viewer.showsRequest(loop.question.id);
  const panel = await viewer.$("#panel").boundingBox();
  assert.ok(panel.width >= 380, `the panel is as wide as the screen: ${panel.width}`);
  assert.equal(await fits(viewer), "fits", "nor in the panel");
  for (const name of ["chat", "records", "raw"]) {
    await viewer.tab(name);
    assert.equal(await fits(viewer), "fits", `nor in the tab ${name}`);
  }
  const close = viewer.$("#panel-close");
  assert.match(await close.textContent(), /Back/);
  const { width, height } = await close.boundingBox();
  assert.ok(Math.min(width, height) >= 24, `the button can be hit: ${width} × ${height}`);
  await close.tap();
  await viewer.panelClosed();
  await viewer.lists([loop.answer.id, loop.question.id]);
  await viewer.row(loop.answer.id).tap();
  await viewer.showsRequest(loop.answer.id);
  await viewer.page.goBack();
  await viewer.panelClosed();
});

pageTest("enlarged to twice the size everything still fits", async ({ view }) => {
  const viewer = await view(proxy.url, { viewport: { width: 640, height: 450 } });
  await viewer.live();
  const id = await until("a row is listed", async () => (await viewer.ids())[0]);
  assert.equal(await fits(viewer), "fits");
  await viewer.openRequest(id);
  assert.equal(await fits(viewer), "fits");
});

/** Texts in the window whose contrast with what is behind them is too low, as `text: ratio`. */
const faint = (viewer) =>
  viewer.page.evaluate((least) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const paint = (colours) => {
      context.clearRect(0, 0, 1, 1);
      for (const colour of colours) {
        context.fillStyle = colour;
        context.fillRect(0, 0, 1, 1);
      }
      return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const luminance = (rgb) => {
      const [r, g, b] = rgb.map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const found = [];
    for (const element of document.querySelectorAll("body *")) {
      const own = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
      if (!own.length || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
      if (element.closest("[disabled], option, .offscreen")) continue;
      const layers = [];
      for (let parent = element; parent; parent = parent.parentElement) layers.unshift(getComputedStyle(parent).backgroundColor);
      const behind = paint(["white", ...layers]);
      const text = paint([`rgb(${behind})`, getComputedStyle(element).color]);
      const [dark, light] = [luminance(behind), luminance(text)].sort((a, b) => a - b);
      const ratio = (light + 0.05) / (dark + 0.05);
      if (ratio < least) found.push(`${own[0].data.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
    }
    return [...new Set(found)];
  }, LEAST_CONTRAST);

pageTest("light and dark both can be read", async ({ view }) => {
  const backgrounds = [];
  for (const colorScheme of ["light", "dark"]) {
    const viewer = await view(proxy.url, { colorScheme });
    await viewer.live();
    await viewer.load(`#request=${loop.answer.id}`);
    await viewer.showsRequest(loop.answer.id);
    assert.deepEqual(await faint(viewer), [], `hard to read in ${colorScheme}`);
    await viewer.load(`#request=${bad.id}&tab=raw`);
    await viewer.showsRequest(bad.id);
    assert.deepEqual(await faint(viewer), [], `hard to read in ${colorScheme}, with an error`);
    await viewer.load("#conversation=peru");
    await viewer.$("#panel [data-turn]").first().waitFor();
    assert.deepEqual(await faint(viewer), [], `hard to read in ${colorScheme}, with a conversation`);
    backgrounds.push(await viewer.page.evaluate(() => getComputedStyle(document.body).backgroundColor));
  }
  assert.notEqual(backgrounds[0], backgrounds[1], "dark is not light");
});

pageTest("the theme can be chosen, and stays", async ({ view }) => {
  const viewer = await view(proxy.url, { colorScheme: "light" });
  await viewer.live();
  const background = () => viewer.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  const theme = viewer.page.getByRole("button", { name: /^Theme/ });
  await until("a click or two lead to dark", async () => {
    if ((await viewer.$("html").getAttribute("data-theme")) === "dark") return true;
    await theme.click();
    return false;
  });
  assert.notEqual(await background(), light);
  await viewer.page.reload();
  await viewer.live();
  assert.equal(await viewer.$("html").getAttribute("data-theme"), "dark");
  assert.notEqual(await background(), light, "also after a reload");
});

pageTest("screen readers find landmarks, names and states", async ({ view }) => {
  const viewer = await view(proxy.url);
  await viewer.live();
  for (const role of ["banner", "search", "main"]) {
    assert.equal(await viewer.page.getByRole(role).count(), 1, `one ${role}`);
  }
  await viewer.page.getByRole("grid", { name: "Requests" }).waitFor();
  const unnamed = await viewer.page.evaluate(() =>
    [...document.querySelectorAll("button, input, select, a[href]")]
      .filter((element) => element.checkVisibility())
      .filter((element) => !(element.ariaLabel || element.textContent.trim() || element.labels?.length || element.title))
      .map((element) => element.outerHTML.slice(0, 120)),
  );
  assert.deepEqual(unnamed, [], "everything that can be used has a name");
  await viewer.$("#grid [data-request-id]:visible").first().click();
  await viewer.page.getByRole("complementary", { name: /^Request/ }).waitFor();
});
