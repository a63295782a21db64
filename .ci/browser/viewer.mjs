// The page as its user knows it: rows, panel, filters, states.

import assert from "node:assert/strict";
import { browser, Watch } from "./browser.mjs";
import { until } from "./until.mjs";

/** Rows that are out of use stay in the page, hidden. */
const ROW = "#grid [role=row][data-request-id]:visible";

export class Viewer {
  /** Playwright's page. */
  page;
  watch;
  #context;
  #url;

  /**
   * Opens the page of the proxy at `url` in a fresh profile. `hash` is the state in its address,
   * `init` runs in it before its own scripts, `expect` are complaints to overlook, `load: false`
   * leaves the loading to the test, the rest goes to the browser's context.
   */
  static async open(url, { hash = "", init, expect = [], load = true, ...options } = {}) {
    const viewer = new Viewer();
    viewer.#url = url;
    viewer.#context = await (await browser()).newContext({ viewport: { width: 1440, height: 900 }, ...options });
    viewer.#context.setDefaultTimeout(8000);
    await viewer.#context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: url });
    viewer.watch = await Watch.over(viewer.#context, url);
    for (const pattern of expect) viewer.watch.expect(pattern);
    if (init) await viewer.#context.addInitScript(init);
    viewer.page = await viewer.#context.newPage();
    if (load) await viewer.load(hash);
    return viewer;
  }

  async close() {
    await this.#context.close();
  }

  /** Loads the page anew, in the state that `hash` tells. */
  async load(hash = "") {
    await this.page.goto("about:blank");
    const response = await this.page.goto(`${this.#url}/logs${hash}`);
    assert.equal(response.status(), 200, "the page can be loaded");
  }

  $(selector) {
    return this.page.locator(selector);
  }

  cookies() {
    return this.#context.cookies();
  }

  /** Waits until the header tells of that connection. */
  async connection(state, options) {
    await until(
      `the header says “${state}”`,
      () => this.$("#connection").getAttribute("data-connection", { timeout: 500 }),
      { accept: (shown) => shown === state, ...options },
    );
    return this;
  }

  live() {
    return this.connection("live");
  }

  row(id) {
    return this.$(ROW.replace("[data-request-id]", `[data-request-id="${id}"]`));
  }

  cell(id, name) {
    return this.row(id).locator(`[data-cell="${name}"]`);
  }

  /** Waits until a request is listed, in that state if one is given. */
  async listed(id, state, options) {
    await until(
      `request ${id} is listed${state ? ` as ${state}` : ""}`,
      async () => ((await this.row(id).count()) ? this.row(id).getAttribute("data-state", { timeout: 500 }) : "not listed"),
      { accept: (shown) => shown !== "not listed" && (!state || shown === state), ...options },
    );
    return this.row(id);
  }

  /** The ids of the requests that are in the page, from the top. */
  async ids() {
    const rows = await this.$(ROW).evaluateAll((all) =>
      all.map((row) => [Number(row.getAttribute("aria-rowindex")), row.dataset.requestId]),
    );
    return rows.sort(([a], [b]) => a - b).map(([, id]) => id);
  }

  /** Waits until exactly these requests are listed, from the top. */
  async lists(ids, why) {
    await until(`the list holds ${ids.length} requests${why ? ` (${why})` : ""}: ${ids.join()}`, () => this.ids(), {
      accept: (shown) => shown.join() === ids.join(),
    });
  }

  /** The row that the keyboard is on. */
  async current() {
    const id = await this.$("#grid").getAttribute("aria-activedescendant");
    return id ? this.$(`[id="${id}"]`).getAttribute("data-request-id") : null;
  }

  /** Opens a request by a click on its row. */
  async openRequest(id) {
    await (await this.listed(id)).locator('[data-cell="preview"]').click();
    await this.showsRequest(id);
  }

  /** Waits until the panel shows that request. */
  async showsRequest(id) {
    await this.$('#panel[data-panel="request"]').waitFor();
    await until(`the panel shows request ${id}`, () => this.$('#panel [data-fact="id"]').textContent({ timeout: 500 }), {
      accept: (text) => text.includes(id),
    });
  }

  async panelClosed() {
    await until("the panel is closed", async () => !(await this.$("#panel").isVisible()));
  }

  /** Shows a tab of the opened request. */
  async tab(name) {
    const label = { chat: "Conversation", records: "Records", raw: "Raw" }[name];
    await this.page.getByRole("tab", { name: label }).click();
    await this.$(`#tabpanel[data-tab="${name}"]`).waitFor();
    return this.$("#tabpanel");
  }

  async fact(name) {
    return (await this.$(`#panel [data-fact="${name}"]`).textContent()).trim();
  }

  /** Runs a command of the header's menu. */
  async menu(name) {
    await this.page.getByRole("button", { name: "Menu" }).click();
    await this.page.getByRole("menuitem", { name }).click();
  }

  /** Waits for a short note with that text, and gives it. */
  async toast(pattern) {
    const note = this.$("#toasts > *").filter({ hasText: pattern });
    await note.first().waitFor();
    return note.first().textContent();
  }

  /** The state in the page's address. */
  hash() {
    return new URLSearchParams(new URL(this.page.url()).hash.slice(1));
  }
}
