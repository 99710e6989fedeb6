/**
 * Tests that need a program which not every machine has. Where it is missing they are skipped, by
 * name, and the runner counts them as ignored.
 *
 * @module
 */

import { WRANGLER_COMMAND } from "../../src/cli/deploy/wrangler.ts";

/** What a test may need besides Deno: programs on the PATH, the folder of recorded streams, wrangler. */
export type Requirement =
  | "chromium"
  | "ffmpeg"
  | "fish"
  | "node"
  | "strace"
  | "tmux"
  | "zsh"
  | "recorded fixtures"
  | "wrangler";

/** The names a program goes by. */
const PROGRAMS: Readonly<
  Record<
    Exclude<Requirement, "recorded fixtures" | "wrangler">,
    readonly string[]
  >
> = {
  chromium: ["chromium", "chromium-browser", "google-chrome"],
  ffmpeg: ["ffmpeg"],
  fish: ["fish"],
  node: ["node"],
  strace: ["strace"],
  tmux: ["tmux"],
  zsh: ["zsh"],
};

function isExecutable(path: string): boolean {
  try {
    const { isFile, mode } = Deno.statSync(path);
    return isFile && (mode === null || (mode & 0o111) !== 0);
  } catch {
    return false;
  }
}

/** Wrangler, where Deno has it or can have it from npm's registry. */
function findWrangler(): string | undefined {
  const name = WRANGLER_COMMAND.split(" ").at(-1)!;
  const args = ["cache", "--quiet", "--no-config", "--no-lock", name];
  const { success } = new Deno.Command(Deno.execPath(), { args, stderr: "null" }).outputSync();
  return success ? name : undefined;
}

/**
 * Where a requirement is: the path of a program, or the absolute folder that `GRANTWAY_FIXTURES`
 * names. `undefined` when it is missing here.
 */
export function findRequirement(requirement: Requirement): string | undefined {
  if (requirement === "recorded fixtures") return Deno.env.get("GRANTWAY_FIXTURES");
  if (requirement === "wrangler") return findWrangler();
  const folders = (Deno.env.get("PATH") ?? "").split(":").filter((folder) => folder !== "");
  return PROGRAMS[requirement]
    .flatMap((name) => folders.map((folder) => `${folder}/${name}`))
    .find(isExecutable);
}

/**
 * Registers a test that runs only where `requirement` is met.
 *
 * @param fn Takes what {@linkcode findRequirement} found.
 */
export function testIf(
  requirement: Requirement,
  name: string,
  fn: (found: string, context: Deno.TestContext) => void | Promise<void>,
): void {
  const found = findRequirement(requirement);
  if (found === undefined) {
    Deno.test.ignore(`${name} [skipped: needs ${requirement}]`, () => {});
  } else {
    Deno.test(name, (context) => fn(found, context));
  }
}
