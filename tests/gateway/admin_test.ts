// The admin side: who gets in, what each route does, and what no page elsewhere can make a browser do.
// design.md 8; faults X30-X33 (CSRF, clickjacking, unauthenticated start, fixation), X03, X24.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Secret } from "../../src/core/secret.ts";
import { createAdminWorld, fieldsOf, FormBrowser, ORIGIN, TOKEN } from "./admin_support.ts";

const ROUTES: readonly (readonly [method: string, path: string])[] = [
  ["GET", "accounts"],
  ["DELETE", "accounts/minimax-oauth/one"],
  ["POST", "sign-ins"],
  ["GET", "sign-ins/one"],
  ["POST", "sign-ins/one/confirm"],
  ["DELETE", "sign-ins/one"],
  ["GET", "keys"],
  ["POST", "keys"],
  ["DELETE", "keys/laptop"],
  ["GET", "settings"],
  ["PUT", "settings/default_model"],
  ["DELETE", "settings/default_model"],
  ["GET", "usage"],
  ["GET", "doctor"],
  ["GET", "nothing"],
];

Deno.test("the admin API X32: nobody without the token gets in or starts anything", async () => {
  const world = createAdminWorld();
  const wrong = ["", "x", TOKEN.toUpperCase(), `${TOKEN}x`, TOKEN.slice(0, -1), `"${TOKEN}"`];
  for (const [method, path] of ROUTES) {
    for (const token of wrong.slice(0, 2)) {
      const { status, error } = await world.api(method, path, bodyOf(method), token);
      assertEquals([status, error.code], [401, "unauthorized"], `${method} ${path}`);
    }
  }
  const other = createAdminWorld();
  for (const token of wrong) {
    assertEquals((await other.api("GET", "keys", undefined, token)).status, 401);
  }
  // Not as a client key, a cookie, a query or another scheme either.
  for (
    const headers of [
      { "x-api-key": TOKEN },
      { authorization: `Basic ${btoa(`admin:${TOKEN}`)}` },
      { cookie: `__Host-grantway-admin=${TOKEN}` },
      {},
    ]
  ) {
    const response = await other.send(`/admin/api/keys?token=${TOKEN}`, { headers });
    assertEquals(response.status, 401);
    await response.body?.cancel();
  }
  assertEquals(world.sandbox.counters.requests, {});
  assertEquals(await world.credentials.list(), []);
});

function bodyOf(method: string): unknown {
  return method === "POST" || method === "PUT" ? { provider: "minimax-oauth" } : undefined;
}

Deno.test("the admin side without a token that is worth one answers 503 and says what to set", async () => {
  for (const token of [undefined, new Secret("short")]) {
    const world = createAdminWorld({ token });
    for (const presented of ["", "short", "undefined", TOKEN]) {
      const { status, error } = await world.api("GET", "accounts", undefined, presented);
      assertEquals(status, 503);
      assertMatch(error.hint, /wrangler secret put GRANTWAY_ADMIN_TOKEN/);
    }
    const page = await world.send("/admin");
    assertEquals(page.status, 503);
    assertMatch(await page.text(), /GRANTWAY_ADMIN_TOKEN/);
  }
});

Deno.test("the admin token is guessed thirty times a minute at most; the right one is let in", async () => {
  const world = createAdminWorld();
  const statuses = new Set<number>();
  for (let n = 0; n < 40; n++) {
    statuses.add((await world.api("GET", "keys", undefined, `wrong-${n}`)).status);
  }
  assertEquals([...statuses], [401, 429]);
  assertEquals((await world.api("GET", "keys")).status, 200);
  await world.clock.advance(61_000);
  assertEquals((await world.api("GET", "keys", undefined, "wrong")).status, 401);
});

