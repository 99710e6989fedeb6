// I12, X50–X52: no secret leaves the process except to its provider, into auth.json, and through
// `auth token --show`: not on a stream, in an error or its causes, in a transcript, a lock file, a URL
// or a page, in whatever form, whatever happens.

import { inspect } from "node:util";
import { assert, assertEquals } from "@std/assert";
import { createMemoryStore } from "../src/credentials/memory_store.ts";
import {
  createAccessTokenSource,
  createCredentialStore,
  createProviderRefresh,
  login,
  storeLogin,
} from "../src/credentials/mod.ts";
import {
  exchangeAuthorizationCode,
  pollDeviceGrant,
  pollUserCodeGrant,
  requestRefresh,
  revokeToken,
} from "../src/oauth/mod.ts";
import { findProvider, resolveEndpoints } from "../src/providers/mod.ts";
import { createSandbox } from "../src/sandbox/mod.ts";
import { createTransport } from "../src/transports/mod.ts";
import { Canaries, echo, ECHO_COUNT, watchFetch } from "./support/canary.ts";
import { findMintedSecret } from "./support/minted_secrets.ts";
import { TestMachine } from "./support/platform.ts";
import { VirtualClock } from "./support/virtual_clock.ts";

/** Special in JSON, URLs and forms. */
const API_KEY = 'sk-canary/"quote"+plus=percent%25&amp;0123456789';
const SEALING_KEY = "Zk92UHpXdGhLcUJtTnNKd1JjRXlBAAAAAAAAAAAAAAA";

/** Fails when a secret is anywhere but where it may be. */
function assertNoLeak(machine: TestMachine, canaries: Canaries, printed: string): void {
  const texts: [string, string][] = [
    ["a stream", printed],
    ...machine.requests.map(({ url }): [string, string] => ["a URL", url]),
    ...machine.opened.map((url): [string, string] => ["an opened page", url]),
  ];
  for (const [path, { bytes }] of machine.disk.entries) {
    const text = new TextDecoder().decode(bytes);
    texts.push(["a path", path]);
    // Where tokens are kept. Sealed, it must hold none.
    if (!/\/auth\.json(\.spare)?$/.test(path) || machine.env["GRANTWAY_KEYS"]) {
      texts.push([path, text]);
    }
  }
  for (const [where, text] of texts) {
    const leak = canaries.find(text);
    assertEquals(leak, undefined, `in ${where}`);
  }
}

const COMMANDS = (provider: string) => [
  `auth list`,
  `auth list --json`,
  `auth status --verbose`,
  `auth status ${provider} --json`,
  `auth token ${provider}`,
  `chat --verbose --debug --trace Hello`,
  `chat --json Hello`,
  `auth refresh ${provider} --verbose --debug --trace`,
  `auth refresh ${provider} --json`,
  `doctor`,
  `doctor --json --verbose`,
  `config list`,
  `auth list --verbose`,
  `auth remove ${provider} --debug`,
];

/** What the network does. */
const CONDITIONS = [
  { name: "nothing out of the ordinary", quirks: {} },
  ...([
    "status_500",
    "html_502",
    "challenge_403",
    "status_429",
    "status_400",
    "invalid_grant",
    "invalid_client",
    "nested_error",
    "empty_object",
    "not_json",
    "truncated_json",
    "oversized",
    "connection_lost",
  ] as const).flatMap((failure) => [
    {
      name: `${failure} before a refresh`,
      quirks: { failNext: 9, failOn: "refresh", failWith: failure },
    } as const,
    {
      name: `${failure} after a refresh`,
      quirks: { loseNext: 9, loseOn: "refresh", loseWith: failure },
    } as const,
    {
      name: `${failure} from inference`,
      quirks: { failNext: 9, failOn: "messages", failWith: failure },
    } as const,
  ]),
];

