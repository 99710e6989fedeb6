// A real authorization server through the overrides of design.md 9: both flows, rotation with reuse
// detection, revocation, and two processes over one file store (oauth.md 8.5.4; refresh.md 2.4).

import { assert, assertEquals, assertRejects } from "@std/assert";
import { createLoopbackBinder } from "../../src/adapters/deno/loopback_listener.ts";
import { openFileStore } from "../../src/adapters/deno/file_store.ts";
import { createDeferred } from "../../src/core/deferred.ts";
import { OAuthError } from "../../src/core/errors.ts";
import {
  createCredentialStore,
  createMemoryStore,
  createProviderRefresh,
  type Credential,
  type CredentialStore,
  login,
  type LoginOptions,
  revokeCredential,
  storeLogin,
} from "../../src/credentials/mod.ts";
import { findProvider } from "../../src/providers/mod.ts";
import { launchBrowser } from "../support/browser.ts";
import { type RunningProvider, sayYes, startOidcProvider } from "../support/oidc_provider.ts";
import { testIf } from "../support/requires.ts";

const XAI = findProvider("xai-oauth")!;
const REGION = XAI.regions[0]!;

function overridesFor({ issuer }: RunningProvider) {
  return { oauthUrl: issuer, allowLoopback: true };
}

async function visitCallback(url: string, redirectUri: string): Promise<void> {
  const callback = await sayYes(url) ?? "nowhere";
  assert(callback.startsWith(`${redirectUri}?`), callback);
  const response = await fetch(callback);
  assertEquals(response.status, 200);
  await response.body?.cancel();
}

/** Signs in, the user saying yes. */
async function signIn(server: RunningProvider, options: LoginOptions = {}) {
  const visits: Promise<unknown>[] = [];
  const grant = await login(XAI, REGION, {
    overrides: overridesFor(server),
    onEvent: (event) => {
      if (event.type === "code") visits.push(sayYes(event.verificationUrl));
      if (event.type === "authorize") {
        visits.push(visitCallback(event.url, event.redirectUri));
      }
    },
    ...options,
  });
  await Promise.all(visits);
  return grant;
}

async function signedIn(
  server: RunningProvider,
  store: CredentialStore = createCredentialStore(createMemoryStore()),
): Promise<Credential> {
  const grant = await signIn(server, { sleep: fastPolls() });
  const owner = { host: "host", createdAt: 0 };
  return (await storeLogin(store, grant, { owner })).credential;
}

/** Polls sooner than a person could answer: that wait is not what is tested. */
function fastPolls(): NonNullable<LoginOptions["sleep"]> {
  return () => new Promise((resolve) => setTimeout(resolve, 20));
}

Deno.test("oidc-provider: device flow, fifty rotations, reuse ends the login", async () => {
  await using server = await startOidcProvider();
  let credential = await signedIn(server);
  assertEquals(credential.account, { id: "alice", label: "alice@example.com" });
  assertEquals(credential.label, "alice@example.com");

  const refresh = createProviderRefresh(XAI, { overrides: overridesFor(server) });
  const seen = new Set([credential.tokens!.refreshToken]);
  const first = credential;
  for (let n = 1; n <= 50; n++) {
    const outcome = await refresh(credential);
    assert(outcome.kind === "granted", outcome.kind);
    const { accessToken, refreshToken } = outcome.tokenSet;
    assert(refreshToken && !seen.has(refreshToken), "the refresh token was not rotated");
    seen.add(refreshToken);
    credential = { ...credential, tokens: { ...credential.tokens, accessToken, refreshToken } };
  }
  assertEquals(server.grants["refresh_token"], 50);
  assertEquals(server.revocations(), 0);

  assertEquals((await refresh(first)).kind, "dead");
  assertEquals((await refresh(credential)).kind, "dead");
  assert(server.revocations() > 0);
});

Deno.test("oidc-provider: loopback flow, with id token, issuer and challenge", async () => {
  await using server = await startOidcProvider({ deviceFlow: false });
  const taken = await createLoopbackBinder()(56121);
  try {
    // The fixed port is taken, by this test or by somebody else: any other will do.
    const grant = await signIn(server, { bindLoopback: createLoopbackBinder() });
    assertEquals(grant.account?.label, "alice@example.com");
    assert(grant.tokenSet.refreshToken && grant.tokenSet.expiresAt! > grant.issuedAt);
    assertEquals(server.grants, { authorization_code: 1 });
  } finally {
    await taken.close();
  }
});

