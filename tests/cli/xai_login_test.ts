// Signing in to xAI as it runs on a machine: a process that holds a port, a browser that is led to it,
// a person who pastes at a terminal. What a page may send to the port is in
// adapters/deno/loopback_listener_test.ts and oauth/loopback_test.ts.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type CliOptions, COMMAND, TestCli } from "../support/cli.ts";
import { answerConsent } from "../support/loopback_browser.ts";
import { jsonLines, TestMachine } from "../support/platform.ts";
import { testIf } from "../support/requires.ts";
import { Terminal } from "../support/terminal.ts";

const LOOPBACK = ["auth", "add", "xai-oauth", "--flow", "loopback"];

/** A process that waits for a browser, and what it asks for. */
async function waiting(cli: TestCli, { wantedPort = 0 } = {}) {
  // Not the usual port: other tests at the same time would have it, or take it when it is free again.
  await Deno.mkdir(cli.home, { recursive: true, mode: 0o700 });
  await Deno.writeTextFile(
    `${cli.home}/config.yaml`,
    `providers:\n  xai-oauth:\n    redirect_port: ${wantedPort}\n`,
    { mode: 0o600 },
  );
  const child = cli.spawn([...LOOPBACK, "--json"]);
  const [event] = jsonLines((await child.said('"type":"authorize"')).split("\n")[0]!);
  return { child, url: event.url as string, port: event.port as number };
}

Deno.test("a login by loopback over sockets: strangers at the port change nothing", async () => {
  await using cli = await TestCli.create({ autoApprove: false });
  const { child, url, port } = await waiting(cli);
  assertStringIncludes(url, `${cli.origin}/auth.x.ai/oauth2/authorize?`);
  const base = `http://127.0.0.1:${port}`;
  const stuck = await Deno.connect({ hostname: "127.0.0.1", port });
  await stuck.write(new TextEncoder().encode("GET /callback?code="));
  for (
    const [path, status] of [
      ["/", 404],
      ["/favicon.ico", 404],
      ["/callback", 400],
      ["/callback?code=x&state=y", 400],
      ["/callback?error=access_denied&state=y", 400],
    ] as const
  ) {
    const answer = await fetch(`${base}${path}`);
    assertEquals(answer.status, status, path);
    assert(!(await answer.text()).includes("Signed in"), path);
  }

  const { callback } = await answerConsent(fetch, url);
  assertStringIncludes(callback!, `${base}/callback?`);
  const page = await fetch(callback!);
  assertEquals(page.status, 200);
  assertMatch(page.headers.get("content-type")!, /^text\/html/);
  const html = await page.text();
  assert(!html.includes(new URL(callback!).searchParams.get("code")!));
  const { code, stdout } = await child.result;
  stuck.close();
  assertEquals(code, 0);
  assertEquals(jsonLines(stdout).at(-1).type, "auth_add");
  // The port is given back.
  Deno.listen({ hostname: "127.0.0.1", port }).close();
  assertEquals((await cli.run("chat Hello")).code, 0);
});

Deno.test("a login by loopback over sockets: the consent page brings the code by fetch", async () => {
  await using cli = await TestCli.create({ quirks: { delivery: "fetch" } });
  const { child, url } = await waiting(cli);
  const { callback, isFetched } = await answerConsent(fetch, url);
  assert(isFetched);
  const preflight = await fetch(callback!, {
    method: "OPTIONS",
    headers: {
      origin: cli.origin,
      "access-control-request-method": "GET",
      "access-control-request-private-network": "true",
    },
  });
  assertEquals(preflight.status, 204);
  assertEquals(preflight.headers.get("access-control-allow-private-network"), "true");
  const foreign = await fetch(`${new URL(callback!).origin}/callback`, {
    method: "OPTIONS",
    headers: { origin: "https://evil.example", "access-control-request-method": "GET" },
  });
  assertEquals(foreign.headers.get("access-control-allow-origin"), null);
  const answer = await fetch(callback!, { headers: { origin: cli.origin } });
  assertEquals(answer.headers.get("access-control-allow-origin"), cli.origin);
  await answer.body?.cancel();
  assertEquals((await child.result).code, 0);
});

