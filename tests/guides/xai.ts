// The xAI guide. Its login is the loopback one, so statements about a login are made with
// `--flow loopback`, and by code where that is what a user meets today. Sockets and a terminal are in
// cli/xai_login_test.ts, several accounts in cli/xai_pool_test.ts.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { parse } from "yaml";
import { findProvider } from "../../src/providers/mod.ts";
import { PIXEL } from "../media/support.ts";
import { jsonLines, type TestMachine } from "../support/platform.ts";
import { assertOk, authSection, DAY, MINUTE, type Row, stored } from "./row.ts";

const API = "https://api.x.ai/v1";
const LOOPBACK = "auth add xai-oauth --flow loopback";
const FORWARD = "ssh -N -L 56121:127.0.0.1:56121";
const NAME = "xAI Grok OAuth (SuperGrok Subscription)";
const REMOTE = { DISPLAY: ":0", USER: "ada", SSH_CONNECTION: "192.0.2.1 5000 192.0.2.9 22" };

async function signInByLoopback(machine: TestMachine, command = LOOPBACK): Promise<void> {
  assertOk(await machine.run(command, { onStderr: machine.browser() }));
}

// deno-lint-ignore no-explicit-any -- a stored credential whose shape the rows state
function login(machine: TestMachine, index = 0): any {
  return stored(machine).providers["xai-oauth"][index];
}

function bearerOf(machine: TestMachine, index = 0): string {
  return `Bearer ${login(machine, index).tokens.accessToken}`;
}

/** The bearer of the last request to an API. */
function lastBearer({ requests }: TestMachine): string {
  return requests.findLast(({ url }) => url.endsWith("/responses"))!.headers.get("authorization")!;
}

/** URLs that were asked for, without queries. */
function urls({ requests }: TestMachine): string[] {
  return requests.map(({ url }) => url.split("?")[0]!);
}