for (const provider of ["minimax-oauth", "xai-oauth"]) {
  for (const keys of [undefined, `one:${SEALING_KEY}`]) {
    const sealed = keys === undefined ? "" : " under GRANTWAY_KEYS";
    Deno.test(`no command leaks a secret of ${provider}${sealed}, whatever the network does`, async () => {
      // What is printed does not depend on how it is stored: a share of them will do.
      const conditions = CONDITIONS.filter((_, i) => keys === undefined || i % 4 === 0);
      for (const { name, quirks } of conditions) {
        const machine = new TestMachine({ env: keys === undefined ? {} : { GRANTWAY_KEYS: keys } });
        const canaries = new Canaries();
        canaries.add(SEALING_KEY);
        machine.fetch = watchFetch(canaries, machine.fetch);
        const add = await machine.run(`auth add ${provider} --verbose --debug --trace`);
        assertEquals(add.code, 0, add.stderr);
        let printed = add.stdout + add.stderr;
        machine.sandbox.setQuirks(quirks);
        machine.clock.mono += 86_400_000;
        for (const command of COMMANDS(provider)) {
          const { stdout, stderr } = await machine.run(command);
          printed += stdout + stderr;
        }
        assert(canaries.size >= 4, `${canaries.size} secrets under ${name}`);
        assertNoLeak(machine, canaries, printed);
      }
    });
  }

  Deno.test(`no command repeats what ${provider}'s servers echo`, async () => {
    for (let way = 0; way < ECHO_COUNT; way++) {
      const machine = new TestMachine();
      const canaries = new Canaries();
      const good = machine.fetch;
      let echoes = false;
      machine.fetch = watchFetch(
        canaries,
        // deno-lint-ignore require-await -- what throws must reject
        async (input, init) =>
          echoes && !String(input).includes("/.well-known/") ? echo(way, init) : good(input, init),
      );
      await machine.signIn(`auth add ${provider}`);
      echoes = true;
      let printed = "";
      for (const command of ["chat --debug Hello", "chat --json Hello"]) {
        const { stdout, stderr } = await machine.run(command);
        printed += stdout + stderr;
      }
      machine.clock.mono += 86_400_000;
      for (const command of COMMANDS(provider)) {
        const { stdout, stderr } = await machine.run(command);
        printed += stdout + stderr;
      }
      const again = await machine.run(`auth add ${provider} --debug --timeout 60`);
      assertNoLeak(machine, canaries, printed + again.stdout + again.stderr);
      // What is stored beside the tokens must not repeat them either: `lastError`, for one.
      const stored = machine.file("auth.json")!.replace(/"tokens": \{[^}]*\}/g, "");
      assertEquals(canaries.find(stored), undefined, "in auth.json beside the tokens");
    }
  });
}

Deno.test("no command repeats an API key, stored or of the environment", async () => {
  const RUNS = [
    { provider: "minimax", env: { MINIMAX_API_KEY: API_KEY } },
    { provider: "xai", env: { XAI_API_KEY: API_KEY } },
    { provider: "minimax", env: undefined },
    { provider: "xai", env: undefined },
  ];
  for (const { provider, env = {} as Record<string, string> } of RUNS) {
    for (let way = 0; way < ECHO_COUNT; way += 3) {
      const machine = new TestMachine({ env });
      const canaries = new Canaries();
      canaries.add(API_KEY);
      let printed = "";
      if (Object.keys(env).length === 0) {
        const add = await machine.run(`auth add ${provider} --type api-key --debug`, {
          stdin: API_KEY,
        });
        assertEquals(add.code, 0, add.stderr);
        printed += add.stdout + add.stderr;
      }
      machine.fetch = (_input, init) => Promise.resolve(echo(way, init));
      for (
        const command of [
          `model ${provider}`,
          `chat --provider ${provider} --debug --trace Hello`,
          `chat --provider ${provider} --json Hello`,
          "auth list --json",
          "auth status",
          `auth token ${provider}`,
          "doctor",
        ]
      ) {
        const { stdout, stderr } = await machine.run(command);
        printed += stdout + stderr;
      }
      assert(/error/.test(printed), "nothing failed");
      assertNoLeak(machine, canaries, printed);
    }
  }
});

