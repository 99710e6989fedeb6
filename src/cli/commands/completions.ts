/**
 * `grantway completions`: a script for bash, zsh or fish, made from the grammar itself.
 *
 * @module
 */

import type { Command } from "commander";
import { GATEWAY_SETTINGS } from "../../gateway/settings.ts";
import { TOOLSETS } from "../../agent/toolsets.ts";
import { PROVIDERS } from "../../providers/mod.ts";
import { CLIENTS } from "../clients/mod.ts";
import type { Invocation } from "../command.ts";
import { COMMANDS, GROUPS, wordsAfter } from "../command_table.ts";
import { GLOBAL_FLAGS } from "../global_flags.ts";
import type { Context } from "../context.ts";
import { SETTINGS } from "../config.ts";
import { UsageError } from "../exit_code.ts";
import { createCommand } from "../parse_command.ts";

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

/** The words that may follow a command's words; without any, the first word of all. */
interface Completion {
  where: string;
  words: string[];
}

/** What an argument of that name may be. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  provider: PROVIDERS.map(({ id }) => id),
  key: SETTINGS.map(({ key }) => key),
  setting: GATEWAY_SETTINGS.map(({ name }) => name),
  shell: SHELLS,
  action: ["list", "enable", "disable"],
  tools: TOOLSETS.map(({ id }) => id),
  client: CLIENTS.map(({ id }) => id),
};

/** What the value of an option may be; it means the same in every command that has it. */
const OPTION_VALUES: Readonly<Record<string, readonly string[]>> = {
  "--provider": VALUES["provider"]!,
  "--type": ["oauth", "api-key"],
  "--region": [...new Set(PROVIDERS.flatMap(({ regions }) => regions.map(({ id }) => id)))],
  "--flow": [
    "auto",
    ...new Set(PROVIDERS.flatMap(({ oauth }) => oauth?.kind === "oidc" ? oauth.flows : [])),
  ],
};

/** A `case` of bash or zsh for the option before the cursor. */
function valueCases(put: (words: string) => string): string {
  return Object.entries(OPTION_VALUES)
    .map(([option, words]) => `    ${option}) ${put(words.join(" "))} ;;`).join("\n");
}

async function completions(): Promise<Completion[]> {
  const globals = GLOBAL_FLAGS.flatMap(({ flags }) => flags.filter((flag) => flag.length > 2));
  const list: Completion[] = [
    { where: "", words: [...wordsAfter([]), "--help", "--version"] },
    ...GROUPS.map(({ name }) => ({ where: name, words: wordsAfter(name.split(" ")) })),
  ];
  for (const entry of COMMANDS) {
    const command = createCommand(entry, await entry.load());
    const options = command.options.map(({ long }) => long).filter((long) => long !== undefined);
    const values = command.registeredArguments.flatMap((argument) => VALUES[argument.name()] ?? []);
    list.push({
      where: entry.path.join(" "),
      words: [...values, ...options, ...globals, "--help"],
    });
  }
  return list;
}

/** The words after which another word of the command follows. */
const GROUP_PATTERNS = GROUPS.map(({ name }) => `"${name}"`);

function bash(list: readonly Completion[]): string {
  return `# bash completion of grantway
_grantway() {
  local where="" word words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) continue ;; esac
    case "$where" in
      "") where="$word" ;;
      ${GROUP_PATTERNS.join(" | ")}) where="$where $word" ;;
    esac
  done
  case "$where" in
${list.map(({ where, words }) => `    "${where}") words="${words.join(" ")}" ;;`).join("\n")}
  esac
  case "\${COMP_WORDS[COMP_CWORD-1]}" in
${valueCases((words) => `words="${words}"`)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _grantway grantway
`;
}

function zsh(list: readonly Completion[]): string {
  return `#compdef grantway
# zsh completion of grantway
_grantway() {
  local where="" word
  local -a candidates
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$word" in -*) continue ;; esac
    case "$where" in
      "") where="$word" ;;
      ${GROUP_PATTERNS.join(" | ")}) where="$where $word" ;;
    esac
  done
  case "$where" in
${list.map(({ where, words }) => `    "${where}") candidates=(${words.join(" ")}) ;;`).join("\n")}
  esac
  case "\${words[CURRENT-1]}" in
${valueCases((words) => `candidates=(${words})`)}
  esac
  compadd -a candidates
}
_grantway "$@"
`;
}

function fish(list: readonly Completion[]): string {
  const lines = list.flatMap(({ where, words }) =>
    words.map((word) => {
      const values = OPTION_VALUES[word];
      const offer = values !== undefined
        ? `-l ${word.slice(2)} -x -a "${values.join(" ")}"`
        : word.startsWith("--")
        ? `-l ${word.slice(2)}`
        : `-a ${word}`;
      return `complete -c grantway -n '__grantway_at "${where}"' ${offer}`;
    })
  );
  return `# fish completion of grantway
function __grantway_at
  set -l where ""
  for word in (commandline -opc)[2..-1]
    switch $word
      case '-*'
        continue
    end
    switch "$where"
      case ""
        set where $word
      case ${GROUP_PATTERNS.join(" ")}
        set where "$where $word"
    end
  end
  test "$where" = "$argv[1]"
end
complete -c grantway -f
${lines.join("\n")}
`;
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
