// `--json` of every command that reports: it parses, names its version and type, and holds no secret;
// nor does anything else that is printed, on either stream, whatever happens.

import { assert, assertEquals } from "@std/assert";
import { COMMANDS } from "../../src/cli/command_table.ts";
import { HOME, jsonLines, type RunOptions, TestMachine } from "../support/platform.ts";

const REPORTS: ({ args: string; types: string[]; code?: number } & RunOptions)[] = [
  { args: "auth add minimax-oauth", types: ["code", "auth_add"] },
  { args: "auth add minimax --type api-key", stdin: "sandbox-key-1", types: ["auth_add"] },
  { args: "auth list", types: ["auth_list"] },
  { args: "auth list minimax-oauth", types: ["auth_list"] },
  { args: "auth status", types: ["auth_status"] },
  { args: "auth status minimax-oauth", types: ["auth_status"] },
  { args: "auth refresh minimax-oauth", types: ["auth_refresh"] },
  { args: "auth reset minimax-oauth", types: ["auth_reset"] },
  { args: "auth token minimax-oauth", types: ["auth_token"] },
  { args: "auth token minimax-oauth --show", types: ["auth_token"] },
  { args: "auth token minimax --show", types: ["auth_token"] },
  { args: "auth use minimax-oauth 1", types: ["auth_use"] },
  { args: "auth priority minimax-oauth 1 1", types: ["auth_priority"] },
  { args: "model", types: ["model"] },
  { args: "model minimax-oauth/MiniMax-M2.7", types: ["model"] },
  { args: "config set model MiniMax-M2.7", types: ["config_set"] },
  { args: "config get model", types: ["config_get"] },
  { args: "config list", types: ["config_list"] },
  { args: "config path", types: ["config_path"] },
  { args: "config unset model", types: ["config_unset"] },
  { args: "config get model", types: ["config_get"], code: 1 },
  { args: `gateway keys create laptop --out ${HOME}/key.txt`, types: ["gateway_keys_create"] },
  { args: "gateway keys list", types: ["gateway_keys_list"] },
  { args: "gateway keys revoke laptop", types: ["gateway_keys_revoke"] },
  { args: "gateway config set default_model grok-4.3", types: ["gateway_config_set"] },
  { args: "gateway config get default_model", types: ["gateway_config_get"] },
  { args: "gateway config list", types: ["gateway_config_list"] },
  { args: "gateway config unset default_model", types: ["gateway_config_unset"] },
  { args: "usage", types: ["usage"] },
  { args: "connect", types: ["connect_list"] },
  { args: "connect claude-code", types: ["connect"] },
  { args: "connect codex --write --yes", types: ["connect_write"] },
  { args: "connect codex --undo --yes", types: ["connect_undo"] },
  { args: "doctor", types: ["doctor"] },
  { args: "chat Hello", types: ["start", "thinking", "text", "end"] },
  { args: "tools list", types: ["tools"] },
  { args: "tools enable video_gen", types: ["tools_changed"] },
  { args: "tools disable video_gen shell", types: ["tools_changed"] },
  { args: "sessions list", types: ["sessions_list"] },
  // The beginning of every id for a while; there is one.
  { args: "sessions show 2", types: ["session"] },
  { args: "sessions delete --all --yes", types: ["sessions_deleted"] },
  { args: "chat [error:429]", types: ["start", "error"], code: 5 },
  { args: "chat [cut]", types: ["start", "thinking", "text", "error"], code: 6 },
  { args: "auth add xai-oauth", types: ["code", "auth_add"] },
  { args: "auth add xai-oauth --flow loopback", types: ["authorize", "auth_add"] },
  { args: "speak Hello -o a.wav", types: ["speech"] },
  { args: "speak --list-voices", types: ["voices"] },
  { args: "transcribe a.wav", types: ["transcription"] },
  { args: "image Cat --n 2", types: ["image"] },
  { args: "video Waves", types: ["video_job", "video_progress", "video"] },
  { args: "video [moderated]", types: ["video_job", "video_progress", "error"], code: 10 },
  { args: "auth list xai-oauth", types: ["auth_list"] },
  { args: "auth status xai-oauth", types: ["auth_status"] },
  { args: "auth refresh xai-oauth", types: ["auth_refresh"] },
  { args: "auth token xai-oauth --show", types: ["auth_token"] },
  { args: "model xai-oauth/grok-4.3", types: ["model"] },
  { args: "models xai-oauth --refresh", types: ["models"] },
  { args: "doctor --verbose", types: ["doctor"] },
  { args: "chat Hello", types: ["start", "thinking", "text", "end"] },
  { args: "chat [error:entitlement]", types: ["start", "error"], code: 8 },
  { args: "auth logout xai-oauth", types: ["auth_logout"] },
  { args: "chat Hello", types: ["error"], code: 4 },
  { args: "model minimax-oauth/MiniMax-M2.7", types: ["model"] },
  { args: "auth remove minimax-oauth", types: ["auth_remove"] },
  { args: "auth logout minimax", types: ["auth_logout"] },
  { args: "chat Hello", types: ["error"], code: 4 },
];

/** Every secret that the store ever held. */
function secretsIn(text: string): string[] {
  return [...text.matchAll(/"(?:accessToken|refreshToken)": ?"([^"]+)"/g)].map(([, value]) =>
    value!
  );
}

