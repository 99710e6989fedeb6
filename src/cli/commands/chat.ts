/**
 * `grantway chat`: one answer on stdout, or a conversation on a terminal.
 *
 * @module
 */

import type { Command } from "commander";
import { chooseModel } from "../model_choice.ts";
import { openUpstream } from "../upstream.ts";
import type { ChatSession } from "../chat_session.ts";
import type { Invocation } from "../command_table.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit_code.ts";

interface Options {
  provider?: string;
  model?: string;
  system?: string;
  maxTokens?: string;
  tools?: boolean;
}

/** The most that is read from standard input, bytes. */
const MAX_PROMPT_BYTES = 8 * 1024 * 1024;

/** Arguments and options. */
export function define(command: Command): void {
  command
    .argument(
      "[prompt...]",
      'the question; what is piped in takes the place of "-", or is all of it',
    )
    .option("--provider <provider>", "provider of this run")
    .option("-m, --model <model>", "model of this run; provider/model names both")
    .option("--system <text>", "system prompt")
    .option("--max-tokens <count>", "the most tokens of an answer")
    .option("-t, --tools", "let the model use tools for a prompt; it asks first, or see --yes")
    .addHelpText(
      "after",
      `
On a terminal without a prompt it is a conversation: Ctrl-C cancels an answer, twice leaves.

Examples:
  grantway chat "Why is the sky blue?"
  git diff | grantway chat "Review this change:" -
  grantway chat --tools "What does this project do?"
  grantway chat --json "Hello" | jq -j 'select(.type == "text").text'`,
    );
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<number | void> {
  const { interactive, interrupts, output } = context;
  const options = command.opts<Options>();
  const maxOutputTokens = options.maxTokens === undefined
    ? undefined
    : positive(options.maxTokens, "--max-tokens");
  const isTooled = options.tools === true;
  // Loads while files and standard input are waited for.
  const loading = import("../chat_session.ts");
  if (isTooled || command.args.length === 0) import("../chat/talk.ts").catch(() => {});
  const reading = readPrompt(context, command.args);
  reading.catch(() => {});
  const choice = await chooseModel(context, options);
  // Before anything is asked: without a login there is no point in typing a question.
  const { provider, account, transport } = await openUpstream(context, choice.provider);
  const { description, endpoints, source } = account;
  const prompt = await reading;
  const { answerOnce } = await loading;
  const session: ChatSession = {
    provider,
    model: choice.model,
    account: description,
    system: options.system,
    maxOutputTokens,
    transport,
    source,
  };
  output.detail(`${description}, ${session.model}, ${endpoints.apiBaseUrl}`);
  if (prompt !== undefined && !isTooled) {
    return await answerOnce(context, session, prompt, interrupts.signal);
  }
  const { answerWithTools, converse } = await import("../chat/talk.ts");
  if (prompt !== undefined) return await answerWithTools(context, session, prompt);
  if (!interactive) throw new UsageError("There is no prompt", 'Run: grantway chat "…"');
  return await converse(context, session);
}

/**
 * The prompt: the arguments, with what is piped in for `-`, or that alone; undefined where a person is to
 * be asked.
 */
async function readPrompt(
  { platform, globals, readInput }: Context,
  args: readonly string[],
): Promise<string | undefined> {
  const wantsInput = args.includes("-");
  if (args.length === 0 && platform.stdin.isTerminal && !globals.has("--non-interactive")) {
    return undefined;
  }
  if (wantsInput && platform.stdin.isTerminal) {
    throw new UsageError("Nothing is piped in", 'Run: grantway chat "…", or pipe it in');
  }
  const isOptional = args.length > 0 && !wantsInput;
  // Beside a prompt it is read only where "-" asks for it: looking costs every other chat 8 ms.
  const input = platform.stdin.isTerminal || isOptional ? "" : await readInput(MAX_PROMPT_BYTES);
  const words = wantsInput
    ? args.map((arg) => arg === "-" ? input : arg).join(args.length > 1 ? "\n\n" : "")
    : args.join(" ");
  const prompt = words || input;
  if (prompt.trim() === "") {
    const isMissing = args.length === 0 && platform.stdin.isTerminal;
    throw new UsageError(
      isMissing ? "There is no prompt" : "The prompt is empty",
      'Run: grantway chat "…", or pipe it in',
    );
  }
  return prompt;
}

function positive(text: string, flag: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new UsageError(`${flag} takes a whole number above 0, not "${text}"`);
}
