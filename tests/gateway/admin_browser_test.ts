/**
 * The admin page in a real browser: it works without a script, and no page elsewhere can use it. Faults
 * X02, X07, X30 (CSRF, XSS, login CSRF), X31 (clickjacking), X33 (fixation, cookie tossing).
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { launchBrowser } from "../support/browser.ts";
import { testIf } from "../support/requires.ts";
import { type AdminWorld, createAdminWorld, TOKEN } from "./admin_support.ts";

/** A gateway and a hostile server, each on a socket of this machine. */
interface Opened {
  world: AdminWorld;
  browser: Browser;
  /** Port of the gateway. */
  port: number;
  /** Port of the hostile server, which answers any path with {@linkcode page}. */
  evilPort: number;
  evil: { page: string };
  /** Every request that reached the gateway. */
  seen: { method: string; path: string; cookie: string | null; status: number }[];
}

async function open(executablePath: string, run: (opened: Opened) => Promise<void>): Promise<void> {
  const world = createAdminWorld();
  const seen: Opened["seen"] = [];
  const evil = { page: "" };
  const listen = (handler: (request: Request) => Response | Promise<Response>) =>
    Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
  const gateway = listen(async (request) => {
    const response = await world.gateway.fetch(request);
    seen.push({
      method: request.method,
      path: new URL(request.url).pathname,
      cookie: request.headers.get("cookie"),
      status: response.status,
    });
    return response;
  });
  const hostile = listen(() =>
    new Response(`<!DOCTYPE html><title>evil</title>${evil.page}`, {
      headers: { "content-type": "text/html" },
    })
  );
  const browser = await launchBrowser(executablePath);
  try {
    const [port, evilPort] = [gateway.addr.port, hostile.addr.port];
    await run({ world, browser, port, evilPort, evil, seen });
  } finally {
    await browser.close();
    await Promise.all([gateway.shutdown(), hostile.shutdown()]);
  }
}

async function logIn(context: BrowserContext, origin: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${origin}/admin`);
  await page.getByLabel("Admin token").fill(TOKEN);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("button", { name: "Log out" }).waitFor();
  return page;
}

testIf("chromium", "the admin page signs in without a script, on a small screen", async (path) => {
  await open(path, async ({ world, browser, port }) => {
    const context = await browser.newContext({
      javaScriptEnabled: false,
      viewport: { width: 360, height: 640 },
    });
    const page = await logIn(context, `http://127.0.0.1:${port}`);
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    await page.getByLabel("Provider").selectOption("xai-oauth/global");
    await page.getByRole("button", { name: "Sign in" }).click();
    const code = await page.locator("p.code").innerText();
    await page.locator("svg.qr").waitFor();
    world.sandbox.approve(code);
    await world.clock.advance(10_000);
    // It finds out by itself.
    await page.getByRole("button", { name: "This is my account" }).click();
    await page.getByText(/^Signed in as/).waitFor();
    await page.getByRole("link", { name: "Done" }).click();
    await page.getByText("Sign out…").click();
    // Nothing is wider than the screen.
    for (const part of await page.locator("body, select, input:visible, button:visible").all()) {
      const { x, width } = (await part.boundingBox())!;
      assert(x + width <= 360, await part.innerHTML());
    }
    await page.getByRole("button", { name: /^Sign out of/ }).click();
    await page.getByText("Nobody is signed in").waitFor();
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByLabel("Admin token").waitFor();
    assertEquals(complaints, []);
  });
});

testIf("chromium", "the admin page X02, X07, X30: pages elsewhere change nothing", async (path) => {
  await open(path, async ({ world, browser, port, evilPort, evil, seen }) => {
    const origin = `http://127.0.0.1:${port}`;
    const context = await browser.newContext();
    await logIn(context, origin);
    const signIn = await world.approve("minimax-oauth");
    const form = (action: string, fields: string, type = "application/x-www-form-urlencoded") =>
      `<form method="post" action="${origin}${action}" enctype="${type}">${fields}</form>
       <script>document.forms[0].submit()</script>`;
    const name = `<input name="name" value="forged">`;
    const forgeries = [
      form("/admin/keys", name),
      form("/admin/keys", name, "text/plain"),
      form(`/admin/sign-ins/${signIn}/confirm`, ""),
      form("/admin/sign-ins", `<input name="target" value="xai-oauth/global">`),
      form("/admin/logout", ""),
      // Login CSRF, even by somebody who had the token.
      form("/admin/login", `<input name="token" value="${TOKEN}">`),
      `<script>
        const init = { method: "POST", mode: "no-cors", credentials: "include" };
        const body = new URLSearchParams({ name: "forged" });
        const sent = fetch("${origin}/admin/keys", { ...init, body });
        const api = fetch("${origin}/admin/api/keys", { ...init, body: '{"name":"forged"}' });
        Promise.allSettled([sent, api]).then(() => location.hash = "done");
      </script>`,
      `<img src="${origin}/admin/logout"><img src="${origin}/admin/keys?name=forged"
        onerror="location.hash = 'done'">`,
    ];
    // From another site, and from another port of the same one, to which cookies do go along.
    for (const host of ["localhost", "127.0.0.1"]) {
      for (const page of forgeries) {
        evil.page = page;
        const before = seen.length;
        const opened = await context.newPage();
        await opened.goto(`http://${host}:${evilPort}/`);
        await opened.waitForURL((url) => url.port === String(port) || url.hash === "#done");
        await opened.close();
        const posts = seen.slice(before).filter(({ method }) => method === "POST");
        assert(posts.every(({ status }) => status === 403 || status === 401), page);
        if (host === "localhost") assert(posts.every(({ cookie }) => cookie === null), page);
      }
    }
    assertEquals((await world.api("GET", "keys")).keys, []);
    assertEquals((await world.api("GET", `sign-ins/${signIn}`)).signIn.state, "approved");
    assertEquals(world.sandbox.counters.authorizations, 1);
    assertEquals(await world.credentials.list(), []);
    // The session is as it was.
    const page = await context.newPage();
    await page.goto(`${origin}/admin`);
    await page.getByRole("button", { name: "Log out" }).waitFor();
  });
});

