// What the configuration replaces in a login: it reaches the requests, and nothing that no request
// could carry is written.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { TestMachine } from "../support/platform.ts";

const XAI = "providers.xai-oauth";

/** The query of the authorization page, and the forms that were sent to the token endpoint. */
async function signIn(
  machine: TestMachine,
  command: string,
): Promise<{ query: URLSearchParams; forms: URLSearchParams[]; code: number; stderr: string }> {
  const forms: URLSearchParams[] = [];
  const { fetch } = machine;
  machine.fetch = (input, init) => {
    if (init?.method === "POST") forms.push(new URLSearchParams(String(init.body)));
    return fetch(input, init);
  };
  let query = new URLSearchParams();
  const browse = machine.browser();
  const { code, stderr } = await machine.run(command, {
    onStderr: (text) => {
      const url = /https:\S+\/authorize\?\S+/.exec(text)?.[0];
      if (url !== undefined) query = new URL(url).searchParams;
      browse(text);
    },
  });
  return { query, forms, code, stderr };
}

const LOOPBACK: {
  name: string;
  settings: Record<string, string>;
  query?: Record<string, string | null>;
  hasChallenge?: boolean;
  wanted?: number;
  quirks?: NonNullable<ConstructorParameters<typeof TestMachine>[0]>["quirks"];
}[] = [
  {
    name: "as it comes",
    settings: {},
    query: { plan: "generic", referrer: "grantway" },
  },
  {
    name: "with another referrer and no plan",
    settings: { plan: "none", referrer: "grok-build" },
    query: { plan: null, referrer: "grok-build" },
  },
  {
    name: "without a referrer",
    settings: { referrer: "none" },
    query: { plan: "generic", referrer: null },
  },
  {
    name: "with ten scopes",
    settings: {
      scopes: "openid profile  email offline_access grok-cli:access api:access " +
        "conversations:read conversations:write workspaces:read workspaces:write",
    },
    query: {
      scope: "openid profile email offline_access grok-cli:access api:access " +
        "conversations:read conversations:write workspaces:read workspaces:write",
    },
  },
  { name: "without the challenge", settings: { echo_challenge: "false" }, hasChallenge: false },
  {
    name: "with the challenge, which the server wants",
    settings: { echo_challenge: "true" },
    quirks: { challengeEcho: "required" },
  },
  { name: "on another port first", settings: { redirect_port: "8123" }, wanted: 8123 },
  { name: "on any port", settings: { redirect_port: "0" }, wanted: 0 },
];

for (
  const { name, settings, query: expected = {}, hasChallenge = true, wanted = 56121, quirks = {} }
    of LOOPBACK
) {
  Deno.test(`a login by loopback goes ${name}`, async () => {
    const machine = new TestMachine({ quirks });
    for (const [setting, value] of Object.entries(settings)) {
      const args = ["config", "set", `${XAI}.${setting}`, value];
      assertEquals((await machine.run(args)).code, 0);
    }
    const { query, forms, code, stderr } = await signIn(
      machine,
      "auth add xai-oauth --flow loopback",
    );
    assertEquals(code, 0, stderr);
    for (const [parameter, value] of Object.entries(expected)) {
      assertEquals(query.get(parameter), value);
    }
    assertEquals(forms.map((form) => form.has("code_challenge")), [hasChallenge]);
    assertEquals(machine.loopback.wanted, [wanted]);
  });
}

Deno.test("a login by code asks for the configured scopes alone, whatever the upstream", async () => {
  const machine = new TestMachine();
  const scopes = "openid offline_access api:access grok-cli:access";
  await machine.run(["config", "set", `${XAI}.scopes`, scopes]);
  for (const upstream of ["api", "cli"]) {
    const { forms } = await signIn(machine, `auth add xai-oauth --upstream ${upstream}`);
    assertEquals(forms[0]!.get("scope"), scopes);
  }
});

Deno.test("without offline_access there is no refresh token, and the login says why it fails", async () => {
  const machine = new TestMachine({ quirks: { tokenMissing: "refresh_token" } });
  const { code, stderr } = await signIn(machine, "auth add xai-oauth");
  assertEquals(code, 6);
  assertStringIncludes(stderr, "offline_access");
});

const REFUSED = [
  { setting: "scopes", value: "openid é", says: "the scopes" },
  { setting: "plan", value: "a b", says: "the parameter plan" },
  { setting: "referrer", value: "a\u0007b", says: "the parameter referrer" },
  { setting: "echo_challenge", value: "yes", says: "true or false" },
  { setting: "redirect_port", value: "70000", says: "0 to 65535" },
  { setting: "redirect_port", value: "port", says: "0 to 65535" },
];

for (const { setting, value, says } of REFUSED) {
  Deno.test(`config set refuses ${setting} ${JSON.stringify(value)}`, async () => {
    const machine = new TestMachine();
    const { code, stderr } = await machine.run(["config", "set", `${XAI}.${setting}`, value]);
    assert(code === 1 || code === 2, `exit ${code}`);
    assertStringIncludes(stderr, says);
    assertEquals(machine.file("config.yaml"), undefined);
  });

  Deno.test(`a login refuses ${setting} ${JSON.stringify(value)} of a file, and sends nothing`, async () => {
    const machine = new TestMachine();
    const line = `    ${setting}: ${JSON.stringify(value)}`;
    await machine.write("config.yaml", `providers:\n  xai-oauth:\n${line}\n`);
    const { code, stderr } = await machine.run("auth add xai-oauth");
    assert(code === 1 || code === 2, `exit ${code}`);
    assertStringIncludes(stderr, says);
    assertEquals(machine.requests, []);
  });
}

Deno.test("config set --help lists them, and MiniMax has none of them", async () => {
  const machine = new TestMachine();
  const { stdout } = await machine.run("config set --help");
  for (const setting of ["scopes", "plan", "referrer", "echo_challenge", "redirect_port"]) {
    assertStringIncludes(stdout, `  ${XAI}.${setting} `);
    const { code } = await machine.run([
      "config",
      "set",
      `providers.minimax-oauth.${setting}`,
      "1",
    ]);
    assertEquals(code, 2);
  }
});