const SIGN_IN: Row[] = [
  {
    name: "auth add xai-oauth signs in without XAI_API_KEY, by a code",
    run: async (machine) => {
      const { code, stdout } = await machine.run("auth add xai-oauth");
      assertEquals([code, stdout], [0, "Signed in to xAI OAuth as user@sandbox.example\n"]);
      assertEquals(urls(machine), [
        "https://auth.x.ai/.well-known/openid-configuration",
        "https://auth.x.ai/oauth2/device/code",
        "https://auth.x.ai/oauth2/token",
      ]);
      assertOk(await machine.run("chat Hello"));
    },
  },
  {
    name: "auth add xai-oauth --flow loopback signs in without XAI_API_KEY, by PKCE",
    run: async (machine) => {
      const authorize: URL[] = [];
      const onStderr = (text: string) => {
        const url = /https:\S+\/authorize\S+/.exec(text)?.[0];
        if (url !== undefined) authorize.push(new URL(url));
        machine.browser()(text);
      };
      const { code, stdout } = await machine.run(LOOPBACK, { onStderr });
      assertEquals([code, stdout], [0, "Signed in to xAI OAuth as user@sandbox.example\n"]);
      assertEquals(authorize.length, 1);
      const query = authorize[0]!.searchParams;
      assertEquals(query.get("code_challenge_method"), "S256");
      assertMatch(query.get("code_challenge")!, /^[\w-]{43}$/);
      assert(query.get("state")!.length >= 22);
      assertEquals(query.get("redirect_uri"), "http://127.0.0.1:56121/callback");
      assertEquals(machine.loopback.wanted, [56121]);
      assert(!machine.loopback.isOpen(), "the port is still held");
      assertOk(await machine.run("chat Hello"));
      assertEquals(machine.requests.at(-1)!.url, `${API}/responses`);
      assertEquals(lastBearer(machine), bearerOf(machine));
    },
  },
  ...["grok-oauth", "x-ai-oauth", "xai-grok-oauth"].flatMap((alias): Row[] => [
    {
      name: `auth add ${alias} means xai-oauth, by either flow`,
      run: async (machine) => {
        assertOk(await machine.run(`auth add ${alias} --label a`));
        machine.sandbox.setQuirks({ account: "other@sandbox.example" });
        await signInByLoopback(machine, `auth add ${alias} --flow loopback --label b`);
        const { providers } = stored(machine);
        assertEquals(Object.keys(providers), ["xai-oauth"]);
        assertEquals(providers["xai-oauth"].length, 2);
      },
    },
    {
      name: `--provider ${alias} means xai-oauth`,
      run: async (machine) => {
        await machine.signIn("auth add xai-oauth");
        await machine.run("config set provider minimax");
        assertOk(await machine.run(`--provider ${alias}`, { stdin: "Hello" }));
        assertEquals(lastBearer(machine), bearerOf(machine));
      },
    },
  ]),
  {
    name: "--provider xai-oauth is the canonical name",
    run: async (machine) => {
      await machine.signIn("auth add xai-oauth");
      assertOk(await machine.run("--provider xai-oauth", { stdin: "Hello" }));
    },
  },
  ...[["by a code", "auth add xai-oauth", "accounts.x.ai/oauth2/device"], [
    "by loopback",
    LOOPBACK,
    "auth.x.ai/oauth2/authorize",
  ]].map(([name, command, page]): Row => ({
    name: `the browser opens on the page where there is one, ${name}`,
    setUp: { env: { DISPLAY: ":0" } },
    run: async (machine) => {
      const { code, stderr } = await machine.run(command!, { onStderr: machine.browser() });
      assertEquals([code, machine.opened.length], [0, 1]);
      assertStringIncludes(machine.opened[0]!, `https://${page}?`);
      assertStringIncludes(stderr, "A browser has been opened.");
      assertStringIncludes(stderr, 'names the app "Grok Build"');
      assert(!stderr.includes("ssh "), stderr);
    },
  })),
  {
    name: "where the server offers no code, the port follows by itself",
    setUp: { quirks: { deviceFlow: "not_found" } },
    run: async (machine) => {
      await signInByLoopback(machine, "auth add xai-oauth");
      assertEquals(machine.loopback.wanted, [56121]);
    },
  },
  {
    name: "the flow can be configured, and the command line wins",
    run: async (machine) => {
      assertOk(await machine.run("config set providers.xai-oauth.flow loopback"));
      await signInByLoopback(machine, "auth add xai-oauth");
      assertEquals(machine.loopback.wanted.length, 1);
      assertOk(await machine.run("auth add xai-oauth --flow device"));
      assertEquals(machine.loopback.wanted.length, 1);
      const before = machine.snapshot();
      for (
        const command of ["auth add xai-oauth --flow x", "auth add minimax-oauth --flow device"]
      ) {
        assertEquals((await machine.run(command)).code, 2);
        assertEquals(machine.snapshot(), before);
      }
    },
  },
  {
    name: "--no-browser prints the URL and the code and opens nothing",
    setUp: { env: { DISPLAY: ":0" } },
    run: async (machine) => {
      const { code, stderr } = await machine.run("auth add xai-oauth --no-browser");
      assertEquals([code, machine.opened], [0, []]);
      const [, url] = /^ {2}(https:\/\/accounts\.x\.ai\/\S+)$/m.exec(stderr)!;
      const [, userCode] = /^ {2}Code: (\S+)$/m.exec(stderr)!;
      assertEquals(new URL(url!).searchParams.get("user_code"), userCode);
    },
  },
  {
    name: "--no-browser prints the URL and how to forward the port, with and without a jump host",
    setUp: { env: REMOTE },
    run: async (machine) => {
      const { code, stderr } = await machine.run(`${LOOPBACK} --no-browser`, {
        onStderr: machine.browser(),
      });
      assertEquals([code, machine.opened], [0, []]);
      assertMatch(stderr, /^ {2}https:\/\/auth\.x\.ai\/oauth2\/authorize\?\S+$/m);
      const lines = stderr.split("\n");
      assert(lines.includes(`  ${FORWARD} ada@192.0.2.9`), stderr);
      assertMatch(
        stderr,
        new RegExp(`^  ${FORWARD} -J jump-user@jump-host ada@192.0.2.9 +\\S`, "m"),
      );
      assertStringIncludes(stderr, "--flow device");
    },
  },
  ...["SSH_CONNECTION", "SSH_TTY", "CODESPACES", "CLOUD_SHELL", "CI"].flatMap((name) =>
    ["auth add xai-oauth", LOOPBACK].map((command): Row => ({
      name: `where ${name} is set no browser is tried, and the URL is printed: ${command}`,
      setUp: { env: { DISPLAY: ":0", [name]: "1" } },
      run: async (machine) => {
        const { stderr } = await machine.run(command, { onStderr: machine.browser() });
        assertEquals(machine.opened, []);
        assertMatch(stderr, /^ {2}https:\/\/(auth|accounts)\.x\.ai\//m);
        assertStringIncludes(stderr, "No browser is opened");
        assertEquals(stderr.includes(FORWARD), command === LOOPBACK);
      },
    }))
  ),
  {
    name: "in a container no browser is tried",
    setUp: { env: { DISPLAY: ":0" } },
    run: async (machine) => {
      machine.isContainer = true;
      const { stderr } = await machine.run(LOOPBACK, { onStderr: machine.browser() });
      assertEquals(machine.opened, []);
      assertStringIncludes(stderr, "this runs in a container");
      assertStringIncludes(stderr, FORWARD);
    },
  },
  {
    name: "port 56121 taken: another one is used and named",
    setUp: { env: REMOTE, port: 40_123 },
    run: async (machine) => {
      const { code, stderr } = await machine.run(LOOPBACK, { onStderr: machine.browser() });
      assertEquals([code, machine.loopback.wanted], [0, [56121]]);
      assertStringIncludes(stderr, "redirect_uri=http%3A%2F%2F127.0.0.1%3A40123%2Fcallback");
      assertStringIncludes(stderr, "ssh -N -L 40123:127.0.0.1:40123 ada@192.0.2.9");
    },
  },
  ...(["callback", "query", "code"] as const).map((form): Row => ({
    name: `on a terminal the ${form} can be pasted while the port waits`,
    setUp: {
      env: REMOTE,
      quirks: { delivery: form === "code" ? "code" : "redirect" },
    },
    run: async (machine) => {
      let authorize = "";
      const paste = async () => {
        const { callback, shown } = await machine.consent(authorize);
        return form === "code" ? shown! : form === "query" ? new URL(callback!).search : callback!;
      };
      const { code, stderr } = await machine.run(LOOPBACK, {
        lines: ["http://127.0.0.1:56121/callback?state=x&code=y", paste],
        onStderr: (text) => {
          authorize = /https:\S+\/authorize\S+/.exec(text.replaceAll("\x1b", " "))?.[0] ??
            authorize;
        },
      });
      assertEquals(code, 0, stderr);
      assertEquals((await machine.credentials())[0].label, "user@sandbox.example");
      assert(!machine.loopback.isOpen());
    },
  })),
  {
    name: "the tokens are saved in auth.json under the xai-oauth key",
    run: async (machine) => {
      await signInByLoopback(machine);
      const { tokens, expiresAt, account } = login(machine);
      assert(tokens.accessToken && tokens.refreshToken);
      assertEquals(account.label, "user@sandbox.example");
      assertEquals(expiresAt > machine.clock.now(), true);
    },
  },
];

const STATUS: Row[] = [
  {
    name: "doctor shows every provider in its section Auth Providers, xai-oauth too",
    run: async (machine) => {
      const before = await authSection(machine);
      assert(before.includes("  ⚠ xAI OAuth (not logged in)"), before.join("\n"));
      assert(before.includes("    → grantway auth add xai-oauth"), before.join("\n"));
      await signInByLoopback(machine);
      const after = await authSection(machine);
      assert(after.includes("  ✓ xAI OAuth (logged in)"), after.join("\n"));
      for (const name of ["MiniMax OAuth", "MiniMax China", "MiniMax", "xAI"]) {
        assert(after.some((line) => line.startsWith(`  ⚠ ${name} (`)), name);
      }
    },
  },
  {
    name: "No xAI credentials found, with the two ways out",
    run: async (machine) => {
      for (const provider of ["xai-oauth", "xai"]) {
        const { code, stdout, stderr } = await machine.run(`chat --provider ${provider} Hello`);
        assertEquals([code, stdout], [4, ""]);
        assertStringIncludes(
          stderr,
          "error: No xAI credentials found\n  Run: grantway auth add xai",
        );
        assertStringIncludes(stderr, "XAI_API_KEY");
      }
      assertEquals(machine.requests, []);
    },
  },
  {
    name: "the same when the credential file was deleted",
    run: async (machine) => {
      await signInByLoopback(machine);
      for (const name of ["auth.json", "auth.json.spare"]) {
        machine.disk.entries.delete(`/home/user/.grantway/${name}`);
      }
      const { code, stderr } = await machine.run("chat Hello");
      assertEquals(code, 4);
      assertEquals(
        stderr,
        "error: No xAI credentials found\n" +
          "  Run: grantway auth add xai-oauth   (or set XAI_API_KEY and add --provider xai)\n",
      );
    },
  },
  {
    name: "auth logout xai-oauth removes all stored credentials, and revokes them",
    run: async (machine) => {
      await signInByLoopback(machine);
      machine.sandbox.setQuirks({ account: "other@sandbox.example" });
      await machine.signIn("auth add xai-oauth");
      const bearers = [bearerOf(machine, 0), bearerOf(machine, 1)];
      assertEquals(machine.sandbox.state.grants.map(({ revoked }) => revoked), [false, false]);
      const { code, stdout } = await machine.run("auth logout xai-oauth");
      assertEquals(code, 0);
      assertEquals(
        stdout,
        "Removed xai-oauth user@sandbox.example, and revoked it\n" +
          "Removed xai-oauth other@sandbox.example, and revoked it\n",
      );
      assertEquals(machine.sandbox.state.grants.map(({ revoked }) => revoked), [true, true]);
      assertEquals(await machine.credentials(), []);
      assertEquals((await machine.run("chat Hello")).code, 4);
      for (const authorization of bearers) {
        const { status } = await machine.sandbox.fetch("https://auth.x.ai/oauth2/userinfo", {
          headers: { authorization },
        });
        assertEquals(status, 401);
      }
    },
  },
  ...(["2", "id", "other@sandbox.example"] as const).map((target): Row => ({
    name: `auth remove xai-oauth drops one, by ${target.includes("@") ? "label" : target}`,
    run: async (machine) => {
      for (const account of ["user", "other", "third"]) {
        machine.sandbox.setQuirks({ account: `${account}@sandbox.example` });
        await machine.signIn("auth add xai-oauth");
      }
      const { stdout } = await machine.run("auth list xai-oauth");
      assertMatch(stdout, /^xai-oauth \(3 stored\):\n {2}#1 {2}user@\S+ [^]*\n {2}#2 {2}other@/);
      const { id } = (await machine.credentials())[1];
      assertOk(await machine.run(`auth remove xai-oauth ${target === "id" ? id : target}`));
      assertEquals(
        (await machine.credentials()).map(({ label, index }) => [label, index]),
        [["user@sandbox.example", 1], ["third@sandbox.example", 2]],
      );
      assertEquals(
        machine.sandbox.state.grants.map(({ revoked }) => revoked),
        [false, true, false],
      );
      assertOk(await machine.run("chat Hello"));
    },
  })),
];

const CONFIGURATION: Row[] = [
  ...["auth add xai-oauth", LOOPBACK].map((command): Row => ({
    name: `after the login config.yaml holds model, provider and base URL: ${command}`,
    run: async (machine) => {
      await signInByLoopback(machine, command);
      assertEquals(parse(machine.file("config.yaml")!), {
        model: { default: "grok-4.3", provider: "xai-oauth", base_url: API },
      });
    },
  })),
  {
    name: "config set model.default and model.provider choose directly",
    run: async (machine) => {
      await machine.signIn();
      await machine.signIn("auth add xai-oauth");
      assertOk(await machine.run("config set model.default grok-4.20-0309-reasoning"));
      assertOk(await machine.run("config set model.provider xai-oauth"));
      assertEquals(parse(machine.file("config.yaml")!).model.provider, "xai-oauth");
      assertEquals(parse(machine.file("config.yaml")!).model.base_url, API);
      assertOk(await machine.run("config set model.default grok-4.20-0309-reasoning"));
      const answer = await machine.run("chat --json Hello");
      assertEquals(jsonLines(answer.stdout)[0].model, "grok-4.20-0309-reasoning");
      assertEquals(lastBearer(machine), bearerOf(machine));
    },
  },
  {
    name: "the picker offers the provider by its name, and its models with grok-4.3 at the top",
    run: async (machine) => {
      const [{ choices }] = jsonLines((await machine.run("model --json")).stdout);
      const { name, models } = choices.find(({ provider }: { provider: string }) =>
        provider === "xai-oauth"
      );
      assertEquals(name, NAME);
      assertEquals(models.slice(0, 4).map(({ id }: { id: string }) => id), [
        "grok-4.3",
        "grok-4.20-0309-reasoning",
        "grok-4.20-0309-non-reasoning",
        "grok-4.20-multi-agent-0309",
      ]);
    },
  },
  {
    name: "every model of the list answers",
    run: async (machine) => {
      await machine.signIn("auth add xai-oauth");
      for (const { id } of findProvider("xai-oauth")!.models) {
        const { code, stdout, stderr } = await machine.run(`chat --json --model ${id} Hello`);
        assertEquals(code, 0, stderr);
        assertEquals(jsonLines(stdout)[0].model, id);
      }
    },
  },
  {
    name: "XAI_BASE_URL replaces the endpoint inside x.ai, and nothing else",
    run: async (machine) => {
      await machine.signIn("auth add xai-oauth");
      machine.requests.length = 0;
      machine.fetch = () => Promise.reject(new TypeError("no network"));
      const chat = (XAI_BASE_URL: string) => machine.run("chat Hello", { env: { XAI_BASE_URL } });
      await chat("https://eu.api.x.ai/v1");
      assertEquals(new Set(urls(machine)), new Set(["https://eu.api.x.ai/v1/responses"]));
      machine.requests.length = 0;
      for (
        const url of ["https://x.ai.example/v1", "http://api.x.ai/v1", "https://evilx.ai/v1"]
      ) {
        const { code, stderr } = await chat(url);
        assertEquals(code, 1);
        assertStringIncludes(stderr, "Cannot use");
      }
      assertEquals(machine.requests, []);
    },
  },
  {
    name: "GRANTWAY_INFERENCE_PROVIDER forces the provider of a run",
    run: async (machine) => {
      await machine.signIn("auth add xai-oauth");
      await machine.run("config set provider minimax");
      const before = machine.file("config.yaml");
      const env = {
        GRANTWAY_INFERENCE_PROVIDER: "xai-oauth",
        MINIMAX_API_KEY: "sandbox-of-variable",
      };
      assertOk(await machine.run("", { env, stdin: "Hello" }));
      assertEquals(lastBearer(machine), bearerOf(machine));
      assertEquals(machine.file("config.yaml"), before);
    },
  },
  {
    name: "XAI_API_KEY is never read for xai-oauth, and is used by xai",
    run: async (machine) => {
      await machine.write(".env", "XAI_API_KEY=xai-sandbox-of-file\n");
      const env = { XAI_API_KEY: "xai-sandbox-of-variable" };
      const none = await machine.run("chat --provider xai-oauth Hello", { env });
      assertEquals([none.code, machine.requests.length], [4, 0]);
      await machine.signIn("auth add xai-oauth");
      assertOk(await machine.run("chat --provider xai-oauth Hello", { env }));
      assertEquals(lastBearer(machine), bearerOf(machine));
      assertOk(await machine.run("chat --provider xai Hello", { env }));
      assertEquals(lastBearer(machine), "Bearer xai-sandbox-of-variable");
      assertOk(await machine.run("chat --provider grok Hello"));
      assertEquals(lastBearer(machine), "Bearer xai-sandbox-of-file");
    },
  },
  {
    name: "the transport is the Responses API: reasoning, streaming, a cache key",
    run: async (machine) => {
      await signInByLoopback(machine);
      const { stdout } = await machine.run(["chat", "--json", "[thinking] Hello"]);
      const types = new Set(jsonLines(stdout).map(({ type }) => type));
      assertEquals([...types], ["start", "thinking", "text", "end"]);
      assertEquals(jsonLines(stdout).at(-1).stopReason, "end_turn");
      assertEquals(machine.sent("/chat/completions").length, 0);
    },
  },
];

/** Sends the stored refresh token twice, as another program would: its family is revoked. */
async function spendTwice(machine: TestMachine): Promise<void> {
  const { tokens, clientId } = login(machine);
  for (let time = 0; time < 2; time++) {
    const spent = await machine.sandbox.fetch("https://auth.x.ai/oauth2/token", {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "refresh_token",
        refresh_token: tokens.refreshToken,
        client_id: clientId,
      }),
    });
    await spent.body?.cancel();
  }
}

