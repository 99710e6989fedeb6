// RFC 8628; oauth.md 3.1-3.3, 8.2, 8.5.2; faults A21-A23.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { OAuthError } from "../../src/core/errors.ts";
import {
  awaitDeviceGrant,
  type DeviceClient,
  pollDeviceGrant,
  requestDeviceAuthorization,
} from "../../src/oauth/device_authorization.ts";
import { CLIENT, html, manualClock, scriptFetch } from "./support.ts";

const NOW = 1_778_006_674_711;
const DEVICE_CLIENT: DeviceClient = {
  ...CLIENT,
  deviceAuthorizationEndpoint: new URL("https://auth.example/device"),
  scopes: ["openid", "offline_access"],
};
const ANSWER = {
  device_code: "dc-secret",
  user_code: "ABCD-1234",
  verification_uri: "https://auth.example/device",
  verification_uri_complete: "https://auth.example/device?user_code=ABCD-1234",
  expires_in: 600,
  interval: 5,
};
const EXPECTED = {
  deviceCode: "dc-secret",
  userCode: "ABCD-1234",
  verificationUri: "https://auth.example/device",
  verificationUriComplete: "https://auth.example/device?user_code=ABCD-1234" as string | undefined,
  expiresAt: NOW + 600_000,
  intervalMs: 5_000,
};

const ANSWERS: { name: string; change: object; expected: Partial<typeof EXPECTED> }[] = [
  { name: "RFC 8628's", change: {}, expected: {} },
  { name: "no interval", change: { interval: undefined }, expected: { intervalMs: 5_000 } },
  { name: "interval -1", change: { interval: -1 }, expected: { intervalMs: 5_000 } },
  { name: "interval 0", change: { interval: 0 }, expected: { intervalMs: 5_000 } },
  { name: "interval 0.2", change: { interval: 0.2 }, expected: { intervalMs: 1_000 } },
  { name: "interval 1e9", change: { interval: 1e9 }, expected: { intervalMs: 60_000 } },
  { name: "interval as text", change: { interval: "7" }, expected: { intervalMs: 7_000 } },
  { name: "interval as nonsense", change: { interval: "fast" }, expected: { intervalMs: 5_000 } },
  { name: "interval null", change: { interval: null }, expected: { intervalMs: 5_000 } },
  { name: "no expiry", change: { expires_in: undefined }, expected: { expiresAt: NOW + 300_000 } },
  { name: "expiry 0", change: { expires_in: 0 }, expected: { expiresAt: NOW + 300_000 } },
  { name: "an hour", change: { expires_in: 3_600 }, expected: { expiresAt: NOW + 1_800_000 } },
  {
    name: "no complete URI",
    change: { verification_uri_complete: undefined },
    expected: { verificationUriComplete: undefined },
  },
];
for (const { name, change, expected } of ANSWERS) {
  Deno.test(`requestDeviceAuthorization() reads an answer: ${name}`, async () => {
    const { fetch, seen } = scriptFetch(Response.json({ ...ANSWER, ...change }));
    const authorization = await requestDeviceAuthorization(DEVICE_CLIENT, {
      fetch,
      now: () => NOW,
    });
    assertEquals(authorization, { ...EXPECTED, ...expected });
    assertEquals(seen[0]!.url, "https://auth.example/device");
    assertEquals(seen[0]!.fields, { client_id: "client-1", scope: "openid offline_access" });
  });
}

for (const device_code of [undefined, null, "", 7]) {
  Deno.test(`requestDeviceAuthorization() refuses the device code ${device_code}`, async () => {
    const { fetch } = scriptFetch(Response.json({ ...ANSWER, device_code }));
    const promise = requestDeviceAuthorization(DEVICE_CLIENT, { fetch });
    const error = await assertRejects(() => promise, OAuthError);
    assertEquals(error.code, "invalid_response");
    assertStringIncludes(error.message, "device_code");
  });
}

Deno.test("requestDeviceAuthorization() leaves scope out where there is none", async () => {
  const { fetch, seen } = scriptFetch(Response.json(ANSWER));
  await requestDeviceAuthorization({ ...DEVICE_CLIENT, scopes: undefined }, { fetch });
  assertEquals(seen[0]!.fields, { client_id: "client-1" });
});

