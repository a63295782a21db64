// Ten thousand requests: the list stays light and quick.

import assert from "node:assert/strict";
import { Client } from "./client.mjs";
import { pageTest } from "./page-test.mjs";
import { until } from "./until.mjs";

const COUNT = 10_000;

/** The most rows that may be in the page, whatever the list's length. */
const MOST_ROWS = 300;

/** The longest that the page may be busy at a stretch, on a machine that is busy itself. */
const LONGEST_TASK_MS = 1000;

pageTest("ten thousand rows can be scrolled through", async ({ view, serve }) => {
  const proxy = await serve();
  const client = new Client(proxy.url);
  const oldest = await client.say("The very first");
  await client.many(COUNT - 1, 16);

  const viewer = await view(proxy.url, {
    init: () => {
      window.longestTask = 0;
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) window.longestTask = Math.max(window.longestTask, duration);
      }).observe({ type: "longtask", buffered: true });
    },
  });
  await viewer.live();
  await until("rows are listed", async () => (await viewer.ids()).length > 0);

  const grid = viewer.$("#grid");
  const rowCount = () => viewer.$("#grid [role=row]").count();
  let most = 0;
  await grid.focus();
  await until(
    "scrolling reaches the end of the list",
    async () => {
      await viewer.page.keyboard.press("End");
      most = Math.max(most, await rowCount());
      return viewer.$("#tail").getAttribute("data-tail");
    },
    { accept: (tail) => tail === "end", within: 60_000 },
  );
  await viewer.page.keyboard.press("End");
  await viewer.listed(oldest.id, "done");
  assert.equal(await grid.getAttribute("aria-rowcount"), String(COUNT + 1), "the list tells its length");
  assert.match(await viewer.$("#count").textContent(), /10,000/);

  // Fast, as with the bar at the side: each time there are rows in the window.
  const height = await grid.evaluate((element) => element.scrollHeight);
  for (const share of [0.9, 0.1, 0.55, 0.02, 0.77, 0.3]) {
    await grid.evaluate((element, top) => element.scrollTo(0, top), height * share);
    await until(`there are rows at ${share * 100} % of the list`, () =>
      grid.evaluate((element) => {
        const { left, top, height } = element.getBoundingClientRect();
        return Boolean(document.elementFromPoint(left + 80, top + height / 2)?.closest("[data-request-id]"));
      }),
    );
    most = Math.max(most, await rowCount());
  }
  assert.ok(most < MOST_ROWS, `${most} rows are in the page at once`);

  await viewer.page.keyboard.press("Home");
  await viewer.page.keyboard.press("Home");
  const sent = performance.now();
  const { id } = await client.say("One more");
  await viewer.listed(id, "done");
  const seen = performance.now() - sent;
  assert.ok(seen < 3000, `with ten thousand rows it took ${seen} ms until a request of about one second was seen as done`);
  const longest = await viewer.page.evaluate(() => window.longestTask);
  assert.ok(longest < LONGEST_TASK_MS, `the page was frozen for ${longest} ms`);
});

pageTest("a search finds what is not loaded yet", async ({ view, serve }) => {
  const proxy = await serve();
  const client = new Client(proxy.url);
  const { id } = await client.say("A needle in the haystack");
  await client.many(3000, 16);
  const viewer = await view(proxy.url);
  await viewer.live();
  await viewer.$("#search").fill("needle in the hay");
  await viewer.lists([id]);
});