/** Holds port 56121, unless somebody else on this machine does. */
function holdPort(): Disposable {
  let listener: Deno.TcpListener | undefined;
  try {
    listener = Deno.listen({ hostname: "127.0.0.1", port: 56121 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
  }
  return { [Symbol.dispose]: () => listener?.close() };
}

Deno.test("a login by loopback over sockets: another port where 56121 is taken", async () => {
  await using cli = await TestCli.create();
  using _taken = holdPort();
  const { child, url, port } = await waiting(cli, { wantedPort: 56121 });
  assert(port !== 56121 && port > 0, `${port}`);
  assertEquals(
    new URL(url).searchParams.get("redirect_uri"),
    `http://127.0.0.1:${port}/callback`,
  );
  const { callback } = await answerConsent(fetch, url);
  await (await fetch(callback!)).body?.cancel();
  assertEquals((await child.result).code, 0);
});

Deno.test("a login by code over sockets, an answer, and a logout that revokes", async () => {
  await using cli = await TestCli.create();
  const { code, stdout } = await cli.run("auth add grok-oauth --json");
  assertEquals(code, 0);
  const [event, added] = jsonLines(stdout);
  assertMatch(event.verificationUrl, /\/accounts\.x\.ai\/oauth2\/device\?user_code=/);
  assertEquals([event.type, added.type], ["code", "auth_add"]);
  const answer = await cli.run("chat Hello");
  assertStringIncludes(answer.stdout, "in place of grok-4.3");
  const { grants } = cli.sandbox.state;
  assertEquals(grants.map(({ revoked }) => revoked), [false]);
  assertEquals((await cli.run("auth logout xai-oauth")).code, 0);
  assertEquals(cli.sandbox.state.grants.map(({ revoked }) => revoked), [true]);
});

Deno.test("the sandbox's help and its page name both vendors, and who waits at xAI", async () => {
  const { stdout } = await new TestMachine().run("sandbox --help");
  assertMatch(stdout, /MiniMax[^]*xAI[^]*auth add minimax-oauth +or xai-oauth/);
  await using cli = await TestCli.create({ autoApprove: false });
  const { child, url } = await waiting(cli);
  const consent = await fetch(url);
  await consent.body?.cancel();
  const page = await (await fetch(cli.origin)).text();
  for (const word of ["MiniMax", "xAI", "/api.x.ai/v1/responses", "for Grok Build, xai"]) {
    assertStringIncludes(page, word);
  }
  child.kill("SIGINT");
  assertEquals((await child.result).code, 130);
});

Deno.test("Ctrl-C while the port waits: 130, the port is given back, nothing is stored", async () => {
  await using cli = await TestCli.create();
  const { child, port } = await waiting(cli);
  child.kill("SIGINT");
  assertEquals((await child.result).code, 130);
  Deno.listen({ hostname: "127.0.0.1", port }).close();
  assertEquals((await cli.run("auth list --json")).stdout.includes('"credentials":[]'), true);
});

/** The page to visit, the prompt, and the end of a login at a terminal where something is pasted. */
async function pasteAt(
  tmux: string,
  options: CliOptions,
  pasted: (url: string) => Promise<string[]>,
): Promise<string> {
  await using cli = await TestCli.create(options);
  const env = cli.env({ USER: "ada", SSH_CONNECTION: "192.0.2.1 5000 192.0.2.9 22" });
  // Wide enough for the address in one line.
  const size = { columns: 900, rows: 60 };
  await using terminal = await Terminal.start(tmux, [...COMMAND, ...LOOPBACK], env, size);
  const screen = await terminal.shows("paste the code or address here:");
  const url = /http:\S+\/oauth2\/authorize\?\S+/.exec(screen)![0];
  for (const [index, line] of (await pasted(url)).entries()) {
    // A person answers the prompt that they see; what is typed before it stands there is lost.
    await terminal.shows(new RegExp(`(paste the code or address here:[^]*){${index + 1}}`));
    await terminal.type(line);
    await terminal.press("Enter");
  }
  const end = await terminal.shows("[exit ");
  assertMatch(end, /\[exit 0\]/);
  assertStringIncludes(end, "Signed in to xAI OAuth as user@sandbox.example");
  return end;
}

testIf("tmux", "at a terminal an address, a query or a bare code is pasted", async (tmux) => {
  const [address, query, code] = await Promise.all([
    pasteAt(tmux, {}, async (url) => [(await answerConsent(fetch, url)).callback!]),
    pasteAt(tmux, {}, async (url) => {
      const { search } = new URL((await answerConsent(fetch, url)).callback!);
      return ["?code=of-another&state=login", search];
    }),
    pasteAt(
      tmux,
      { quirks: { delivery: "code" } },
      async (url) => [(await answerConsent(fetch, url)).shown!],
    ),
  ]);
  for (const screen of [address, query, code]) {
    const port = /redirect_uri=http%3A%2F%2F127\.0\.0\.1%3A(\d+)%2F/.exec(screen!)![1];
    assertStringIncludes(screen!, `  ssh -N -L ${port}:127.0.0.1:${port} ada@192.0.2.9`);
    assertStringIncludes(screen!, "-J jump-user@jump-host ada@192.0.2.9");
    assertStringIncludes(screen!, "No browser is opened: this is a remote session.");
  }
  assertMatch(query!, /another (login|sign-in)/i);
});

testIf("tmux", "grantway model: xAI by its name, a sign-in, grok-4.3 at the top", async (tmux) => {
  await using cli = await TestCli.create();
  await using terminal = await Terminal.start(tmux, [...COMMAND, "model"], cli.env());
  await terminal.shows("Enter: confirm");
  await terminal.press("Down", "Down", "Down");
  await terminal.shows("● xAI Grok OAuth (SuperGrok Subscription) (not signed in)");
  await terminal.press("Enter");
  const models = await terminal.shows(/◆ {2}Model/);
  assertMatch(models, /Signed in to xAI OAuth as user@sandbox\.example/);
  assertMatch(
    models,
    /● grok-4\.3 .*\n.*○ grok-4\.20-0309-reasoning.*\n.*○ grok-4\.20-0309-non-reasoning.*\n.*○ grok-4\.20-multi-agent-0309/,
  );
  await terminal.press("Enter");
  assertMatch(await terminal.shows("[exit "), /Using xai-oauth\/grok-4\.3\n+\[exit 0\]/);
  const { stdout } = await cli.run("config list");
  assertStringIncludes(stdout, "model.default = grok-4.3\nmodel.provider = xai-oauth\n");
});

testIf("tmux", "grantway model signs in by the configured flow", async (tmux) => {
  await using cli = await TestCli.create();
  await cli.run("config set providers.xai-oauth.flow loopback");
  await cli.run("config set provider xai-oauth");
  const size = { columns: 900, rows: 60 };
  await using terminal = await Terminal.start(tmux, [...COMMAND, "model"], cli.env(), size);
  await terminal.shows("● xAI Grok OAuth (SuperGrok Subscription) (not signed in)");
  await terminal.press("Enter");
  const screen = await terminal.shows("paste the code or address here:");
  const url = /http:\S+\/oauth2\/authorize\?\S+/.exec(screen)![0];
  const { callback } = await answerConsent(fetch, url);
  await (await fetch(callback!)).body?.cancel();
  await terminal.shows(/◆ {2}Model/);
  await terminal.press("Enter");
  assertMatch(await terminal.shows("[exit "), /Using xai-oauth\/grok-4\.3\n+\[exit 0\]/);
});

for (const command of ["auth add xai-oauth", LOOPBACK.join(" ")]) {
  Deno.test(`--trace of ${command} holds names, and no value`, async () => {
    const machine = new TestMachine();
    const values = new Set<string>(["user@sandbox.example", "b1a00492-073a"]);
    const { fetch } = machine;
    machine.fetch = async (input, init) => {
      for (const value of new URLSearchParams(String(init?.body ?? "")).values()) values.add(value);
      const answer = await fetch(input, init);
      const body = await answer.clone().json().catch(() => ({}));
      for (const value of Object.values(body)) {
        if (typeof value === "string") values.add(value);
      }
      return answer;
    };
    const browse = machine.browser();
    const { code, stderr } = await machine.run(`${command} --trace`, {
      onStderr: (text) => {
        const url = /https:\S+\/authorize\?\S+/.exec(text)?.[0];
        for (const value of url === undefined ? [] : new URL(url).searchParams.values()) {
          values.add(value);
        }
        browse(text);
      },
    });
    assertEquals(code, 0);
    const path = /Transcript without any value: (\S+)/.exec(stderr)![1]!;
    const text = new TextDecoder().decode(machine.disk.entries.get(path)!.bytes);
    const entries = jsonLines(text);
    assertEquals(new Set(entries.map(({ status }) => status)), new Set([200]));
    assert(entries.some(({ responseFields }) => responseFields?.includes("id_token: string")));
    assert(entries.some(({ requestFields }) => requestFields?.includes("client_id")));
    const { tokens } = JSON.parse(machine.file("auth.json")!).providers["xai-oauth"][0];
    for (const token of [tokens.accessToken, tokens.refreshToken]) assert(values.has(token));
    // Addresses and words of the protocols are no secrets; everything else of some length is.
    const secrets = [...values].filter((value) => value.length >= 8 && !value.startsWith("http"))
      .filter((value) => !/^[a-z_]+$/.test(value));
    assert(secrets.length >= 6, `${secrets.length}`);
    for (const value of secrets) assert(!text.includes(value), value);
  });
}
