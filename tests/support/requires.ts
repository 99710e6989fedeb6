/**
 * Tests that need a program which not every machine has. Where it is missing they are skipped, by
 * name, and the runner counts them as ignored.
 *
 * @module
 */

/** What a test may need besides Deno: programs on the PATH, and the folder of recorded streams. */
export type Requirement =
  | "chromium"
  | "ffmpeg"
  | "fish"
  | "node"
  | "strace"
  | "tmux"
  | "zsh"
  | "recorded fixtures";

/** The names a program goes by. */
const PROGRAMS: Readonly<Record<Exclude<Requirement, "recorded fixtures">, readonly string[]>> = {
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

/**
 * Where a requirement is: the path of a program, or the absolute folder that `GRANTWAY_FIXTURES`
 * names. `undefined` when it is missing here.
 */
export function findRequirement(requirement: Requirement): string | undefined {
  if (requirement === "recorded fixtures") return Deno.env.get("GRANTWAY_FIXTURES");
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