Deno.test("the admin API knows its routes and no others", async () => {
  const world = createAdminWorld();
  const cases: readonly (readonly [method: string, path: string, status: number])[] = [
    ["GET", "nothing", 404],
    ["GET", "", 404],
    ["GET", "keys/", 404],
    ["GET", "constructor", 404],
    ["GET", "accounts/one", 404],
    ["GET", "keys/%2e%2e", 404],
    ["GET", "keys/%zz", 404],
    ["POST", "accounts", 405],
    ["PATCH", "keys", 405],
    ["POST", "sign-ins/one/refuse", 404],
    ["HEAD", "keys", 200],
  ];
  for (const [method, path, status] of cases) {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const response = await world.send(`/admin/api/${path}`, { method, headers });
    assertEquals(response.status, status, `${method} ${path}`);
    await response.body?.cancel();
  }
  for (const path of ["/admin//api/keys", "/Admin/api/keys", "/admin%2fapi/keys", "/adminx"]) {
    const response = await world.send(path, { headers: { authorization: `Bearer ${TOKEN}` } });
    assert(!response.ok || !/"keys"/.test(await response.text()), path);
    if (!response.bodyUsed) await response.body?.cancel();
  }
});

Deno.test("the admin API signs in, and uses nothing before it is confirmed", async () => {
  const world = createAdminWorld();
  const id = await world.approve("xai-oauth", "work");
  const { signIn } = await world.api("GET", `sign-ins/${id}`);
  assertEquals([signIn.state, signIn.label], ["approved", "work"]);
  assertEquals((await world.api("GET", "accounts")).accounts, []);
  const refused = await world.api("POST", `sign-ins/${id}/confirm`, { account: "somebody-else" });
  assertEquals(refused.status, 400);
  const confirmed = await world.api("POST", `sign-ins/${id}/confirm`, {
    account: signIn.account.id,
  });
  assertEquals(confirmed.signIn.state, "stored");
  const { accounts } = await world.api("GET", "accounts");
  assertEquals(accounts.map((account: { index: number }) => account.index), [1]);
  const { credential, status } = accounts[0];
  assertEquals([credential.label, status.state], ["work", "valid"]);
  assertEquals(["tokens" in credential, "intent" in credential], [false, false]);
  assert(world.canaries.size > 3);

  const removed = await world.api("DELETE", `accounts/xai-oauth/${credential.id}`);
  assertEquals(removed.removed.label, "work");
  assertEquals((await world.api("DELETE", `accounts/xai-oauth/${credential.id}`)).status, 404);
});

Deno.test("the admin API gives a sign-in up, and says where there is none", async () => {
  const world = createAdminWorld();
  const id = await world.approve("xai-oauth");
  assertEquals((await world.api("DELETE", `sign-ins/${id}`)).cancelled, true);
  assertEquals(world.sandbox.counters.requests["POST auth.x.ai/oauth2/revoke"], 1);
  for (const [method, end] of [["GET", ""], ["DELETE", ""], ["POST", "/confirm"]] as const) {
    const { status } = await world.api(
      method,
      `sign-ins/${id}${end}`,
      method === "POST" ? {} : undefined,
    );
    assertEquals(status, 404);
  }
});

Deno.test("the admin API refuses to begin what cannot be signed in to", async () => {
  const world = createAdminWorld();
  const bodies = [
    {},
    { provider: "nobody" },
    { provider: 7 },
    { provider: "xai" },
    { provider: "minimax-oauth", region: "moon" },
    { provider: "minimax-oauth", label: "" },
    { provider: "minimax-oauth", label: "a\u001b[31mb" },
    { provider: "minimax-oauth", label: "x".repeat(65) },
    { provider: "xai-oauth", upstream: "nowhere" },
    [],
    "text",
  ];
  for (const body of bodies) {
    const { status } = await world.api("POST", "sign-ins", body);
    assertEquals(status, 400, JSON.stringify(body));
  }
  assertEquals(world.sandbox.counters.authorizations, 0);
  // An alias, and a provider that signs in through another.
  for (const [name, region] of [["minimax-portal", "global"], ["minimax-cn", "cn"]]) {
    const { signIn } = await world.api("POST", "sign-ins", { provider: name });
    assertEquals([signIn.provider, signIn.region], ["minimax-oauth", region]);
  }
});

