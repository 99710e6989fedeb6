// Completion scripts, as their shells take them.

import { assert, assertEquals } from "@std/assert";
import { TestMachine } from "../support/platform.ts";
import { testIf } from "../support/requires.ts";

async function script(shell: string): Promise<string> {
  const { code, stdout } = await new TestMachine().run(`completions ${shell}`);
  assertEquals(code, 0);
  return stdout;
}

/** Runs a shell's own script with the completions in a file named by `$FILE`. */
async function runShell(command: string, args: string[], completions: string): Promise<string> {
  const FILE = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(FILE, completions);
    const { code, stdout, stderr } = await new Deno.Command(command, { args, env: { FILE } })
      .output();
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
    return new TextDecoder().decode(stdout);
  } finally {
    await Deno.remove(FILE);
  }
}

/** What is offered for the last word of a line. */
const OFFERS: { line: string[]; has: string[]; hasNot?: string[] }[] = [
  { line: [""], has: ["chat", "auth", "doctor", "--version"], hasNot: ["add", "--region"] },
  { line: ["do"], has: ["doctor"], hasNot: ["chat"] },
  { line: ["auth", ""], has: ["add", "status", "logout"], hasNot: ["chat"] },
  { line: ["auth", "re"], has: ["refresh", "reset", "remove"], hasNot: ["add"] },
  { line: ["auth", "add", ""], has: ["minimax-oauth", "minimax-cn", "--region", "--json"] },
  { line: ["auth", "add", "minimax-oauth", "--re"], has: ["--region"], hasNot: ["--label"] },
  { line: ["auth", "add", "--region", ""], has: ["global", "cn"], hasNot: ["--label"] },
  { line: ["auth", "add", "minimax", "--type", "a"], has: ["api-key"] },
  { line: ["auth", "add", "xai-oauth", "--flow", "l"], has: ["loopback"] },
  { line: ["chat", "--provider", "xai"], has: ["xai", "xai-oauth"] },
  { line: ["--quiet", "auth", "st"], has: ["status"] },
  { line: ["chat", "hello", "--mod"], has: ["--model"] },
  { line: ["config", "set", "model."], has: ["model.default", "model.provider"] },
  { line: ["gateway", ""], has: ["keys", "config"], hasNot: ["create"] },
  { line: ["gateway", "keys", ""], has: ["create", "list", "revoke"], hasNot: ["keys"] },
  { line: ["gateway", "keys", "create", "x", "--ex"], has: ["--expires"] },
  { line: ["gateway", "config", "set", "limits."], has: ["limits.concurrent"] },
  { line: ["completions", ""], has: ["bash", "zsh", "fish"] },
];

function assertOffered(offered: string[], { line, has, hasNot = [] }: typeof OFFERS[number]): void {
  for (const word of has) assert(offered.includes(word), `${line.join(" ")}: no ${word}`);
  for (const word of hasNot) assert(!offered.includes(word), `${line.join(" ")}: ${word}`);
  const typed = line.at(-1)!;
  for (const word of offered) assert(word.startsWith(typed), word);
}

Deno.test("completions bash completes in bash", async () => {
  const completions = await script("bash");
  await Promise.all(OFFERS.map(async (offer) => {
    const program =
      'source "$FILE"; COMP_WORDS=(grantway "$@"); COMP_CWORD=$#; _grantway; printf "%s\\n" "${COMPREPLY[@]}"';
    const text = await runShell("bash", ["-uc", program, "bash", ...offer.line], completions);
    assertOffered(text.split("\n").filter((word) => word !== ""), offer);
  }));
});

Deno.test("completions bash registers itself", async () => {
  const text = await runShell(
    "bash",
    ["-c", 'source "$FILE"; complete -p grantway'],
    await script("bash"),
  );
  assertEquals(text, "complete -F _grantway grantway\n");
});

testIf("zsh", "completions zsh completes in zsh", async (zsh) => {
  const completions = await script("zsh");
  // Stands for the completion system: what it is handed, less what does not match.
  const program =
    "compdef() { :; }; compadd() { shift; print -l -- ${(M)${(P)1}:#${words[CURRENT]}*}; }; " +
    'words=(grantway "$@"); CURRENT=$#words; source "$FILE"';
  await Promise.all(OFFERS.map(async (offer) => {
    const text = await runShell(zsh, ["-fc", program, "zsh", ...offer.line], completions);
    assertOffered(text.split("\n").filter((word) => word !== ""), offer);
  }));
});

testIf("fish", "completions fish completes in fish", async (fish) => {
  const completions = await script("fish");
  await Promise.all(OFFERS.map(async (offer) => {
    const line = ["grantway", ...offer.line].join(" ");
    const program = `source $FILE; complete -C '${line}'`;
    const text = await runShell(fish, ["--no-config", "-c", program], completions);
    const offered = text.split("\n").map((row) => row.split("\t")[0]!).filter((word) =>
      word !== ""
    );
    // fish offers options only once a dash is typed.
    const has = offer.has.filter((word) =>
      !word.startsWith("-") || line.endsWith("--re") || line.endsWith("--mod")
    );
    assertOffered(offered, { ...offer, has });
  }));
});
