// The MiniMax guide. Pickers are in cli/interactive_test.ts.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { parse } from "yaml";
import { findProvider } from "../../src/providers/mod.ts";
import { jsonLines, type TestMachine } from "../support/platform.ts";
import { assertOk, authSection, DAY, MINUTE, type Row, stored } from "./row.ts";

const GLOBAL_API = "https://api.minimax.io/anthropic";
const CN_API = "https://api.minimaxi.com/anthropic";

/** The bearer of the last request to an API. */
function lastBearer({ requests }: TestMachine): string {
  const request = requests.findLast(({ url }) => url.endsWith("/v1/messages"));
  assertEquals(request?.headers.has("x-api-key"), false);
  return request!.headers.get("authorization")!;
}

const SIGN_IN: Row[] = [
  {
    name: "auth add minimax-oauth signs in without an API key",
    run: async (machine) => {
      const { code, stdout } = await machine.run("auth add minimax-oauth");
      assertEquals(code, 0);
      assertEquals(stdout, "Signed in to MiniMax OAuth as minimax-oauth-1, region global\n");
      assertOk(await machine.run("chat Hello"));
    },
  },
  ...["minimax-portal", "minimax-global", "minimax_oauth"].flatMap((alias): Row[] => [
    {
      name: `auth add ${alias} means minimax-oauth`,
      run: async (machine) => {
        assertOk(await machine.run(`auth add ${alias}`));
        assertEquals(Object.keys(stored(machine).providers), ["minimax-oauth"]);
      },
    },
    {
      name: `--provider ${alias} means minimax-oauth`,
      run: async (machine) => {
        await machine.signIn();
        await machine.run("config set provider minimax");
        assertOk(await machine.run(`--provider ${alias}`, { stdin: "Hello" }));
        assertEquals(lastBearer(machine), bearerOf(machine));
      },
    },
  ]),
  {
    name: "--provider minimax-oauth is the canonical name",
    run: async (machine) => {
      await machine.signIn();
      assertOk(await machine.run("--provider minimax-oauth", { stdin: "Hello" }));
    },
  },
  {
    name: "--region cn signs in, refreshes and asks for answers in China",
    run: async (machine) => {
      assertOk(await machine.run("auth add minimax-oauth --region cn"));
      machine.clock.mono += DAY;
      assertOk(await machine.run("chat Hello"));
      assertEquals(machine.requests.map(({ url }) => url), [
        "https://account.minimaxi.com/oauth2/device/code",
        "https://account.minimaxi.com/oauth2/token",
        "https://account.minimaxi.com/oauth2/token",
        `${CN_API}/v1/messages`,
      ]);
      assertEquals(parse(machine.file("config.yaml")!).model.base_url, CN_API);
    },
  },
  {
    name: "minimax-cn with --type oauth is the same login",
    run: async (machine) => {
      assertOk(await machine.run("auth add minimax-cn --type oauth"));
      const [credential] = stored(machine).providers["minimax-oauth"];
      assertEquals(credential.region, "cn");
      assertOk(await machine.run("chat --provider minimax-cn Hello"));
      assertEquals(machine.requests.at(-1)!.url, `${CN_API}/v1/messages`);
      assertEquals(lastBearer(machine), bearerOf(machine));
    },
  },
  {
    name: "MINIMAX_CN_API_KEY in .env is enough for minimax-cn",
    run: async (machine) => {
      await machine.write(".env", "MINIMAX_CN_API_KEY=sandbox-of-china\n");
      assertOk(await machine.run("chat --provider minimax-cn Hello"));
      assertEquals(machine.requests.map(({ url }) => url), [`${CN_API}/v1/messages`]);
      assertEquals(lastBearer(machine), "Bearer sandbox-of-china");
    },
  },
  {
    name: "MINIMAX_CN_BASE_URL moves minimax-cn",
    run: async (machine) => {
      machine.fetch = () => Promise.reject(new TypeError("no network"));
      const env = {
        MINIMAX_CN_API_KEY: "sandbox-of-china",
        MINIMAX_CN_BASE_URL: "https://cn.example/anthropic",
      };
      await machine.run("chat --provider minimax-cn Hello", { env });
      assertEquals(machine.requests[0]!.url, "https://cn.example/anthropic/v1/messages");
    },
  },
  {
    name: "the browser opens on the verification page where there is one",
    setUp: { env: { DISPLAY: ":0" } },
    run: async (machine) => {
      const { stderr } = await machine.run("auth add minimax-oauth");
      assertMatch(machine.opened[0]!, /^https:\/\/platform\.minimax\.io\/oauth-authorize\?/);
      assertEquals(machine.opened.length, 1);
      assertStringIncludes(stderr, "A browser has been opened.");
    },
  },
  {
    name: "--no-browser prints the URL and the code and opens nothing",
    setUp: { env: { DISPLAY: ":0" } },
    run: async (machine) => {
      const { code, stderr } = await machine.run("auth add minimax-oauth --no-browser");
      assertEquals(code, 0);
      assertEquals(machine.opened, []);
      const [, url] = /^ {2}(https:\/\/platform\.minimax\.io\/\S+)$/m.exec(stderr)!;
      const [, userCode] = /^ {2}Code: (\S+)$/m.exec(stderr)!;
      assertEquals(new URL(url!).searchParams.get("user_code"), userCode);
    },
  },
  ...["SSH_CONNECTION", "SSH_TTY", "CODESPACES", "CI"].map((name): Row => ({
    name: `where ${name} is set no browser is tried, and the URL and code are printed`,
    setUp: { env: { DISPLAY: ":0", [name]: "1" } },
    run: async (machine) => {
      const { stderr } = await machine.run("auth add minimax-oauth");
      assertEquals(machine.opened, []);
      assertMatch(stderr, /^ {2}https:\/\/platform\.minimax\.io\//m);
      assertStringIncludes(stderr, "No browser is opened");
    },
  })),
  {
    name: "in a container no browser is tried",
    setUp: { env: { DISPLAY: ":0" } },
    run: async (machine) => {
      machine.isContainer = true;
      await machine.run("auth add minimax-oauth");
      assertEquals(machine.opened, []);
    },
  },
  {
    name: "the flow is PKCE with a state, then polls until the token arrives",
    setUp: { autoApprove: false },
    run: async (machine) => {
      const forms: URLSearchParams[] = [];
      const { fetch } = machine;
      machine.fetch = (input, init) => {
        forms.push(new URLSearchParams(String(init!.body)));
        // The user takes three polls to answer.
        if (forms.length === 4) {
          machine.sandbox.approve(forms[1]!.get("user_code")!);
        }
        return fetch(input, init);
      };
      assertOk(await machine.run("auth add minimax-oauth"));
      const [code, ...polls] = forms;
      assertEquals(code!.get("code_challenge_method"), "S256");
      assertMatch(code!.get("code_challenge")!, /^[\w-]{43}$/);
      assert(code!.get("state")!.length >= 22);
      assertEquals(polls.length, 3);
      assertMatch(polls[0]!.get("code_verifier")!, /^[\w.~-]{43,128}$/);
    },
  },
  {
    name: "the tokens are in auth.json under the minimax-oauth key",
    run: async (machine) => {
      await machine.signIn();
      const [{ tokens, expiresAt }] = stored(machine).providers["minimax-oauth"];
      assertMatch(tokens.accessToken, /^sbx_at_/);
      assertMatch(tokens.refreshToken, /^sbx_rt_/);
      assertEquals(expiresAt > machine.clock.now(), true);
    },
  },
];

function bearerOf(machine: TestMachine, index = 0): string {
  return `Bearer ${stored(machine).providers["minimax-oauth"][index].tokens.accessToken}`;
}

const STATUS: Row[] = [
  {
    name: "doctor shows a login in its section Auth Providers",
    run: async (machine) => {
      await machine.signIn();
      const lines = await authSection(machine);
      assert(lines.includes("  ✓ MiniMax OAuth (logged in, region=global)"), lines.join("\n"));
    },
  },
  {
    name: "doctor names the region cn",
    run: async (machine) => {
      await machine.signIn("auth add minimax-oauth --region cn");
      const lines = await authSection(machine);
      assert(lines.includes("  ✓ MiniMax OAuth (logged in, region=cn)"), lines.join("\n"));
    },
  },
  {
    name: "doctor shows that nobody is logged in",
    run: async (machine) => {
      const lines = await authSection(machine);
      assert(lines.includes("  ⚠ MiniMax OAuth (not logged in)"), lines.join("\n"));
      assert(lines.includes("    → grantway auth add minimax-oauth"), lines.join("\n"));
    },
  },
  {
    name: "Not logged into MiniMax OAuth at runtime, with the command that mends it",
    run: async (machine) => {
      const { code, stdout, stderr } = await machine.run("chat Hello");
      assertEquals(code, 4);
      assertEquals(stdout, "");
      assertEquals(
        stderr,
        "error: Not logged into MiniMax OAuth\n  Run: grantway auth add minimax-oauth\n",
      );
      assertEquals(machine.requests, []);
    },
  },
  {
    name: "the same when the credential file was deleted",
    run: async (machine) => {
      await machine.signIn();
      for (const name of ["auth.json", "auth.json.spare"]) {
        machine.disk.entries.delete(`/home/user/.grantway/${name}`);
      }
      const { code, stderr } = await machine.run("chat Hello");
      assertEquals(code, 4);
      assertStringIncludes(stderr, "Not logged into MiniMax OAuth");
    },
  },
  {
    name: "auth remove minimax-oauth removes the stored credentials",
    run: async (machine) => {
      await machine.signIn();
      assertOk(await machine.run("auth remove minimax-oauth"));
      assertEquals(await machine.credentials(), []);
      assert(!machine.file("auth.json")!.includes("sbx_"));
      assertEquals((await machine.run("chat Hello")).code, 4);
    },
  },
];

const CONFIGURATION: Row[] = [
  {
    name: "after the login config.yaml holds model, provider and base URL",
    run: async (machine) => {
      await machine.signIn();
      assertEquals(parse(machine.file("config.yaml")!), {
        model: { default: "MiniMax-M2.7", provider: "minimax-oauth", base_url: GLOBAL_API },
      });
    },
  },
  {
    name: "config set model and config set provider choose directly",
    run: async (machine) => {
      assertOk(await machine.run("config set model MiniMax-M2.7-highspeed"));
      assertOk(await machine.run("config set provider minimax-oauth"));
      assertEquals(parse(machine.file("config.yaml")!), {
        model: {
          default: "MiniMax-M2.7-highspeed",
          provider: "minimax-oauth",
          base_url: GLOBAL_API,
        },
      });
      await machine.signIn();
      const answer = await machine.run("chat --json Hello");
      assertEquals(jsonLines(answer.stdout)[0].model, "MiniMax-M2.7-highspeed");
    },
  },
  {
    name: "MINIMAX_API_KEY and MINIMAX_BASE_URL are ignored for minimax-oauth",
    run: async (machine) => {
      await machine.write(".env", "MINIMAX_API_KEY=sandbox-of-file\n");
      const env = {
        MINIMAX_API_KEY: "sandbox-of-variable",
        MINIMAX_CN_API_KEY: "sandbox-of-china",
        MINIMAX_BASE_URL: "https://elsewhere.example",
        ANTHROPIC_AUTH_TOKEN: "sandbox-of-another-tool",
        ANTHROPIC_API_KEY: "sandbox-of-another-tool",
      };
      assertEquals((await machine.run("chat Hello", { env })).code, 4);
      assertEquals(machine.requests, []);
      await machine.signIn();
      assertOk(await machine.run("chat Hello", { env }));
      assertEquals(machine.requests.at(-1)!.url, `${GLOBAL_API}/v1/messages`);
      assertEquals(lastBearer(machine), bearerOf(machine));
    },
  },
  {
    name: "MINIMAX_API_KEY is used by the provider minimax",
    run: async (machine) => {
      const env = { MINIMAX_API_KEY: "sandbox-of-variable" };
      assertOk(await machine.run("chat --provider minimax Hello", { env }));
      assertEquals(lastBearer(machine), "Bearer sandbox-of-variable");
    },
  },
  {
    name: "GRANTWAY_INFERENCE_PROVIDER forces the provider of a run",
    run: async (machine) => {
      await machine.signIn();
      await machine.run("config set provider minimax");
      const before = machine.file("config.yaml");
      const env = {
        GRANTWAY_INFERENCE_PROVIDER: "minimax-oauth",
        MINIMAX_API_KEY: "sandbox-of-variable",
      };
      assertOk(await machine.run("", { env, stdin: "Hello" }));
      assertEquals(lastBearer(machine), bearerOf(machine));
      assertEquals(machine.file("config.yaml"), before);
    },
  },
  {
    name: "both models are offered with 200,000 tokens of context, the default first",
    run: async (machine) => {
      const { stdout } = await machine.run("model --json");
      const [{ choices, model }] = jsonLines(stdout);
      assertEquals(model, "MiniMax-M2.7");
      assertEquals(
        [choices[0].provider, choices[0].name],
        ["minimax-oauth", "MiniMax (OAuth)"],
      );
      assertEquals(choices[0].models.slice(0, 2), [
        { id: "MiniMax-M2.7", contextTokens: 200_000 },
        { id: "MiniMax-M2.7-highspeed", contextTokens: 200_000 },
      ]);
    },
  },
  {
    name: "MiniMax-M2.7-highspeed is the auxiliary model",
    run: () => {
      assertEquals(findProvider("minimax-oauth")!.auxiliaryModel, "MiniMax-M2.7-highspeed");
      return Promise.resolve();
    },
  },
  {
    name: "the transport is Anthropic Messages",
    run: async (machine) => {
      await machine.signIn();
      const { stdout } = await machine.run("chat --json Hello");
      const lines = jsonLines(stdout);
      assertEquals(lines[0].type, "start");
      assertEquals(lines.at(-1).stopReason, "end_turn");
      assertEquals(machine.sent("/anthropic/v1/messages").length, 1);
      assertEquals(machine.sent("/chat/completions").length, 0);
    },
  },
];

/** Rows for each way a server says that a login is over. */
const ENDED = (["invalid_grant", "refresh_token_reused"] as const).flatMap((deadError) =>
  (["rfc6749", "status", "base_resp"] as const).map((deadShape): Row => ({
    name: `${deadError} said as ${deadShape} marks the login as needing a new one`,
    setUp: { quirks: { deadError, deadShape } },
    run: async (machine) => {
      await machine.signIn();
      const [before] = await machine.credentials();
      // Somebody else spends the refresh token: its family is revoked when it comes back.
      const { tokens } = stored(machine).providers["minimax-oauth"][0];
      for (let time = 0; time < 2; time++) {
        const spent = await machine.sandbox.fetch("https://account.minimax.io/oauth2/token", {
          method: "POST",
          body: new URLSearchParams({
            grant_type: "refresh_token",
            refresh_token: tokens.refreshToken,
            client_id: "78257093-7e40-4613-99e0-527b14b39113",
          }),
        });
        await spent.body?.cancel();
      }
      machine.clock.mono += DAY;
      machine.requests.length = 0;

      const first = await machine.run("chat Hello");
      assertEquals(first.code, 4);
      assertEquals(first.stdout, "");
      assertMatch(
        first.stderr,
        /^error: The login to MiniMax OAuth has ended: [^\n]+\n {2}Run: grantway auth add minimax-oauth\n$/,
      );
      assertEquals(machine.requests.map(({ url }) => url), [
        "https://account.minimax.io/oauth2/token",
      ]);

      const second = await machine.run("chat Hello");
      assertEquals(second.code, 4);
      assertStringIncludes(second.stderr, "grantway auth add minimax-oauth");
      assertEquals((await machine.run("auth refresh minimax-oauth")).code, 4);
      assertEquals((await machine.run("auth token minimax-oauth --show")).code, 4);
      assertEquals(machine.requests.length, 1);
      assertEquals((await machine.run("auth status minimax-oauth")).code, 4);
      assert((await authSection(machine)).includes(
        "  ⚠ MiniMax OAuth (needs login, region=global)",
      ));

      await machine.signIn();
      const after = await machine.credentials();
      assertEquals(after.length, 1);
      assertEquals([after[0].id, after[0].status], [before.id, "valid"]);
      assertOk(await machine.run("chat Hello"));
    },
  }))
);

const TROUBLE: Row[] = [
  {
    name: "within 60 seconds of expiry the token is refreshed at the start of a session",
    run: async (machine) => {
      await machine.signIn();
      const [{ expiresAt }] = await machine.credentials();
      machine.clock.mono += Date.parse(expiresAt) - machine.clock.now() - 59_000;
      assertOk(await machine.run("chat Hello"));
      assertEquals((await machine.credentials())[0].generation, 2);
      assertEquals(machine.sandbox.counters.refreshes, 1);
    },
  },
  ...[
    { time: "a moment", ms: 16 * MINUTE },
    { time: "forty days", ms: 40 * DAY },
  ].map(({ time, ms }): Row => ({
    name: `a token that expired ${time} ago is refreshed on the next request`,
    run: async (machine) => {
      await machine.signIn();
      machine.clock.mono += ms;
      const [expired] = await machine.credentials();
      assertEquals(expired.status, "refreshable");
      assertOk(await machine.run("chat Hello"));
      assertEquals(machine.sandbox.counters.refreshes, 1);
      const [refreshed] = await machine.credentials();
      assertEquals([refreshed.status, refreshed.generation], ["valid", 2]);
      assertEquals(lastBearer(machine), bearerOf(machine));
    },
  })),
  ...ENDED,
  {
    name: "an approval that comes too late is a timeout, and the flow starts fresh",
    setUp: { autoApprove: false },
    run: async (machine) => {
      let userCode = "";
      const remember = (text: string) => userCode = /Code: (\S+)/.exec(text)?.[1] ?? userCode;
      const late = await machine.run("auth add minimax-oauth", { onStderr: remember });
      assertEquals(late.code, 7);
      assertMatch(late.stderr, /\nerror: Cannot sign in to MiniMax OAuth: [^\n]+\n/);
      assertStringIncludes(late.stderr, "Start again with: grantway auth add minimax-oauth\n");
      assertEquals(await machine.credentials(), []);
      assertEquals(machine.file("config.yaml"), undefined);
      const lateCode = userCode;

      const approve = (text: string) => {
        remember(text);
        if (userCode !== lateCode) machine.sandbox.approve(userCode);
      };
      assertOk(await machine.run("auth add minimax-oauth", { onStderr: approve }));
      assertEquals((await machine.credentials()).length, 1);
    },
  },
  {
    name: "a state that does not match is named as possible CSRF or a proxy that rewrites",
    setUp: { quirks: { stateEcho: "other" } },
    run: async (machine) => {
      const { code, stderr } = await machine.run("auth add minimax-oauth");
      assertEquals(code, 1);
      assertMatch(stderr, /state .* is not the one that was sent .*possible CSRF.*proxy/);
      assertStringIncludes(stderr, "Sign in again");
      assertEquals(machine.sent("/oauth2/token"), []);
      assertEquals(await machine.credentials(), []);
      machine.sandbox.setQuirks({ stateEcho: "echo" });
      assertOk(await machine.run("auth add minimax-oauth"));
    },
  },
];

/** Every statement of the guide. */
export const MINIMAX_GUIDE: readonly Row[] = [...SIGN_IN, ...STATUS, ...CONFIGURATION, ...TROUBLE];