Deno.test("a conversation leaks nothing, and `auth token --show` shows one token alone", async () => {
  const machine = new TestMachine();
  const canaries = new Canaries();
  machine.fetch = watchFetch(canaries, machine.fetch);
  await machine.signIn();
  const lines = ["Hello", "[error:401]", "[error:500]", "[cut]", null];
  const { stdout, stderr } = await machine.run("--debug", { lines });
  assertNoLeak(machine, canaries, stdout + stderr);

  const { tokens } = JSON.parse(machine.file("auth.json")!).providers["minimax-oauth"][0];
  const shown = await machine.run("auth token minimax-oauth --show");
  assertEquals(shown.stdout, `${tokens.accessToken}\n`);
  assertNoLeak(machine, canaries, shown.stderr);
  assert(canaries.find(shown.stdout), "the scan sees what is there");
});

Deno.test("the sandbox's pages and books show no token", async () => {
  const sandbox = createSandbox({ autoApprove: false });
  const canaries = new Canaries();
  const provider = findProvider("minimax-oauth")!;
  const fetch = watchFetch(canaries, sandbox.fetch as typeof globalThis.fetch);
  const texts: string[] = [];
  const look = async (path: string) => {
    const response = await sandbox.handle(new Request(`http://127.0.0.1:1${path}`));
    texts.push(path, await response.text(), JSON.stringify([...response.headers]));
  };
  await login(provider, provider.regions[0]!, {
    fetch,
    sleep: () => Promise.resolve(),
    onEvent: async (event) => {
      if (event.type !== "code") return;
      await look("/");
      const page = new URL(event.verificationUrl);
      await look("/_sandbox/state");
      await look(page.pathname + page.search);
      sandbox.approve(event.userCode);
    },
  });
  await look("/");
  await look("/_sandbox/state");
  assert(canaries.size >= 3);
  for (const text of texts) assertEquals(canaries.find(text), undefined);
});

Deno.test("tokens on their way through the library print as fingerprints", async () => {
  const sandbox = createSandbox({ autoApprove: true });
  const canaries = new Canaries();
  const fetch = watchFetch(canaries, sandbox.fetch as typeof globalThis.fetch);
  const provider = findProvider("minimax-oauth")!;
  const grant = await login(provider, provider.regions[0]!, {
    fetch,
    sleep: () => Promise.resolve(),
  });
  const store = createMemoryStore();
  const { credential } = await storeLogin(createCredentialStore(store, store), grant, {
    owner: { host: "home", createdAt: 0 },
  });
  const keeper = createAccessTokenSource({
    store,
    lease: store,
    provider: provider.id,
    id: credential.id,
    name: "MiniMax",
    loginHint: "Sign in",
    refresh: createProviderRefresh(provider, { fetch }),
    now: Date.now,
    monotonicNow: () => performance.now(),
    sleep: () => Promise.reject(new Error("nothing waits here")),
    random: () => 0,
    digest: (bytes) => Promise.resolve(new Uint8Array(32).fill(bytes.length)),
    onWarning: () => {},
  });
  const token = await keeper.get();
  assert(canaries.find(token.value), "the scan knows it");
  for (const value of [grant, token, new Error("no", { cause: token })]) {
    const text = Deno.inspect(value, { depth: 9 }) + JSON.stringify(value) + inspect(value);
    assertEquals(canaries.find(text), undefined);
  }
});

