/**
 * Whether a gateway keeps to the three dialects that its clients speak.
 *
 * ```sh
 * deno task conformance
 * deno task conformance --gateway http://127.0.0.1:8787 --key gw_… --model grok-4.3
 * ```
 *
 * Without `--gateway` it is this project's own router, over the sandbox. The program itself stands with
 * the tests.
 *
 * @module
 */

const tests = decodeURIComponent(new URL("../tests/", import.meta.url).pathname);
const { code } = await new Deno.Command(Deno.execPath(), {
  args: [
    "run",
    "--no-check",
    "--allow-net",
    "--allow-env",
    "--allow-read",
    "conformance/main.ts",
    ...Deno.args,
  ],
  cwd: tests,
}).spawn().status;
Deno.exit(code);