Deno.test("the admin API makes, lists and revokes client keys", async () => {
  const world = createAdminWorld();
  const { status, key, secret } = await world.api("POST", "keys", {
    name: "laptop",
    scope: { routes: ["messages"] },
    limits: { concurrent: 2 },
  });
  assertEquals([status, key.name], [201, "laptop"]);
  assertMatch(secret, /^gw_[\w-]{43}$/);
  const { keys } = await world.api("GET", "keys");
  assertEquals(keys, [key]);
  assertEquals(JSON.stringify(keys).includes(secret), false);
  for (const body of [{}, { name: 7 }, { name: "laptop" }, { name: "a", scope: [] }]) {
    assertEquals((await world.api("POST", "keys", body)).status, 400, JSON.stringify(body));
  }
  assertEquals((await world.api("DELETE", "keys/laptop")).key.id, key.id);
  assertEquals((await world.api("DELETE", "keys/laptop")).status, 404);
});

Deno.test("the admin API reads and changes settings, and keeps wrong ones out", async () => {
  const world = createAdminWorld();
  await world.api("PUT", "settings/default_model", { value: "xai-oauth/grok-4.3" });
  await world.api("PUT", "settings/aliases.gpt-*", { value: "default" });
  assertEquals((await world.api("GET", "settings")).settings, {
    "default_model": "xai-oauth/grok-4.3",
    "aliases.gpt-*": "default",
  });
  for (const [name, value] of [["nothing", "x"], ["limits.concurrent", "-1"], ["origins", "*"]]) {
    assertEquals((await world.api("PUT", `settings/${name}`, { value })).status, 400, name);
  }
  assertEquals((await world.api("PUT", "settings/default_model", {})).status, 400);
  const path = "settings/aliases.gpt-*";
  assertEquals((await world.api("DELETE", path)).wasSet, true);
  assertEquals((await world.api("DELETE", path)).wasSet, false);
  assertEquals(Object.keys((await world.api("GET", "settings")).settings), ["default_model"]);
});

Deno.test("the admin API reports usage and health", async () => {
  const world = createAdminWorld();
  world.usage.record({
    at: world.clock.now(),
    keyId: "key_one",
    provider: "xai-oauth",
    account: "one",
    model: "grok-4.3",
    outcome: "completed",
    inputTokens: 1,
    cacheReadTokens: 2,
    cacheWriteTokens: 3,
    outputTokens: 4,
  });
  const { rows } = await world.api("GET", "usage");
  assertEquals([rows.length, rows[0].outputTokens], [1, 4]);
  assertEquals((await world.api("GET", "usage?from=2999-01-01")).rows, []);
  assertEquals((await world.api("GET", "usage?from=yesterday")).status, 400);
  const { sections } = await world.api("GET", "doctor");
  assertEquals(sections.map(({ name }: { name: string }) => name), ["Store", "Accounts"]);
});

Deno.test("the admin side X03: no page of another origin may read it, allowed elsewhere or not", async () => {
  const world = createAdminWorld();
  await world.api("PUT", "settings/origins", { value: "https://app.example" });
  await world.clock.advance(60_000);
  const headers = { origin: "https://app.example", authorization: `Bearer ${TOKEN}` };
  const response = await world.send("/admin/api/keys", { headers });
  assertEquals(response.headers.get("access-control-allow-origin"), null);
  await response.body?.cancel();
});