const ENDED = (["rfc6749", "rfc6749_401"] as const).map((refreshRefusal): Row => ({
  name: `a revoked refresh token (${refreshRefusal}) is a message about the login, and sent once`,
  setUp: { quirks: { refreshRefusal } },
  run: async (machine) => {
    await signInByLoopback(machine);
    const [before] = await machine.credentials();
    await spendTwice(machine);
    machine.clock.mono += DAY;
    machine.requests.length = 0;

    const first = await machine.run("chat Hello");
    assertEquals([first.code, first.stdout], [4, ""]);
    assertMatch(
      first.stderr,
      /^error: The login to xAI OAuth has ended: [^\n]+\n {2}Run: grantway auth add xai-oauth\n$/,
    );
    const tokenRequests = () => machine.sent("/oauth2/token").length;
    assertEquals(tokenRequests(), 1);
    const sent = machine.requests.length;
    for (
      const command of ["chat Hello", "auth refresh xai-oauth", "auth token xai-oauth --show"]
    ) {
      const again = await machine.run(command);
      assertEquals(again.code, 4);
      assertStringIncludes(again.stderr, "grantway auth add xai-oauth");
    }
    assertEquals((await machine.run("auth status xai-oauth")).code, 4);
    assert((await authSection(machine)).includes("  ⚠ xAI OAuth (needs login)"));
    assertEquals(machine.requests.length, sent);

    await signInByLoopback(machine);
    const after = await machine.credentials();
    assertEquals(after.map(({ id, status }) => [id, status]), [[before.id, "valid"]]);
    assertOk(await machine.run("chat Hello"));
  },
}));