Deno.test("--json of every reporting command parses, has version and type, and no secret", async () => {
  const machine = new TestMachine();
  const secrets = new Set<string>();
  let printed = "";
  for (const { args, types, code = 0, ...options } of REPORTS) {
    const onStderr = machine.browser();
    const result = await machine.run(`${args} --json`, { onStderr, ...options });
    assertEquals(result.code, code, `${args}: ${result.stderr}`);
    const lines = jsonLines(result.stdout);
    assertEquals([...new Set(lines.map(({ type }) => type))], types, args);
    for (const { version } of lines) assertEquals(version, 1, args);
    printed += result.stdout + result.stderr;
    for (const secret of secretsIn(machine.file("auth.json") ?? "")) secrets.add(secret);
  }
  assert(secrets.size >= 5, `${secrets.size} secrets`);
  for (const secret of secrets) assert(!printed.includes(secret), "a secret was printed");
});

// `sandbox`, `completions`, `run` and `gateway serve` go on, or do not report on anything: process_test.ts
// and run_test.ts run them. What needs a Worker elsewhere is in deploy_test.ts and
// gateway_reseal_test.ts.
Deno.test("the table above knows every command that reports", () => {
  const known = new Set(REPORTS.map(({ args }) => args));
  for (const { path } of COMMANDS) {
    const name = path.join(" ");
    if (["sandbox", "completions", "run", "gateway serve"].includes(name)) continue;
    if (["gateway deploy", "gateway status", "gateway logs"].includes(name)) continue;
    if (name === "gateway reseal") continue;
    assert([...known].some((args) => args === name || args.startsWith(`${name} `)), name);
  }
});

/** Every command as people run it, in good times and bad. */
const PLAIN = [
  "auth list",
  "auth status",
  "auth status minimax-oauth",
  "auth token minimax-oauth",
  "auth refresh minimax-oauth",
  "auth reset minimax-oauth",
  "auth use minimax-oauth 1",
  "model --json",
  "config list",
  "doctor",
  "chat --verbose --debug Hello",
  "chat --debug [error:1004]",
  "chat --debug [error:500]",
  "auth remove minimax-oauth --debug",
];

const XAI_PLAIN = [
  "auth list",
  "auth status xai-oauth",
  "auth token xai-oauth",
  "auth refresh xai-oauth",
  "auth reset xai-oauth",
  "doctor",
  "chat --verbose --debug Hello",
  "chat --debug [error:entitlement]",
  "chat --debug [error:unauthenticated]",
  "auth remove xai-oauth --debug",
];

for (
  const quirks of [
    {},
    { failNext: 9, failOn: "refresh", failWith: "status_500" },
    { failNext: 9, failOn: "any", failWith: "challenge_403" },
    { loseNext: 9, loseOn: "refresh", loseWith: "not_json" },
    { refreshRefusal: "nested" },
    { staleToken: "403_text", entitlement: "none", tierGate: "refresh" },
  ] as const
) {
  Deno.test(`no xAI token is printed by any command under ${JSON.stringify(quirks)}`, async () => {
    const machine = new TestMachine();
    const browse = machine.browser();
    const { stderr } = await machine.run("auth add xai-oauth --flow loopback --verbose --debug", {
      onStderr: browse,
    });
    let printed = stderr;
    const secrets = new Set(secretsIn(machine.file("auth.json")!));
    machine.sandbox.setQuirks(quirks);
    machine.clock.mono += 86_400_000;
    for (const args of XAI_PLAIN) {
      const { stdout, stderr } = await machine.run(args);
      printed += stdout + stderr;
      for (const secret of secretsIn(machine.file("auth.json") ?? "")) secrets.add(secret);
    }
    assert(secrets.size >= 2);
    for (const secret of secrets) assert(!printed.includes(secret), "a secret was printed");
    // Not even a piece of a JWT.
    assert(!printed.includes("eyJ"));
  });
}

for (
  const quirks of [
    {},
    { failNext: 9, failOn: "refresh", failWith: "status_500" },
    { loseNext: 9, loseOn: "refresh", loseWith: "not_json" },
    { deadError: "invalid_grant", deadShape: "base_resp" },
  ] as const
) {
  Deno.test(`no token is printed by any command under ${JSON.stringify(quirks)}`, async () => {
    const machine = new TestMachine({ quirks: { notificationMessage: "welcome" } });
    let printed = (await machine.run("auth add minimax-oauth --verbose --debug")).stderr;
    const secrets = new Set(secretsIn(machine.file("auth.json")!));
    machine.sandbox.setQuirks(quirks);
    machine.clock.mono += 86_400_000;
    for (const args of PLAIN) {
      const { stdout, stderr } = await machine.run(args);
      printed += stdout + stderr;
      for (const secret of secretsIn(machine.file("auth.json") ?? "")) secrets.add(secret);
    }
    assert(secrets.size >= 2);
    for (const secret of secrets) assert(!printed.includes(secret), "a secret was printed");
    assert(!/sbx_[ar]t_/.test(printed));
  });
}

Deno.test("--trace writes names of fields and no value of any", async () => {
  const machine = new TestMachine();
  const { stderr } = await machine.run("auth add minimax-oauth --trace");
  await machine.run(["chat", "--trace", "canary of the prompt"]);
  const path = /Transcript without any value: (\S+)/.exec(stderr)![1]!;
  assert(path.startsWith("/home/user/.grantway/traces/"));
  const traces = [...machine.disk.entries].filter(([name]) => name.includes("/traces/"))
    .map(([, { bytes }]) => new TextDecoder().decode(bytes));
  assertEquals(traces.length, 2);
  const entries = traces.flatMap(jsonLines);
  assertEquals(entries.map(({ status }) => status), [200, 200, 200]);
  assert(entries[1].responseFields.includes("access_token: string"));
  const text = traces.join("");
  const { tokens, clientId } = JSON.parse(machine.file("auth.json")!).providers["minimax-oauth"][0];
  for (const value of [tokens.accessToken, tokens.refreshToken, clientId, "canary", "MiniMax-M2"]) {
    assert(!text.includes(value), value);
  }
});