Deno.test("the admin page: log in, sign in, confirm, make a key, sign out, log out", async () => {
  const world = createAdminWorld();
  const browser = new FormBrowser(world);
  const front = await browser.logIn();
  assertMatch(front.text, /Nobody is signed in/);
  const waiting = await browser.submit(front, "/admin/sign-ins", {
    target: "xai-oauth/global",
    label: "work",
  });
  const id = /sign-ins\/([\w-]+)$/.exec(waiting.path)![1]!;
  assertMatch(waiting.text, /<meta http-equiv="refresh" content="3"/);
  assertMatch(waiting.text, /<svg class="qr"/);
  const code = /<p class="code">([^<]+)</.exec(waiting.text)![1]!;
  world.sandbox.approve(code);
  await world.clock.advance(10_000);
  const approved = await browser.get(waiting.path);
  assertMatch(approved.text, /Nothing uses it before you confirm it/);
  assertEquals(approved.text.includes("http-equiv"), false);
  assertEquals(await world.credentials.list(), []);
  const stored = await browser.submit(approved, `/admin/sign-ins/${id}/confirm`);
  assertMatch(stored.text, /Signed in as work/);

  const listed = await browser.get("/admin");
  assertMatch(listed.text, /<strong>work<\/strong>/);
  const made = await browser.submit(listed, "/admin/keys", { name: "laptop" });
  assertMatch(made.text, /gw_[\w-]{43}/);
  const withKey = await browser.get("/admin");
  assertEquals(/gw_[\w-]{43}/.test(withKey.text), false);
  const again = await browser.submit(withKey, "/admin/keys", { name: "laptop" });
  assertEquals(again.status, 400);
  assertMatch(again.text, /there is a key called/);
  const revoked = await browser.submit(again, "/admin/keys/revoke");
  assertMatch(revoked.text, /No client key/);
  const left = await browser.submit(revoked, "/admin/accounts/remove");
  assertMatch(left.text, /Nobody is signed in/);
  const out = await browser.submit(left, "/admin/logout");
  assertMatch(out.text, /Admin token/);
  assertEquals(world.canaries.find(JSON.stringify([waiting, approved, stored, listed])), undefined);
});

Deno.test("the admin page discards what was approved by somebody else", async () => {
  const world = createAdminWorld();
  const browser = new FormBrowser(world);
  await browser.logIn();
  const id = await world.approve("minimax-oauth");
  const page = await browser.get(`/admin/sign-ins/${id}`);
  assertMatch(page.text, /does not say whose account it is/);
  await browser.submit(page, `/admin/sign-ins/${id}/cancel`);
  assertEquals((await browser.get(`/admin/sign-ins/${id}`)).status, 404);
  assertEquals(await world.credentials.list(), []);
});

Deno.test("the admin page X30: a POST that no form of this session sent changes nothing", async () => {
  const world = createAdminWorld();
  const browser = new FormBrowser(world);
  const front = await browser.logIn();
  const other = new FormBrowser(world);
  const otherFront = await other.logIn();
  const id = await world.approve("minimax-oauth");
  const approved = await browser.get(`/admin/sign-ins/${id}`);
  const confirm = `/admin/sign-ins/${id}/confirm`;
  const good = fieldsOf(front, "/admin/keys");
  const forged: Record<string, () => Promise<{ status: number }>> = {
    "another origin": () =>
      browser.submit(front, "/admin/keys", { name: "a" }, { origin: "https://evil.example" }),
    "a sibling of its domain": () =>
      browser.submit(front, "/admin/keys", { name: "a" }, { origin: "https://x.gateway.example" }),
    "another port": () =>
      browser.submit(front, "/admin/keys", { name: "a" }, { origin: `${ORIGIN}:8443` }),
    "no origin": () => browser.submit(front, "/admin/keys", { name: "a" }, { origin: "" }),
    "the origin null": () =>
      browser.submit(front, "/admin/keys", { name: "a" }, { origin: "null" }),
    "the browser's word": () =>
      browser.submit(front, "/admin/keys", { name: "a" }, { "sec-fetch-site": "cross-site" }),
    "a same-site word": () =>
      browser.submit(front, "/admin/keys", { name: "a" }, { "sec-fetch-site": "same-site" }),
    "no form token": () => browser.post("/admin/keys", { name: "a" }),
    "a wrong form token": () =>
      browser.post("/admin/keys", { name: "a", form_token: "x".repeat(43) }),
    "another form's token": () =>
      browser.post("/admin/keys", { name: "a", ...fieldsOf(front, "/admin/logout") }),
    "another session's token": () =>
      browser.post("/admin/keys", { name: "a", ...fieldsOf(otherFront, "/admin/keys") }),
    "another sign-in's token": () =>
      browser.post(confirm, { ...fieldsOf(approved, `/admin/sign-ins/${id}/cancel`) }),
    "text/plain": () =>
      browser.submit(front, "/admin/keys", { name: "a" }, { "content-type": "text/plain" }),
    "JSON": () =>
      browser.submit(front, "/admin/keys", { name: "a" }, { "content-type": "application/json" }),
    "no session": () => new FormBrowser(world).post("/admin/keys", { name: "a", ...good }),
  };
  for (const [name, forge] of Object.entries(forged)) {
    const { status } = await forge();
    assert(status === 403 || status === 401, `${name}: ${status}`);
  }
  assertEquals((await world.api("GET", "keys")).keys, []);
  assertEquals((await world.api("GET", `sign-ins/${id}`)).signIn.state, "approved");
  // And not by GET at all.
  for (const path of ["/admin/keys?name=a", "/admin/logout", confirm]) await browser.get(path);
  assertEquals((await world.api("GET", "keys")).keys, []);
  assertMatch((await browser.get("/admin")).text, /Log out/);
  // The form itself does it.
  assertEquals((await browser.submit(front, "/admin/keys", { name: "a" })).status, 200);
});

