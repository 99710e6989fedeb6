import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { poll, requestCode, testSandbox } from "./support.ts";

const PAGE = "https://platform.minimax.io/oauth-authorize";

/** The hidden fields of the approval form. */
function formFields(html: string): Record<string, string> {
  const inputs = html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g);
  return Object.fromEntries([...inputs].map(([, name = "", value = ""]) => [name, value]));
}

for (const decision of ["approved", "denied"] as const) {
  Deno.test(`approval page: ${decision}`, async () => {
    const { sandbox } = testSandbox();
    const { user_code, verification_uri } = await requestCode(sandbox);
    const page = await sandbox.fetch(verification_uri);
    assertEquals(page.status, 200);
    const html = await page.text();
    assertStringIncludes(html, user_code);
    assertStringIncludes(html, "Allow OpenClaw to use your subscription?");
    assertStringIncludes(html, '<html lang="en">');
    assert(!html.includes("<script"));
    assertStringIncludes(html, '<form method="post" action="/oauth-authorize">');
    const result = await sandbox.fetch(PAGE, {
      method: "POST",
      headers: { origin: "https://platform.minimax.io", "sec-fetch-site": "same-origin" },
      body: new URLSearchParams({ ...formFields(html), decision }),
    });
    assertEquals(result.status, 200);
    assertStringIncludes(await result.text(), decision === "approved" ? "Approved" : "Denied");
    const answer = await (await poll(sandbox, user_code)).json();
    assertEquals(answer.status, decision === "approved" ? "success" : "error");
    const again = await sandbox.fetch(verification_uri);
    assertEquals(again.status, 404);
    assertStringIncludes(await again.text(), "This code is not valid");
  });
}

Deno.test("approval page: strict policy, one nonce per page", async () => {
  const { sandbox } = testSandbox();
  const { verification_uri } = await requestCode(sandbox);
  const [first, second] = [await sandbox.fetch(verification_uri), await sandbox.fetch(PAGE)];
  const policy = first.headers.get("content-security-policy") ?? "";
  const nonce = /style-src 'nonce-([^']+)'/.exec(policy)?.[1];
  assertEquals(
    policy,
    `default-src 'none'; style-src 'nonce-${nonce}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  );
  assertStringIncludes(await first.text(), `<style nonce="${nonce}">`);
  assert(!second.headers.get("content-security-policy")?.includes(nonce!));
  await second.body?.cancel();
});

Deno.test("approval page: without a code it asks for one", async () => {
  const html = await (await testSandbox().sandbox.fetch(PAGE)).text();
  assertMatch(html, /<label for="user_code">/);
  assertMatch(html, /<form method="get" action="\/oauth-authorize">/);
});

const NOT_VALID = [
  { name: "an unknown code", query: "?user_code=AAAA-AAAA" },
  { name: "markup", query: "?user_code=%3Cscript%3Ealert(1)%3C%2Fscript%3E" },
];
for (const { name, query } of NOT_VALID) {
  Deno.test(`approval page: ${name} is not valid and not shown`, async () => {
    const response = await testSandbox().sandbox.fetch(`${PAGE}${query}`);
    assertEquals(response.status, 404);
    const html = await response.text();
    assertStringIncludes(html, "This code is not valid");
    assert(!html.includes("script") && !html.includes("AAAA"));
  });
}

Deno.test("approval page: what comes from the state is escaped", async () => {
  const { sandbox, clock } = testSandbox();
  const { user_code } = await requestCode(sandbox);
  const state = sandbox.state;
  for (const authorization of state.authorizations) {
    authorization.clientName = `<img src=x onerror="alert(1)">&'`;
    authorization.scope = "</dd><b>";
    authorization.formToken = `"><script>`;
    authorization.page += `"><script>`;
  }
  const hostile = createSandbox({ state, now: () => clock.now });
  for (const url of [`${PAGE}?user_code=${user_code}`, "http://127.0.0.1:8700/"]) {
    const html = await (await hostile.fetch(url)).text();
    assert(!/<img|<b>|<script/.test(html), html);
    assertStringIncludes(html, "&lt;img src=x");
  }
});

Deno.test("approval page: an expired code, and a code of the other region", async () => {
  const { sandbox, clock } = testSandbox();
  const { user_code, verification_uri } = await requestCode(sandbox);
  const china = `https://platform.minimaxi.com/oauth-authorize?user_code=${user_code}`;
  assertEquals((await sandbox.fetch(china)).status, 404);
  clock.now += 600_000;
  assertEquals((await sandbox.fetch(verification_uri)).status, 404);
});

const FORGED = [
  {
    name: "from another origin",
    headers: { origin: "https://evil.example" },
    fields: {},
    status: 403,
  },
  { name: "cross-site", headers: { "sec-fetch-site": "cross-site" }, fields: {}, status: 403 },
  { name: "without the form's token", headers: {}, fields: { form_token: "x" }, status: 403 },
  { name: "without a decision", headers: {}, fields: { decision: "maybe" }, status: 403 },
  { name: "for an unknown code", headers: {}, fields: { user_code: "AAAA-AAAA" }, status: 404 },
];
for (const { name, headers, fields, status } of FORGED) {
  Deno.test(`approval form ${name} decides nothing`, async () => {
    const { sandbox } = testSandbox();
    const { user_code, verification_uri } = await requestCode(sandbox);
    const genuine = formFields(await (await sandbox.fetch(verification_uri)).text());
    const body = new URLSearchParams({ ...genuine, decision: "approved", ...fields });
    const response = await sandbox.fetch(PAGE, { method: "POST", headers, body });
    assertEquals(response.status, status);
    await response.body?.cancel();
    assertEquals((await (await poll(sandbox, user_code)).json()).status, "pending");
  });
}

Deno.test("verificationHost www leads to the marketing page, as in the field", async () => {
  const { sandbox } = testSandbox({ quirks: { verificationHost: "www" } });
  const { user_code, verification_uri } = await requestCode(sandbox);
  const lost = await sandbox.fetch(verification_uri);
  assertEquals([lost.status, lost.headers.get("location")], [307, "https://www.minimax.io/"]);
  assertStringIncludes(await (await sandbox.fetch("https://www.minimax.io/")).text(), "main site");
  const repaired = verification_uri.replace("www.", "platform.");
  assertStringIncludes(await (await sandbox.fetch(repaired)).text(), user_code);
});
