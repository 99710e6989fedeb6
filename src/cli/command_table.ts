/**
 * The grammar's outline: every command, its one-line summary and the module that holds the rest; and
 * the help that is rendered from it.
 *
 * A command's own module is loaded only when it runs. `--help` needs this file alone: each further
 * module costs it half a millisecond of fourteen.
 *
 * @module
 */

import type { CommandEntry, CommandGroup } from "./command.ts";
import { GLOBAL_FLAGS } from "./global_flags.ts";

/** The words that have commands below them. */
export const GROUPS: readonly CommandGroup[] = [
  { name: "auth", summary: "Sign in, and look after stored credentials" },
  { name: "sessions", summary: "Conversations that were kept" },
  { name: "config", summary: "Read and change config.yaml" },
  { name: "gateway", summary: "Serve other programs from what you are signed in to" },
  { name: "gateway keys", summary: "Client keys: who may use the gateway" },
  { name: "gateway config", summary: "Settings of the gateway: models, names, limits" },
];

/** Every command, in the order of `--help`. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    path: ["chat"],
    summary: "Chat with a model (also: grantway without a command)",
    takesAnyArguments: true,
    load: () => import("./commands/chat.ts"),
  },
  {
    path: ["model"],
    summary: "Choose provider and model; signs in if needed",
    load: () => import("./commands/model.ts"),
  },
  {
    path: ["models"],
    summary: "List models: context, price, what they can do",
    load: () => import("./commands/models.ts"),
  },
  {
    path: ["speak"],
    summary: "Speak a text",
    load: () => import("./commands/speak.ts"),
  },
  {
    path: ["transcribe"],
    summary: "Write down a recording: text, JSON or subtitles",
    load: () => import("./commands/transcribe.ts"),
  },
  {
    path: ["image"],
    summary: "Draw or edit images",
    load: () => import("./commands/image.ts"),
  },
  {
    path: ["video"],
    summary: "Film, or go on with a video that is being made",
    load: () => import("./commands/video.ts"),
  },
  {
    path: ["tools"],
    summary: "Choose what the model of a chat may use",
    load: () => import("./commands/tools.ts"),
  },
  {
    path: ["sessions", "list"],
    summary: "List conversations, the last first",
    load: () => import("./commands/sessions_list.ts"),
  },
  {
    path: ["sessions", "show"],
    summary: "Print a conversation as Markdown",
    load: () => import("./commands/sessions_show.ts"),
  },
  {
    path: ["sessions", "delete"],
    summary: "Forget conversations",
    load: () => import("./commands/sessions_delete.ts"),
  },
  {
    path: ["auth", "add"],
    summary: "Sign in to a provider, or store its API key",
    load: () => import("./commands/auth_add.ts"),
  },
  {
    path: ["auth", "list"],
    summary: "List stored credentials",
    load: () => import("./commands/auth_list.ts"),
  },
  {
    path: ["auth", "status"],
    summary: "Show whether each login is valid, refreshable or dead",
    load: () => import("./commands/auth_status.ts"),
  },
  {
    path: ["auth", "refresh"],
    summary: "Refresh an access token now",
    load: () => import("./commands/auth_refresh.ts"),
  },
  {
    path: ["auth", "reset"],
    summary: "Forget recorded failures and rests; tokens stay",
    load: () => import("./commands/auth_reset.ts"),
  },
  {
    path: ["auth", "use"],
    summary: "Use one account of a provider first",
    load: () => import("./commands/auth_use.ts"),
  },
  {
    path: ["auth", "priority"],
    summary: "Give an account its place among the others",
    load: () => import("./commands/auth_priority.ts"),
  },
  {
    path: ["auth", "remove"],
    summary: "Remove one credential",
    load: () => import("./commands/auth_remove.ts"),
  },
  {
    path: ["auth", "logout"],
    summary: "Remove every credential of a provider",
    load: () => import("./commands/auth_logout.ts"),
  },
  {
    path: ["auth", "token"],
    summary: "Print a fresh access token for a script",
    load: () => import("./commands/auth_token.ts"),
  },
  {
    path: ["config", "get"],
    summary: "Print one setting",
    load: () => import("./commands/config_get.ts"),
  },
  {
    path: ["config", "set"],
    summary: "Change one setting",
    load: () => import("./commands/config_set.ts"),
  },
  {
    path: ["config", "unset"],
    summary: "Remove one setting",
    load: () => import("./commands/config_unset.ts"),
  },
  {
    path: ["config", "list"],
    summary: "Print every setting",
    load: () => import("./commands/config_list.ts"),
  },
  {
    path: ["config", "path"],
    summary: "Print where config.yaml is",
    load: () => import("./commands/config_path.ts"),
  },
  {
    path: ["connect"],
    summary: "Set up Claude Code, Codex and other clients for the gateway",
    load: () => import("./commands/connect.ts"),
  },
  {
    path: ["run"],
    summary: "Start a client with a gateway of its own",
    passesThrough: ["--provider", "--model", "-m"],
    load: () => import("./commands/run.ts"),
  },
  {
    path: ["gateway", "serve"],
    summary: "Serve clients of Anthropic's and OpenAI's APIs on this machine",
    load: () => import("./commands/gateway_serve.ts"),
  },
  {
    path: ["gateway", "deploy"],
    summary: "Put the gateway on Cloudflare Workers, or bring it up to date",
    load: () => import("./commands/gateway_deploy.ts"),
  },
  {
    path: ["gateway", "status"],
    summary: "Show whether a gateway runs and what it still needs",
    load: () => import("./commands/gateway_status.ts"),
  },
  {
    path: ["gateway", "reseal"],
    summary: "Seal what a Worker keeps anew with its newest key",
    load: () => import("./commands/gateway_reseal.ts"),
  },
  {
    path: ["gateway", "logs"],
    summary: "Follow the log of the gateway on Cloudflare Workers",
    load: () => import("./commands/gateway_logs.ts"),
  },
  {
    path: ["gateway", "keys", "create"],
    summary: "Make a client key and show it, this once",
    load: () => import("./commands/gateway_keys_create.ts"),
  },
  {
    path: ["gateway", "keys", "list"],
    summary: "List client keys and when they were used",
    load: () => import("./commands/gateway_keys_list.ts"),
  },
  {
    path: ["gateway", "keys", "revoke"],
    summary: "End a client key",
    load: () => import("./commands/gateway_keys_revoke.ts"),
  },
  {
    path: ["gateway", "config", "get"],
    summary: "Print one setting of the gateway",
    load: () => import("./commands/gateway_config_get.ts"),
  },
  {
    path: ["gateway", "config", "set"],
    summary: "Change one setting of the gateway",
    load: () => import("./commands/gateway_config_set.ts"),
  },
  {
    path: ["gateway", "config", "unset"],
    summary: "Remove one setting of the gateway",
    load: () => import("./commands/gateway_config_unset.ts"),
  },
  {
    path: ["gateway", "config", "list"],
    summary: "Print every setting of the gateway",
    load: () => import("./commands/gateway_config_list.ts"),
  },
  {
    path: ["usage"],
    summary: "Show what went through the gateway",
    load: () => import("./commands/usage.ts"),
  },
  {
    path: ["doctor"],
    summary: "Check home folder, store, configuration and logins",
    load: () => import("./commands/doctor.ts"),
  },
  {
    path: ["sandbox"],
    summary: "Serve an offline stand-in for the providers",
    load: () => import("./commands/sandbox.ts"),
  },
  {
    path: ["completions"],
    summary: "Print a completion script for bash, zsh or fish",
    load: () => import("./commands/completions.ts"),
  },
];

/** Where the words that another program gets begin, behind those of an entry's path. */
export function passedFrom({ passesThrough = [] }: CommandEntry, words: readonly string[]): number {
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (passesThrough.includes(word)) at++;
    else if (word === "--" || !word.startsWith("-")) return at;
  }
  return words.length;
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join("\n");
}