const TROUBLE: Row[] = [
  {
    name: "before a session an expiring token is refreshed",
    run: async (machine) => {
      await signInByLoopback(machine);
      const [{ expiresAt }] = await machine.credentials();
      machine.clock.mono += Date.parse(expiresAt) - machine.clock.now() - 59_000;
      assertOk(await machine.run("chat Hello"));
      assertEquals((await machine.credentials())[0].generation, 2);
      assertEquals(machine.sandbox.counters.refreshes, 1);
    },
  },
  ...(["401", "403_code", "403_text", "403_tag"] as const).map((staleToken): Row => ({
    name: `a token that ended early (${staleToken}) is refreshed once, and the request repeated`,
    setUp: { quirks: { staleToken } },
    run: async (machine) => {
      await signInByLoopback(machine);
      machine.clock.mono += 3 * MINUTE;
      machine.sandbox.expireAccessTokens();
      machine.requests.length = 0;
      const { code, stdout, stderr } = await machine.run("chat Hello");
      assertEquals([code, stderr], [0, ""]);
      assertStringIncludes(stdout, "You wrote: “Hello”");
      assertEquals(urls(machine), [
        `${API}/responses`,
        "https://auth.x.ai/.well-known/openid-configuration",
        "https://auth.x.ai/oauth2/token",
        `${API}/responses`,
      ]);
      assertEquals(machine.sandbox.counters.refreshes, 1);
      assertEquals(lastBearer(machine), bearerOf(machine));
    },
  })),
  {
    name: "a plan without the API is named with its causes and what to try, and never refreshed",
    setUp: { quirks: { entitlement: "none" } },
    run: async (machine) => {
      await signInByLoopback(machine);
      machine.clock.mono += 3 * MINUTE;
      machine.requests.length = 0;
      const { code, stdout, stderr } = await machine.run("chat Hello");
      assertEquals([code, stdout], [8, ""]);
      for (const word of ["plan", "limit", "model", "https://grok.com/?_s=usage", "XAI_API_KEY"]) {
        assertStringIncludes(stderr, word);
      }
      assert(!/sign in again|auth add|not subscribed/i.test(stderr), stderr);
      assertEquals(urls(machine), [`${API}/responses`]);
      assertEquals(machine.sandbox.counters.refreshes, 0);
      assertEquals((await machine.credentials())[0].status, "valid");
    },
  },
  ...["auth add xai-oauth", LOOPBACK].map((command): Row => ({
    name: `a plan that is refused at the login is exit code 8: ${command}`,
    setUp: { quirks: { tierGate: "both" } },
    run: async (machine) => {
      const { code, stderr } = await machine.run(command, { onStderr: machine.browser() });
      assertEquals(code, 8);
      assertStringIncludes(stderr, "https://grok.com/?_s=usage");
      assertStringIncludes(stderr, "XAI_API_KEY");
      assertEquals(await machine.credentials(), []);
      assertEquals(machine.file("config.yaml"), undefined);
    },
  })),
  {
    name: "a plan that is refused at a refresh keeps the tokens",
    run: async (machine) => {
      await signInByLoopback(machine);
      machine.sandbox.setQuirks({ tierGate: "refresh" });
      const { tokens } = login(machine);
      machine.clock.mono += DAY;
      const { code } = await machine.run("chat Hello");
      assertEquals(code, 8);
      assertEquals(login(machine).tokens, tokens);
      assertEquals((await machine.credentials())[0].status, "refreshable");
    },
  },
  {
    name: "an approval that does not come within 180 s is a timeout, and the flow starts fresh",
    run: async (machine) => {
      const before = machine.clock.now();
      const late = await machine.run(LOOPBACK);
      assertEquals(late.code, 7);
      assertEquals(machine.clock.now() - before, 180_000);
      assertMatch(late.stderr, /\nerror: Cannot sign in to xAI OAuth: [^\n]+ 180 s\n/);
      assertStringIncludes(late.stderr, "Start again with: grantway auth add xai-oauth\n");
      assertEquals(await machine.credentials(), []);
      assertEquals(machine.file("config.yaml"), undefined);
      assert(!machine.loopback.isOpen());
      await signInByLoopback(machine);
      assertEquals((await machine.credentials()).length, 1);
    },
  },
  {
    name: "a code that nobody approves is a timeout, and the flow starts fresh",
    setUp: { autoApprove: false },
    run: async (machine) => {
      assertEquals((await machine.run("auth add xai-oauth")).code, 7);
      assertEquals(await machine.credentials(), []);
      const approve = (text: string) => {
        const code = /Code: (\S+)/.exec(text)?.[1];
        if (code !== undefined) machine.sandbox.approve(code);
      };
      assertOk(await machine.run("auth add xai-oauth", { onStderr: approve }));
    },
  },
  {
    name: "an answer with another state decides nothing: the wait goes on, and ends in time",
    setUp: { quirks: { callbackState: "other" } },
    run: async (machine) => {
      const pages: Response[] = [];
      const onStderr = (text: string) => {
        const url = /https:\S+\/authorize\S+/.exec(text)?.[0];
        if (url === undefined) return;
        machine.consent(url).then(({ callback }) => pages.push(machine.loopback.visit(callback!)));
      };
      const { code } = await machine.run(LOOPBACK, { onStderr });
      assertEquals(code, 7);
      assertEquals(pages.map(({ status }) => status), [400]);
      assertEquals(machine.sent("/oauth2/token"), []);
      assertEquals(await machine.credentials(), []);
      machine.sandbox.setQuirks({ callbackState: "echo" });
      await signInByLoopback(machine);
    },
  },
  {
    name: "a pasted address with another state is refused as another login's, and asked for again",
    setUp: { quirks: { callbackState: "other" } },
    run: async (machine) => {
      let authorize = "";
      const { code, stdout, stderr } = await machine.run(LOOPBACK, {
        lines: [
          async () => (await machine.consent(authorize)).callback!,
          async () => {
            machine.sandbox.setQuirks({ callbackState: "echo" });
            return (await machine.consent(authorize)).callback!;
          },
        ],
        onStderr: (text) => {
          authorize = /https:\S+\/authorize\S+/.exec(text.replaceAll("\x1b", " "))?.[0] ??
            authorize;
        },
      });
      assertEquals(code, 0, stderr);
      assertMatch(stderr, /another (login|sign-in)/i);
      assertStringIncludes(stdout, "Signed in to xAI OAuth");
    },
  },
  {
    name: "a denial ends the login at once, by either flow",
    setUp: { autoApprove: false },
    run: async (machine) => {
      const deny = (text: string) => {
        const code = /Code: (\S+)/.exec(text)?.[1];
        if (code !== undefined) machine.sandbox.deny(code);
        machine.browser("denied")(text);
      };
      for (const command of ["auth add xai-oauth", LOOPBACK]) {
        const { code, stderr } = await machine.run(command, { onStderr: deny });
        assertEquals(code, 1);
        assertStringIncludes(stderr, "denied");
        assertEquals(await machine.credentials(), []);
      }
    },
  },
];