Deno.test("no error of the library holds a secret, nor does any of its causes", async () => {
  const client = {
    clientId: "client",
    tokenEndpoint: new URL("https://auth.example/token"),
    revocationEndpoint: new URL("https://auth.example/revoke"),
    authorizationEndpoint: new URL("https://auth.example/authorize"),
    grantType: "user_code",
    issuer: "https://auth.example",
  };
  const SECRET = "secret-Zk92UHpXdGhLcUJtTnNKd1JjRXlB";
  const canaries = new Canaries();
  canaries.add(SECRET);
  const provider = findProvider("xai")!;
  const tokens = {
    get: () =>
      Promise.resolve({
        value: SECRET,
        generation: 1,
        expiresAt: null,
        credential: { provider: "xai", id: "one", label: "me", region: "global" },
      }),
  };
  for (let way = 0; way < ECHO_COUNT; way++) {
    const runtime = {
      fetch: (_input: unknown, init?: RequestInit) => Promise.resolve(echo(way, init)),
      sleep: () => Promise.resolve(),
    } as { fetch: typeof globalThis.fetch; sleep: () => Promise<void> };
    const transport = createTransport({
      provider,
      source: tokens,
      endpoints: resolveEndpoints(provider, provider.regions[0]!),
      ...runtime,
    });
    const request = {
      model: provider.defaultModel,
      stream: false,
      messages: [{ role: "user" as const, content: [{ type: "text" as const, text: "hi" }] }],
    };
    const attempt = {
      redirectUri: "http://127.0.0.1:1/cb",
      verifier: SECRET.padEnd(43, "x"),
      state: "s",
    };
    const clock = new VirtualClock();
    const store = createMemoryStore({ now: clock.now, sleep: clock.sleep });
    const oauth = findProvider("minimax-oauth")!;
    const { credential } = await storeLogin(createCredentialStore(store, store), {
      provider: oauth.id,
      region: "global",
      clientId: "client",
      tokenSet: { accessToken: SECRET, refreshToken: SECRET, tokenType: "Bearer", extra: {} },
      issuedAt: 0,
    }, { owner: { host: "home", createdAt: 0 } });
    const keeper = createAccessTokenSource({
      store,
      lease: store,
      provider: oauth.id,
      id: credential.id,
      name: "MiniMax",
      loginHint: "Sign in",
      refresh: createProviderRefresh(oauth, runtime),
      now: clock.now,
      monotonicNow: clock.monotonicNow,
      sleep: clock.sleep,
      random: () => 0,
      digest: (bytes) => Promise.resolve(new Uint8Array(32).fill(bytes.length)),
      onWarning: (message) => assertEquals(canaries.find(message), undefined),
    });
    const CALLS: (() => Promise<unknown>)[] = [
      () => requestRefresh(client, SECRET, runtime),
      () => pollDeviceGrant(client, { deviceCode: SECRET }, runtime),
      () => pollUserCodeGrant(client, { userCode: "ABCD", verifier: SECRET }, runtime),
      () => exchangeAuthorizationCode(client, attempt, SECRET, runtime),
      () => revokeToken(client, { token: SECRET }, runtime),
      () => transport.generate(request),
      () => transport.stream(request),
      () => transport.countTokens(request),
      () => clock.run(keeper.get()),
    ];
    for (const [i, call] of CALLS.entries()) {
      // deno-lint-ignore no-explicit-any -- a result or an error, of which only the print matters
      const outcome: any = await call().catch((error) => error);
      const text = Deno.inspect(outcome, { depth: 12, showHidden: true }) +
        JSON.stringify(outcome) + String(outcome?.stack);
      assertEquals(canaries.find(text), undefined, `call ${i}, echo ${way}`);
    }
  }
});

Deno.test("X50: whatever the sandbox mints is found in any output, in any form", async () => {
  for (const command of ["auth add minimax-oauth", "auth add xai-oauth"]) {
    const machine = new TestMachine();
    const minted: string[] = [];
    const canaries = new Canaries();
    canaries.add = (secret) => void minted.push(secret);
    machine.fetch = watchFetch(canaries, machine.fetch);
    await machine.signIn(command);
    const tokens = minted.filter((secret) => /^(sbx_|eyJ)/.test(secret));
    assert(tokens.length >= 2, `${tokens.length} of ${command}`);
    for (const token of new Set(tokens)) {
      const forms = [token, JSON.stringify({ token }), encodeURIComponent(token)];
      if (token.startsWith("sbx_")) {
        const bytes = new TextEncoder().encode(token);
        forms.push(Array.from(bytes, (byte) => byte.toString(16)).join(""));
        for (const before of ["", "a", "ab"]) forms.push(btoa(before + token));
      }
      for (const form of forms) assert(findMintedSecret(`so: ${form}.`), form.slice(0, 12));
    }
  }
  assertEquals(
    findMintedSecret("tokens start with `sbx_rt_`, or with eyJ like every JWT"),
    undefined,
  );
});
