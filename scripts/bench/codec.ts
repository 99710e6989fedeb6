/**
 * What the codecs cost, beside the libraries that clients use: `deno task bench codec [--runs=40]`.
 *
 * The program itself stands with the tests, where those libraries are installed.
 *
 * @module
 */

const tests = decodeURIComponent(new URL("../../tests/", import.meta.url).pathname);
const { code } = await new Deno.Command(Deno.execPath(), {
  args: ["run", "--no-check", "--allow-all", "bench/codec.ts", ...Deno.args],
  cwd: tests,
  env: { AI_SDK_LOG_WARNINGS: "false" },
}).spawn().status;
Deno.exit(code);