const oauthError = (error: string) => () => Response.json({ error }, { status: 400 });
const pending = oauthError("authorization_pending");
const slowDown = oauthError("slow_down");
const token = () => Response.json({ access_token: "at", token_type: "Bearer", expires_in: 900 });

Deno.test("pollDeviceGrant() presents the device code", async () => {
  const { fetch, seen } = scriptFetch(token());
  const result = await pollDeviceGrant(CLIENT, { deviceCode: "dc-secret" }, { fetch });
  assert(result.kind === "granted");
  assertEquals(seen[0]!.fields, {
    grant_type: "urn:ietf:params:oauth:grant-type:device_code",
    device_code: "dc-secret",
    client_id: "client-1",
  });
});

const RUNS = [
  { name: "approved at once", polls: [token], waitsMs: [5_000] },
  {
    name: "5, 10, 15 s after two slow_down",
    polls: [slowDown, slowDown, token],
    waitsMs: [5_000, 10_000, 15_000],
  },
  {
    name: "an error under 200, as GitHub's",
    polls: [() => Response.json({ error: "authorization_pending" }), token],
    waitsMs: [5_000, 5_000],
  },
  {
    name: "502 in the middle",
    polls: [pending, () => html(502), pending, token],
    waitsMs: [5_000, 5_000, 10_000, 5_000],
  },
  {
    name: "denied",
    polls: [pending, oauthError("access_denied")],
    waitsMs: [5_000, 5_000],
    error: "access_denied",
  },
  {
    name: "expired there",
    polls: [oauthError("expired_token")],
    waitsMs: [5_000],
    error: "expired_token",
  },
  {
    name: "expired here",
    polls: [pending, pending],
    waitsMs: [5_000, 5_000, 2_000],
    error: "expired_token",
    lifetimeMs: 12_000,
  },
  {
    name: "another error",
    polls: [oauthError("invalid_grant")],
    waitsMs: [5_000],
    error: "invalid_grant",
  },
];
for (const { name, polls, waitsMs, error, lifetimeMs = 600_000 } of RUNS) {
  Deno.test(`awaitDeviceGrant(): ${name}`, async () => {
    const { now, sleep, waits } = manualClock();
    const { fetch, seen } = scriptFetch(...polls.map((poll) => poll()));
    const authorization = { ...EXPECTED, expiresAt: NOW + lifetimeMs };
    const promise = awaitDeviceGrant(DEVICE_CLIENT, authorization, { fetch, now, sleep });
    if (error === undefined) {
      const tokenSet = await promise;
      assertEquals([tokenSet.accessToken, tokenSet.expiresAt], ["at", now() + 900_000]);
    } else {
      const thrown = await assertRejects(() => promise, OAuthError);
      assertEquals(thrown.code, error as typeof thrown.code);
      assert(!thrown.message.includes("dc-secret"));
    }
    assertEquals(waits, waitsMs);
    assertEquals(seen.length, polls.length);
  });
}

for (const answer of [pending, slowDown]) {
  Deno.test("awaitDeviceGrant() ends at the deadline whatever the server repeats", async () => {
    const { now, sleep, waits } = manualClock();
    let requests = 0;
    const fetch = () => (requests++, Promise.resolve(answer()));
    const authorization = { ...EXPECTED, expiresAt: NOW + 1_800_000 };
    const promise = awaitDeviceGrant(DEVICE_CLIENT, authorization, { fetch, now, sleep });
    const error = await assertRejects(() => promise, OAuthError);
    assertEquals(error.code, "expired_token");
    assertEquals(waits.reduce((sum, ms) => sum + ms), 1_800_000);
    assert(requests < 1_800 / 5);
    assertEquals(Math.max(...waits), answer === slowDown ? 60_000 : 5_000);
  });
}

Deno.test("pollDeviceGrant() tells a plan that is not let in", async () => {
  const client = { ...CLIENT, entitlement: { status: 403, hint: "Look at your plan" } };
  const poll = (answer: Response) =>
    pollDeviceGrant(client, { deviceCode: "dc" }, { fetch: scriptFetch(answer).fetch });
  const gated = await poll(Response.json({ error: "No permission" }, { status: 403 }));
  assert(gated.kind === "refused");
  assertEquals([gated.error.code, gated.error.hint], ["not_entitled", "Look at your plan"]);
  const denied = await poll(Response.json({ error: "access_denied" }, { status: 403 }));
  assertEquals(denied.kind, "denied");
});