testIf("chromium", "the admin page X31: it shows in no frame", async (path) => {
  await open(path, async ({ browser, port, evilPort, evil }) => {
    const origin = `http://127.0.0.1:${port}`;
    const context = await browser.newContext();
    await logIn(context, origin);
    evil.page = `<iframe src="${origin}/admin"></iframe><object data="${origin}/admin"></object>`;
    const page = await context.newPage();
    // By the same site too, so that the session would go along.
    await page.goto(`http://127.0.0.1:${evilPort}/`);
    await page.waitForLoadState("networkidle");
    for (const frame of page.frames()) {
      const text = await frame.locator("body").innerText().catch(() => "");
      assertEquals(/Grantway|Log out|Admin token/.test(text), false, frame.url());
    }
  });
});

testIf("chromium", "the admin page X30: hostile names are text, and run nothing", async (path) => {
  await open(path, async ({ world, browser, port }) => {
    const hostile =
      `"'><img src=x onerror="document.title='hit'"><script>document.title="hit"</script>`;
    const id = await world.approve("xai-oauth");
    const { account } = (await world.api("GET", `sign-ins/${id}`)).signIn;
    await world.api("POST", `sign-ins/${id}/confirm`, { account: account.id });
    const stored = (await world.credentials.list())[0]!;
    // As a provider, or whoever wrote into the store, might have named them.
    await world.credentials.put({
      ...stored,
      label: hostile,
      account: { id: hostile, label: hostile },
    });
    await world.credentials.put({
      ...stored,
      id: "dead0001",
      label: `<style>*{display:none}</style>`,
      status: "dead",
      tokens: null,
      lastError: { code: "invalid_grant", message: hostile, at: 0 },
    });
    await world.api("POST", "keys", { name: hostile.slice(0, 64) });
    const context = await browser.newContext();
    const page = await logIn(context, `http://127.0.0.1:${port}`);
    await page.waitForLoadState("networkidle");
    assertEquals(await page.title(), "Gateway · Grantway");
    assertEquals(await page.locator("img, script, iframe").count(), 0);
    assertEquals(await page.locator("strong").first().isVisible(), true);
    assertEquals(await page.getByText(hostile, { exact: true }).count() > 0, true);
    // And a page that the server of a sign-in names, with the account that it names.
    const again = await world.approve("xai-oauth", hostile.slice(0, 60));
    await page.goto(`http://127.0.0.1:${port}/admin/sign-ins/${again}`);
    assertEquals(await page.locator("img, script").count(), 0);
  });
});

testIf("chromium", "the admin page X33: no cookie of others opens it or stays", async (path) => {
  await open(path, async ({ browser, port, evilPort, evil, seen }) => {
    const origin = `http://localhost:${port}`;
    const context = await browser.newContext();
    const names = ["__Host-grantway-admin", "__Host-grantway-visitor", "grantway-admin"];
    evil.page = `<script>
      for (const name of ${JSON.stringify(names)}) {
        document.cookie = name + "=tossed; domain=localhost; path=/";
        document.cookie = name + "=tossed; domain=localhost; path=/admin; secure";
      }
      location.hash = "done";
    </script>`;
    const page = await context.newPage();
    await page.goto(`http://sibling.localhost:${evilPort}/`);
    await page.waitForURL((url) => url.hash === "#done");
    const admin = await logIn(context, origin);
    const prefixed = seen.flatMap(({ cookie }) => cookie?.split("; ") ?? [])
      .filter((cookie) => cookie.startsWith("__Host-"));
    assert(prefixed.length > 0);
    assertEquals(prefixed.filter((cookie) => cookie.endsWith("=tossed")), []);

    // What the browser had before it logged in is worth nothing then.
    const session = async () =>
      (await context.cookies()).find(({ name }) => name === "__Host-grantway-admin");
    const first = (await session())!;
    assertEquals([first.httpOnly, first.secure, first.sameSite], [true, true, "Strict"]);
    await admin.getByRole("button", { name: "Log out" }).click();
    await admin.getByLabel("Admin token").waitFor();
    assertEquals(await session(), undefined);
    await context.addCookies([first]);
    const again = await logIn(context, origin);
    assert((await session())!.value !== first.value);
    await again.close();
  });
});