Deno.test("the admin page X33: a login makes a new session, and nothing else opens the page", async () => {
  const world = createAdminWorld();
  const browser = new FormBrowser(world);
  const front = await browser.get("/admin");
  const before = browser.cookies.get("__Host-grantway-visitor")!;
  await browser.submit(front, "/admin/login", { token: TOKEN });
  const session = browser.cookies.get("__Host-grantway-admin")!;
  assertEquals(browser.cookies.has("__Host-grantway-visitor"), false);
  assert(session.split(".")[0] !== before.split(".")[0]);

  const isIn = async (cookie: string) => {
    const response = await world.send("/admin", { headers: { cookie } });
    return /Log out/.test(await response.text());
  };
  const name = "__Host-grantway-admin";
  const [id, end, signature] = session.split(".") as [string, string, string];
  assert(await isIn(`other=1; ${name}=${session}`));
  const others = {
    "nothing": "",
    "the visitor's": `${name}=${before}`,
    "a longer life": `${name}=${id}.${Number(end) + 1}.${signature}`,
    "another id": `${name}=${"A".repeat(22)}.${end}.${signature}`,
    "no signature": `${name}=${id}.${end}.`,
    "a cut signature": `${name}=${id}.${end}.${signature.slice(1)}`,
    "two of one name": `${name}=${session}; ${name}=${session}`,
    "without the prefix": `grantway-admin=${session}`,
    "the token itself": `${name}=${TOKEN}`,
  };
  for (const [what, cookie] of Object.entries(others)) {
    assertEquals(await isIn(cookie), false, what);
  }

  // Under another admin token it means nothing.
  const changed = createAdminWorld({ token: new Secret("another-admin-token-than-before") });
  changed.clock.offset = world.clock.now() - changed.clock.mono;
  const response = await changed.send("/admin", { headers: { cookie: `${name}=${session}` } });
  assertEquals(/Log out/.test(await response.text()), false);

  // Logging out ends it, wherever else it is.
  const listed = await browser.get("/admin");
  await browser.submit(listed, "/admin/logout");
  assertEquals(await isIn(`${name}=${session}`), false);
  // And time does.
  const later = new FormBrowser(world);
  await later.logIn();
  const lasting = `${name}=${later.cookies.get(name)}`;
  await world.clock.advance(59 * 60_000);
  assert(await isIn(lasting));
  await world.clock.advance(2 * 60_000);
  assertEquals(await isIn(lasting), false);
});

Deno.test("the admin page: a wrong token is refused, slowed down, and shown nowhere", async () => {
  const world = createAdminWorld();
  const browser = new FormBrowser(world);
  const wrong = await browser.logIn("wrong-token-<b>");
  assertEquals(wrong.status, 401);
  assertEquals(wrong.text.includes("wrong-token"), false);
  let last = wrong;
  for (let n = 0; n < 40; n++) last = await browser.submit(last, "/admin/login", { token: "x" });
  assertEquals(last.status, 429);
  assertEquals(browser.cookies.has("__Host-grantway-admin"), false);
  assertMatch((await browser.submit(last, "/admin/login", { token: TOKEN })).text, /Log out/);
});

