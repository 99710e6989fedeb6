/**
 * What a person can say to the chat itself: lines that begin with a slash.
 *
 * @module
 */

import { findToolset, TOOLSETS } from "../../agent/toolsets.ts";
import { type Provider, PROVIDERS } from "../../providers/mod.ts";
import type { ModelCatalog } from "../../providers/model_catalog.ts";
import { openUpstream } from "../upstream.ts";
import { splitModelName } from "../model_choice.ts";
import { type Context, requireProvider } from "../context.ts";
import { UsageError } from "../exit_code.ts";
import { nearest } from "../nearest.ts";
import { type AgentChat, thousands } from "./agent_chat.ts";

/** One command. */
interface SlashCommand {
  /** Its name, without the slash. */
  name: string;
  /** What may follow. */
  argument?: string;
  /** What it does, a few words. */
  summary: string;
  /** Runs it; true where the chat ends. */
  run: (context: Context, chat: AgentChat, argument: string, signal: AbortSignal) =>
    | boolean
    | void
    | Promise<boolean | void>;
}

const COMMANDS: readonly SlashCommand[] = [
  { name: "new", summary: "start over", run: startOver },
  { name: "model", argument: "[model]", summary: "another model", run: chooseModel },
  { name: "provider", argument: "[provider]", summary: "another provider", run: chooseProvider },
  {
    name: "tools",
    argument: "[name on|off]",
    summary: "what the model may use",
    run: toggleTools,
  },
  { name: "usage", summary: "tokens so far", run: showUsage },
  { name: "compact", summary: "put a summary in the place of older turns", run: compact },
  { name: "help", summary: "this", run: showHelp },
  { name: "exit", summary: "leave (also exit, Ctrl-D, or Ctrl-C twice)", run: () => true },
];

/** Other words that people type. */
const ALIASES: Readonly<Record<string, string>> = { quit: "exit", clear: "new", "?": "help" };

/** Whether a line is for the chat itself: `/word`, alone or with arguments; not a path. */
export function isSlashCommand(line: string): boolean {
  return /^\/(?:[a-z]+|\?)(?:\s|$)/.test(line);
}

/** Runs a line that {@linkcode isSlashCommand}; true where the chat ends. */
export async function runSlashCommand(
  context: Context,
  chat: AgentChat,
  line: string,
  signal: AbortSignal,
): Promise<boolean> {
  const [, name, argument] = /^\/(\S+)\s*([^]*)$/.exec(line)!;
  const command = COMMANDS.find((command) => command.name === (ALIASES[name!] ?? name));
  if (command === undefined) {
    const near = nearest(name!, COMMANDS.map(({ name }) => name));
    const hint = near === undefined ? "/help lists them" : `did you mean /${near}?`;
    context.output.note(`Unknown command /${name}; ${hint}`);
    return false;
  }
  return await command.run(context, chat, argument!.trim(), signal) ?? false;
}

function showHelp({ output }: Context): void {
  const rows = COMMANDS.map(({ name, argument = "", summary }) =>
    [`/${name}${argument && ` ${argument}`}`, summary] as const
  );
  const width = Math.max(...rows.map(([left]) => left.length));
  for (const [left, right] of rows) output.note(`${left.padEnd(width)}  ${right}`);
  output.note("");
  output.note("@path attaches a text file or an image; a line that ends with \\ goes on");
  output.note("Ctrl-C cancels an answer");
}

async function startOver({ output }: Context, chat: AgentChat): Promise<void> {
  await chat.startOver();
  output.note("Started over");
}

async function chooseModel(context: Context, chat: AgentChat, name: string): Promise<void> {
  const { provider: current, model } = chat.session;
  if (name === "") {
    const [{ pick }, { modelRows }] = await Promise.all([
      import("../prompts.ts"),
      import("../model_rows.ts"),
    ]);
    const rows = modelRows(await listed(context), current);
    return await use(context, chat, current, await pick("Model", rows, model));
  }
  const named = splitModelName(name);
  const provider = named.provider ?? current;
  const known = (await listed(context)).find(provider, named.model);
  await use(context, chat, provider, known?.id ?? named.model);
}

/** The models that there are; what is newer is there the next time. */
async function listed(context: Context): Promise<ModelCatalog> {
  const models = await context.models();
  models.refreshIfStale();
  return (await models.load()).catalog;
}

async function chooseProvider(context: Context, chat: AgentChat, name: string): Promise<void> {
  if (name === "") {
    const { pick } = await import("../prompts.ts");
    const rows = PROVIDERS.map(({ id, name }) => ({ value: id, label: name }));
    name = await pick("Provider", rows, chat.session.provider.id);
  }
  const provider = requireProvider(name);
  await use(context, chat, provider, provider.defaultModel);
}

/** Goes on with another model; a provider without a login says so, and nothing changes. */
async function use(
  context: Context,
  chat: AgentChat,
  provider: Provider,
  model: string,
): Promise<void> {
  const { session } = chat;
  if (provider.id === session.provider.id) chat.session = { ...session, model };
  else {
    const upstream = await openUpstream(context, provider);
    chat.session = {
      ...session,
      provider: upstream.provider,
      model,
      account: upstream.account.description,
      transport: upstream.transport,
      source: upstream.account.source,
    };
  }
  const { output } = context;
  output.note(`${output.paintError("bold", chat.session.model)}  ${chat.session.account}`);
  if ((await listed(context)).find(provider, model) === undefined) {
    output.note(`${provider.id} lists no such model; it is used as written`);
  }
}

async function toggleTools({ output }: Context, chat: AgentChat, text: string): Promise<void> {
  const { isOn, offer } = await chat.toolbox();
  if (text !== "") {
    const [name, state] = text.split(/\s+/);
    const toolset = findToolset(name!);
    if (toolset === undefined || (state !== undefined && state !== "on" && state !== "off")) {
      throw new UsageError(
        `Cannot switch "${text}"`,
        `One of ${TOOLSETS.map(({ id }) => id).join(", ")}, then on or off`,
      );
    }
    isOn.set(toolset.id, state === undefined ? !isOn.get(toolset.id) : state === "on");
  }
  for (const { id, summary } of TOOLSETS) {
    const mark = isOn.get(id) ? output.paintError("green", "on ") : output.paintError("dim", "off");
    output.note(`${mark}  ${id.padEnd(12)} ${output.paintError("dim", summary)}`);
  }
  const { tools, serverTools } = offer();
  const names = [...tools.map(({ name }) => name), ...serverTools.map(({ kind }) => kind)];
  output.note(output.paintError("dim", names.join(", ") || "no tools"));
}

function showUsage({ output }: Context, { usage, contextUsed, contextTokens }: AgentChat): void {
  const { inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens } = usage;
  const input = inputTokens + cacheReadTokens + cacheWriteTokens;
  const cached = input === 0 ? "" : `, ${Math.round(100 * cacheReadTokens / input)} % cached`;
  output.note(`${thousands(input)} tokens in${cached}; ${thousands(outputTokens)} out`);
  const share = Math.round(100 * contextUsed / contextTokens);
  output.note(
    `Context: ${thousands(contextUsed)} of ${thousands(contextTokens)} tokens (${share} %)`,
  );
}

async function compact(
  { output }: Context,
  chat: AgentChat,
  _argument: string,
  signal: AbortSignal,
): Promise<void> {
  if (!await chat.compact(signal)) output.note("There is nothing to summarize yet");
}
