// Tests of the page: each gets pages of its own, which must have done nothing wrong at the end.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import test, { after } from "node:test";
import { closeBrowser } from "./browser.mjs";
import { Proxy } from "./proxy.mjs";
import { Upstream } from "./upstream.mjs";
import { Viewer } from "./viewer.mjs";

after(closeBrowser);

/**
 * A test. `run({view, serve, script})`: `view(url, options)` opens the page of a proxy,
 * `serve(settings)` starts a proxy for this test alone, `script()` a scripted model server.
 */
export function pageTest(name, run) {
  test(name, async () => {
    const viewers = [];
    const proxies = [];
    const upstreams = [];
    const view = async (url, options) => {
      const viewer = await Viewer.open(url, options);
      viewers.push(viewer);
      return viewer;
    };
    const serve = async (settings) => {
      const proxy = await Proxy.start(settings);
      proxies.push(proxy);
      return proxy;
    };
    const script = async () => {
      const upstream = await Upstream.start();
      upstreams.push(upstream);
      return upstream;
    };
    try {
      await run({ view, serve, script });
      for (const { watch } of viewers) watch.assertClean();
    } catch (error) {
      await keepPictures(name, viewers);
      throw error;
    } finally {
      for (const viewer of viewers) await viewer.close();
      for (const proxy of proxies) await proxy.end();
      for (const upstream of upstreams) await upstream.end();
    }
  });
}

/** What the user would see, for whoever looks into a failure. */
async function keepPictures(name, viewers) {
  const folder = process.env.BROWSER_FAILURES;
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  for (const [number, { page }] of viewers.entries()) {
    const path = join(folder, `${name.replaceAll(/\W+/g, "-")}-${number + 1}.png`);
    await page.screenshot({ path }).then(() => console.log(`kept ${path}`), () => {});
  }
}