Deno.test("the admin page X31: its policy allows no script, no frame and no other origin", async () => {
  const world = createAdminWorld();
  const browser = new FormBrowser(world);
  const pages = [await browser.get("/admin"), await browser.logIn()];
  const id = await world.approve("xai-oauth");
  pages.push(await browser.get(`/admin/sign-ins/${id}`), await browser.get("/admin/sign-ins/none"));
  pages.push(await browser.post("/admin/keys", { name: "a" }));
  const nonces = new Set<string>();
  for (const { headers, text, path } of pages) {
    const policy = headers.get("content-security-policy")!;
    const nonce = /style-src 'nonce-([\w-]{36})'/.exec(policy)![1]!;
    nonces.add(nonce);
    assertEquals(
      policy.replace(nonce, "N"),
      "default-src 'none'; style-src 'nonce-N'; form-action 'self'; base-uri 'none'; " +
        "frame-ancestors 'none'",
      path,
    );
    assertEquals(headers.get("x-frame-options"), "DENY");
    assertEquals(headers.get("cache-control"), "no-store");
    assertEquals(headers.get("x-content-type-options"), "nosniff");
    assertEquals(/<script|\son\w+=|style="|javascript:/i.test(text), false, path);
    assertEquals(text.split(`<style nonce="${nonce}">`).length, 2);
  }
  assertEquals(nonces.size, pages.length);
  const response = await world.send("/admin");
  const [cookie] = response.headers.getSetCookie();
  assertMatch(cookie!, /^__Host-[^;]+; Max-Age=3600; Path=\/; Secure; HttpOnly; SameSite=Strict$/);
  await response.body?.cancel();
});

Deno.test("the admin page shows hostile names as text", async () => {
  const world = createAdminWorld();
  const hostile = `<img src=x onerror=alert(1)>"'&lt;</li><script>alert(1)</script>`.slice(0, 64);
  const id = await world.approve("xai-oauth", hostile);
  const { account } = (await world.api("GET", `sign-ins/${id}`)).signIn;
  await world.api("POST", `sign-ins/${id}/confirm`, { account: account.id });
  await world.api("POST", "keys", { name: hostile });
  const browser = new FormBrowser(world);
  const { text } = await browser.logIn();
  assertEquals(/<img|<script/i.test(text), false);
  assertMatch(text, /&lt;img src=x onerror=alert\(1\)&gt;/);
});

Deno.test("the admin side tells an account whose access token has expired from one that is broken", async () => {
  for (const keepsElsewhere of [true, false]) {
    const world = createAdminWorld({ keepsElsewhere });
    const id = await world.approve("minimax-oauth");
    await world.api("POST", `sign-ins/${id}/confirm`, {});
    const [stored] = await world.credentials.list();
    // As an isolate sees it: the refresh token is with the login's object.
    const { refreshToken: _refreshToken, ...tokens } = stored!.tokens!;
    await world.credentials.put({ ...stored!, tokens, expiresAt: world.clock.now() - 60_000 });
    const { accounts: [{ status }] } = await world.api("GET", "accounts");
    assertEquals(status.state, keepsElsewhere ? "refreshable" : "needs_login");
    const { sections } = await world.api("GET", "doctor");
    const { checks: [check] } = sections.at(-1);
    assertEquals(check.status, keepsElsewhere ? "ok" : "warning");
  }
});

Deno.test("an admin side that could not be opened is opened with the next request", async () => {
  let tries = 0;
  const world = createAdminWorld({}, {
    open: (admin) => async () => {
      if (++tries === 1) throw new Error("not just now");
      return await Promise.resolve(admin);
    },
  });
  const statuses: number[] = [];
  for (let turn = 0; turn < 3; turn++) {
    statuses.push((await world.api("GET", "accounts")).status);
  }
  assertEquals([statuses, tries], [[500, 200, 200], 2]);
});
