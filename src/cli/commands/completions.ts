/**
 * `grantway completions`: a script for bash, zsh or fish, made from the grammar itself.
 *
 * @module
 */

import type { Command } from "commander";
import { PROVIDERS } from "../../providers/mod.ts";
import { COMMANDS, GLOBAL_FLAGS, GROUPS, type Invocation } from "../command_table.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit_code.ts";
import { createCommand } from "../main.ts";

const SHELLS = ["bash", "zsh", "fish"];

/** Arguments and options. */
export function define(command: Command): void {
  command.argument("<shell>", SHELLS.join(", ")).addHelpText(
    "after",
    `
Install:
  bash  grantway completions bash > ~/.local/share/bash-completion/completions/grantway
  zsh   grantway completions zsh > "\${fpath[1]}/_grantway"
  fish  grantway completions fish > ~/.config/fish/completions/grantway.fish`,
  );
}

/** The words that may follow a path of words. */
interface Completion {
  path: string;
  words: string[];
}

async function completions(): Promise<Completion[]> {
  const globals = GLOBAL_FLAGS.flatMap(({ flags }) => flags.filter((flag) => flag.length > 2));
  const list: Completion[] = [
    { path: "", words: [...new Set(COMMANDS.map(({ path }) => path[0]!)), "--help", "--version"] },
    ...GROUPS.map(({ name }) => ({
      path: name,
      words: COMMANDS.filter(({ path }) => path.length > 1 && path[0] === name)
        .map(({ path }) => path[1]!),
    })),
  ];
  for (const entry of COMMANDS) {
    const command = await createCommand(entry, await entry.load());
    const options = command.options.map(({ long }) => long).filter((long) => long !== undefined);
    const takesProvider = command.registeredArguments.some((argument) =>
      argument.name() === "provider"
    );
    list.push({
      path: entry.path.join(" "),
      words: [
        ...(takesProvider ? PROVIDERS.map(({ id }) => id) : []),
        ...(entry.path[0] === "completions" ? SHELLS : []),
        ...options,
        ...globals,
        "--help",
      ],
    });
  }
  return list;
}

function bash(list: readonly Completion[]): string {
  const cases = list.filter(({ path }) => path !== "").map(({ path, words }) =>
    `    "${path}") words="${words.join(" ")}" ;;`
  );
  return `# bash completion of grantway
_grantway() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="" word words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) [ "$(wc -w <<< "$path")" -lt 2 ] && path="\${path:+$path }$word" ;; esac
  done
  case "$path" in
${cases.join("\n")}
    *) words="${list[0]!.words.join(" ")}" ;;
  esac
  case "$path" in
${
    COMMANDS.filter(({ path }) => path.length === 1).map(({ path }) =>
      `    "${path[0]} "*) words="${
        list.find((item) => item.path === path[0])!.words.join(" ")
      }" ;;`
    ).join("\n")
  }
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _grantway grantway
`;
}

function zsh(list: readonly Completion[]): string {
  const cases = list.filter(({ path }) => path !== "").map(({ path, words }) =>
    `    "${path}") candidates=(${words.join(" ")}) ;;`
  );
  return `#compdef grantway
# zsh completion of grantway
_grantway() {
  local -a plain candidates
  plain=(\${\${words[2,CURRENT-1]}:#-*})
  candidates=(${list[0]!.words.join(" ")})
  local path="\${plain[1,2]}" first="\${plain[1]}"
  case "$first" in
${
    COMMANDS.filter(({ path }) => path.length === 1).map(({ path }) =>
      `    "${path[0]}") path="${path[0]}" ;;`
    ).join("\n")
  }
  esac
  case "$path" in
${cases.join("\n")}
  esac
  compadd -a candidates
}
_grantway "$@"
`;
}

function fish(list: readonly Completion[]): string {
  const lines = ["# fish completion of grantway", "complete -c grantway -f"];
  for (const { path, words } of list) {
    const parts = path === "" ? [] : path.split(" ");
    const condition = parts.length === 0
      ? "__fish_use_subcommand"
      : parts.map((part) => `__fish_seen_subcommand_from ${part}`).join("; and ");
    for (const word of words) {
      lines.push(
        word.startsWith("--")
          ? `complete -c grantway -n '${condition}' -l ${word.slice(2)}`
          : `complete -c grantway -n '${condition}' -a ${word}`,
      );
    }
  }
  return `${lines.join("\n")}\n`;
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const shell = command.args[0]!;
  const write = { bash, zsh, fish }[shell];
  if (write === undefined) {
    throw new UsageError(`Unknown shell "${shell}"`, `Shells: ${SHELLS.join(", ")}`);
  }
  context.output.text(write(await completions()));
}
