// Makes the pictures of docs/logs.md: `node screenshots.mjs BINARY FOLDER`. Run by hand, where
// playwright-core is installed beside it, whenever the page's looks change.

import { join } from "node:path";
import { closeBrowser } from "./browser.mjs";
import { Proxy } from "./proxy.mjs";
import { Story } from "./story.mjs";
import { Upstream } from "./upstream.mjs";
import { Viewer } from "./viewer.mjs";

const [binary, folder] = process.argv.slice(2);
process.env.PROXY_BINARY = binary;

const upstream = await Upstream.start();
const proxy = await Proxy.start({
  command: "serve",
  codexConfig: upstream.config().replace("stream_max_retries = 0", "stream_max_retries = 1"),
  config: '[models.aliases]\nsonnet = "gpt-5.5-high"\n',
});
const story = new Story(proxy.url, upstream);

async function picture(name, options, show) {
  const viewer = await Viewer.open(proxy.url, options);
  await viewer.live();
  await show(viewer);
  // Whatever moves or fades has come to rest, and no row is marked by the mouse.
  await viewer.page.mouse.move(0, 0);
  await viewer.page.waitForTimeout(1500);
  await viewer.page.screenshot({ path: join(folder, `logs-${name}.png`), animations: "disabled" });
  await viewer.close();
  console.log(`logs-${name}.png`);
}

/** Opens a request or a conversation as the page's address does. */
const shown = (hash) => async (viewer) => {
  await viewer.load(hash);
  await viewer.live();
  await viewer.$("#panel .figures").waitFor();
};

try {
  await story.tell();
  const running = story.runs();
  const { ids } = story;
  const list = (viewer) => viewer.$('#grid [data-state="running"] [data-cell="first-token"]').filter({ hasText: /\d/ }).waitFor();
  await picture("list", { colorScheme: "light" }, list);
  await picture("dark", { colorScheme: "dark" }, list);
  await running;
  const light = { colorScheme: "light" };
  await picture("detail", light, shown(`#request=${ids.detail}`));
  await picture("conversation", light, shown(`#conversation=${ids.conversation}`));
  await picture("error", light, shown(`#request=${ids.error}`));
  const narrow = { colorScheme: "light", viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
  await picture("narrow", narrow, async () => {});
  await picture("narrow-detail", narrow, shown(`#request=${ids.answer}`));
} finally {
  await closeBrowser();
  await proxy.end();
  await upstream.end();
}
