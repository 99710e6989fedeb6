// RFC 7009.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { OAuthError } from "../../src/core/errors.ts";
import { type RevocationClient, revokeToken } from "../../src/oauth/revocation.ts";
import { CLIENT, connectError, html, rejection, type Scripted, scriptFetch } from "./support.ts";

const REVOCATION_CLIENT: RevocationClient = {
  ...CLIENT,
  revocationEndpoint: new URL("https://auth.example/revoke"),
};
const TOKEN = "rt-canary-0123456789";

for (const answer of [new Response(""), new Response(null, { status: 204 }), html(200)]) {
  Deno.test(`revokeToken() is content with ${answer.status}, whatever the body`, async () => {
    const { fetch, seen } = scriptFetch(answer);
    const request = { token: TOKEN, tokenTypeHint: "refresh_token" } as const;
    await revokeToken(REVOCATION_CLIENT, request, { fetch });
    assertEquals(seen[0]!.url, "https://auth.example/revoke");
    assertEquals(seen[0]!.fields, {
      token: TOKEN,
      token_type_hint: "refresh_token",
      client_id: "client-1",
    });
  });
}

const REFUSED: { name: string; answer: Scripted; code: string; retryable: boolean }[] = [
  {
    name: "unsupported_token_type",
    answer: Response.json({ error: "unsupported_token_type", error_description: TOKEN }, {
      status: 400,
    }),
    code: "oauth_error",
    retryable: false,
  },
  { name: "503", answer: html(503), code: "upstream", retryable: true },
  { name: "404", answer: html(404), code: "invalid_response", retryable: false },
  { name: "no connection", answer: connectError(), code: "network", retryable: true },
];
for (const { name, answer, code, retryable } of REFUSED) {
  Deno.test(`revokeToken() throws on ${name}`, async () => {
    const { fetch } = scriptFetch(answer);
    const promise = revokeToken(REVOCATION_CLIENT, { token: TOKEN }, { fetch });
    const error = await assertRejects(() => promise, OAuthError);
    assertEquals([error.code, error.retryable], [code as typeof error.code, retryable]);
    assert(!error.message.includes(TOKEN));
  });
}

Deno.test("revokeToken() rethrows a cancellation", async () => {
  const reason = new Error("stop");
  const controller = new AbortController();
  const promise = revokeToken(REVOCATION_CLIENT, { token: TOKEN }, {
    fetch: () => (queueMicrotask(() => controller.abort(reason)), new Promise(() => {})),
    signal: controller.signal,
  });
  assertEquals(await rejection(promise), reason);
});