testIf("chromium", "oidc-provider: loopback flow in a browser", async (path) => {
  await using server = await startOidcProvider({ deviceFlow: false });
  const browser = await launchBrowser(path);
  try {
    const visits: Promise<void>[] = [];
    const grant = await login(XAI, REGION, {
      overrides: overridesFor(server),
      bindLoopback: createLoopbackBinder(),
      onEvent: (event) => {
        if (event.type === "authorize") visits.push(approve(event.url));
      },
    });
    await Promise.all(visits);
    assertEquals(grant.account?.label, "alice@example.com");
    assertEquals(server.grants, { authorization_code: 1 });
  } finally {
    await browser.close();
  }

  async function approve(url: string): Promise<void> {
    const page = await (await browser.newContext()).newPage();
    await page.goto(url);
    await page.locator('input[name="login"]').fill("alice");
    await page.locator('input[name="password"]').fill("any");
    await page.locator('button[type="submit"]').click();
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByText("The sign-in goes on in the terminal").waitFor();
  }
});

Deno.test("oidc-provider: a code that was stolen is of no use", async () => {
  await using server = await startOidcProvider();
  // A thief who has the callback has not the verifier: another login's state refuses it.
  const stolen = createDeferred<string>();
  const grant = signIn(server, {
    flow: "loopback",
    bindLoopback: createLoopbackBinder(),
    // The victim waits until the code has gone elsewhere.
    sleep: async () => void await stolen.promise,
    onEvent: async (event) => {
      if (event.type === "authorize") stolen.resolve((await sayYes(event.url))!);
    },
  });
  assertEquals((await assertRejects(() => grant, OAuthError)).code, "timeout");
  const other = signIn(server, {
    flow: "loopback",
    bindLoopback: createLoopbackBinder(),
    onEvent: async (event) => {
      if (event.type !== "authorize") return;
      const { searchParams } = new URL(await stolen.promise);
      searchParams.set("state", new URL(event.url).searchParams.get("state")!);
      await (await fetch(`${event.redirectUri}?${searchParams}`)).text();
    },
  });
  assertEquals((await assertRejects(() => other, OAuthError)).code, "invalid_grant");
  assertEquals(server.grants, {});
});

Deno.test("oidc-provider: revocation ends the login", async () => {
  await using server = await startOidcProvider();
  const credential = await signedIn(server);
  const overrides = overridesFor(server);
  assertEquals(await revokeCredential(XAI, credential, { overrides }), { kind: "revoked" });
  assertEquals((await createProviderRefresh(XAI, { overrides })(credential)).kind, "dead");
});

Deno.test("oidc-provider: an unknown client is told as such", async () => {
  await using server = await startOidcProvider();
  const error = await assertRejects(
    () => signIn(server, { overrides: { ...overridesFor(server), clientId: "client-9" } }),
    OAuthError,
  );
  assertEquals(error.code, "invalid_client");
});

Deno.test("oidc-provider: two processes over one store make one grant", async () => {
  await using server = await startOidcProvider();
  const folder = await Deno.makeTempDir();
  try {
    const kv = openFileStore(folder);
    const { id } = await signedIn(server, createCredentialStore(kv, kv));
    const workers = ["one", "two"].map(() => startWorker(folder, server.issuer, id));
    for (const worker of workers) assertEquals(await worker.nextLine(), "ready");
    await Promise.all(workers.map((worker) => worker.go()));
    const said = await Promise.all(workers.map((worker) => worker.nextLine()));
    await Promise.all(workers.map((worker) => worker.end()));
    assertEquals(said[0], said[1]);
    assert(said[0]?.startsWith("2 "), said[0]);
    assertEquals(server.grants["refresh_token"], 1);
    assertEquals(server.revocations(), 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

function startWorker(folder: string, issuer: string, id: string) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "--quiet",
      "--allow-net=127.0.0.1",
      "--allow-sys=uid",
      `--allow-read=${folder}`,
      `--allow-write=${folder}`,
      new URL("../support/refresh_worker.ts", import.meta.url).pathname,
      folder,
      issuer,
      id,
      String(16 * 60_000), // past the expiry
    ],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  return {
    go: () => writer.write(new TextEncoder().encode("go\n")),
    nextLine: async () => {
      while (!rest.includes("\n")) {
        const { done, value } = await reader.read();
        if (done) return rest;
        rest += value;
      }
      const line = rest.slice(0, rest.indexOf("\n"));
      rest = rest.slice(line.length + 1);
      return line;
    },
    end: async () => {
      await writer.close().catch(() => {});
      await reader.cancel();
      await child.status;
    },
  };
}
