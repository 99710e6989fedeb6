/**
 * The main job, end to end, without an account: a sandbox plays the provider, and the real command
 * line signs in, streams an answer, and stays signed in when the access token expires.
 *
 * Everything happens in a throw-away home. Exit code 0 only if every step did what it says.
 *
 * @module
 */

const CLI = new URL("../src/cli.ts", import.meta.url).pathname;
const PERMISSIONS = [
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-sys",
];

const home = await Deno.makeTempDir({ prefix: "grantway-demo-" });
const startedAt = performance.now();
const isTerminal = Deno.stdout.isTerminal() && Deno.env.get("NO_COLOR") === undefined;
const bold = (text: string) => isTerminal ? `\x1b[1m${text}\x1b[22m` : text;
const dim = (text: string) => isTerminal ? `\x1b[2m${text}\x1b[22m` : text;

function command(args: string[], env: Record<string, string>, stdout: "inherit" | "piped") {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", ...PERMISSIONS, CLI, ...args],
    env: { GRANTWAY_HOME: home, ...(isTerminal ? { FORCE_COLOR: "1" } : {}), ...env },
    stdin: "null",
    stdout,
    stderr: "inherit",
  });
}

/** Reads the first line that a child prints. */
async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  while (!text.includes("\n")) {
    const { done, value } = await reader.read();
    if (done) break;
    text += value;
  }
  return text.split("\n")[0]!;
}

function must(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(`The demo failed: ${what}`);
}

async function demo(): Promise<void> {
  console.log(bold("Grantway demo: a sandbox plays MiniMax, everything else is the real thing.\n"));
  const sandbox = command(
    ["sandbox", "--port", "0", "--auto-approve", "--json", "--quiet"],
    {},
    "piped",
  )
    .spawn();
  try {
    const { origin } = JSON.parse(await firstLine(sandbox.stdout)) as { origin: string };
    console.log(dim(`Sandbox at ${origin}, home in ${home}\n`));
    const env = { GRANTWAY_SANDBOX: origin };

    const run = async (title: string, args: string[]): Promise<void> => {
      console.log(bold(title));
      const shown = args.map((arg) => /[\s"]/.test(arg) ? JSON.stringify(arg) : arg).join(" ");
      console.log(dim(`$ grantway ${shown}`));
      const { code } = await command(args, env, "inherit").spawn().status;
      must(code === 0, `grantway ${args.join(" ")} ended with exit code ${code}`);
      console.log();
    };
    const generation = async (): Promise<number> => {
      const { stdout } = await command(["auth", "list", "--json"], env, "piped").output();
      const { credentials } = JSON.parse(new TextDecoder().decode(stdout));
      must(credentials.length === 1, "there is not exactly one credential");
      return credentials[0].generation;
    };

    await run("1. Sign in by the device flow", ["auth", "add", "minimax-oauth", "--no-browser"]);
    await run("2. What is stored now", ["auth", "status"]);
    await run("3. One answer, streamed", ["chat", "What does Grantway do for me?"]);

    const before = await generation();
    const expired = await fetch(`${origin}/_sandbox/expire`, { method: "POST" });
    await expired.body?.cancel();
    must(expired.ok, `the sandbox answered ${expired.status}`);
    console.log(dim("The access token has just been expired on the server's side.\n"));
    await run("4. The next request refreshes it by itself", [
      "chat",
      "--verbose",
      "Am I still signed in?",
    ]);
    const after = await generation();
    must(after === before + 1, `the token was refreshed ${after - before} times instead of once`);
    console.log(`Refreshed once: generation ${before} became ${after}.\n`);
    await run("5. And the login is as good as new", ["auth", "status"]);
  } finally {
    sandbox.kill("SIGTERM");
    await sandbox.status;
  }
}

try {
  await demo();
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const cli = "npx -y deno@2.9.6 task --quiet cli";
  console.log(`${bold("Done")} in ${seconds} s. With a real account:

  ${cli} auth add minimax-oauth      sign in (--region cn for minimaxi.com)
  ${cli} chat "Hello"                one answer
  ${cli}                             chat
  ${cli} doctor                      check everything
`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exitCode = 1;
} finally {
  await Deno.remove(home, { recursive: true });
}