/** The lines of {@linkcode GLOBAL_FLAGS}. */
export function globalFlagsHelp(): string {
  return columns(GLOBAL_FLAGS.map(({ flags, summary }) => [flags.join(", "), summary]));
}

/** What `grantway --help` prints. */
export function programHelp(): string {
  const rows: [string, string][] = [];
  for (const { path, summary } of COMMANDS) rows.push([path.join(" "), summary]);
  return `Sign in once with an AI subscription, and use it from every tool you have.

Usage: grantway [command] [options]

Commands:
${columns(rows)}

Global options:
${globalFlagsHelp()}
  --version, -V      Print the version
  --help, -h         Print this, or the help of a command

First steps:
  grantway auth add minimax-oauth      sign in (or xai-oauth)
  grantway chat "Hello"                one answer on stdout
  grantway                             chat
  --sandbox on each of them            the same offline, without an account

Exit codes: 0 ok, 1 failure, 2 usage, 4 login required, 5 quota or rate limit,
6 network or upstream, 7 timed out, 8 not entitled, 9 storage, 10 content filter,
130 interrupted
`;
}

function below(group: readonly string[]): CommandEntry[] {
  return COMMANDS.filter(({ path }) =>
    path.length > group.length && group.every((word, i) => path[i] === word)
  );
}

/** The words that may follow those of a group; without one, the first words of all. */
export function wordsAfter(group: readonly string[]): string[] {
  return [...new Set(below(group).map(({ path }) => path[group.length]!))];
}

/** What `grantway auth --help` prints. */
export function groupHelp(name: string): string {
  const group = GROUPS.find((group) => group.name === name);
  const words = name.split(" ");
  const rows = below(words)
    .map(({ path, summary }): [string, string] => [path.slice(words.length).join(" "), summary]);
  return `${group?.summary ?? ""}

Usage: grantway ${name} <command> [options]

Commands:
${columns(rows)}

Help of a command: grantway ${name} <command> --help
`;
}