/** A command of each kind of media, and where it leads. */
const MEDIA_COMMANDS: { command: string[]; path: string }[] = [
  { command: ["speak", "Hello", "-o", "a.wav"], path: "/tts" },
  { command: ["transcribe", "a.wav"], path: "/stt" },
  { command: ["image", "A cat", "-o", "cat.png"], path: "/images/generations" },
  { command: ["video", "Waves", "-o", "waves.mp4"], path: "/videos/generations" },
];

const MEDIA: Row[] = [
  {
    name: "one login covers TTS, image generation, video generation and transcription",
    setUp: { env: { XAI_API_KEY: "xai-sandbox-key" } },
    run: async (machine) => {
      await signInByLoopback(machine);
      for (const { command, path } of MEDIA_COMMANDS) {
        machine.requests.length = 0;
        assertOk(await machine.run(command));
        const [first] = machine.requests;
        assertEquals(first!.url, `${API}${path}`);
        assertEquals(first!.headers.get("authorization"), bearerOf(machine));
      }
    },
  },
  {
    name: "media are refreshed in the background as chats are",
    run: async (machine) => {
      await signInByLoopback(machine);
      machine.clock.mono += DAY;
      for (const { command } of MEDIA_COMMANDS) assertOk(await machine.run(command));
      assertEquals(machine.sandbox.counters.refreshes, 1);
    },
  },
  {
    name: "TTS has a default voice",
    run: async (machine) => {
      await signInByLoopback(machine);
      const { code, stdout } = await machine.run(["speak", "Hello"]);
      assertEquals([code, stdout.slice(0, 3)], [0, "ID3"]);
    },
  },
  ...["grok-imagine-image", "grok-imagine-image-quality"].map((model): Row => ({
    name: `${model} draws`,
    run: async (machine) => {
      await signInByLoopback(machine);
      const drawn = await machine.run(["image", "A cat", "--model", model, "--json"]);
      assertEquals(jsonLines(drawn.stdout)[0].model, model);
    },
  })),
  {
    name: "grok-imagine-video films from text, from an image, and from up to 7 references",
    run: async (machine) => {
      await signInByLoopback(machine);
      machine.workspace.files.set("/project/a.png", PIXEL);
      for (
        const args of [[], ["--image", "a.png"], Array(7).fill("--reference=a.png")] as string[][]
      ) {
        const { code, stdout, stderr } = await machine.run(["video", "Waves", "--json", ...args]);
        assertEquals(code, 0, stderr);
        assertEquals(jsonLines(stdout).at(-1).model, "grok-imagine-video");
      }
    },
  },
];

/** Every statement of the guide. */
export const XAI_GUIDE: readonly Row[] = [
  ...SIGN_IN,
  ...STATUS,
  ...CONFIGURATION,
  ...ENDED,
  ...TROUBLE,
  ...MEDIA,
];
