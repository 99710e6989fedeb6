/**
 * `grantway chat`: one answer on stdout, or a conversation on a terminal.
 *
 * @module
 */

import type { Command } from "commander";
import { findProvider } from "../../providers/catalog.ts";
import { chooseModel } from "../model_choice.ts";
import { openUpstream } from "../upstream.ts";
import type { ChatSession } from "../chat_session.ts";
import type { Resumption } from "../chat/history.ts";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit_code.ts";

interface Options {
  provider?: string;
  model?: string;
  system?: string;
  maxTokens?: string;
  tools?: boolean;
  attach?: string[];
  continue?: boolean;
  resume?: string;
  /** False for `--no-save`. */
  save?: boolean;
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
    .option(
      "-a, --attach <file>",
      "a text file or an image for a prompt; several times for several",
      (path: string, paths: string[] = []) => [...paths, path],
    )
    .option("-c, --continue", "go on with the last conversation of this folder")
    .option("-r, --resume <id>", "go on with that conversation; see: grantway sessions list")
    .option("--no-save", "keep nothing of what is said")
    .addHelpText(
      "after",
      `
On a terminal without a prompt it is a conversation: /help lists its commands, @path attaches a file,
Ctrl-C cancels an answer, twice leaves. It is kept and can be gone on with.

Examples:
  grantway chat "Why is the sky blue?"
  git diff | grantway chat "Review this change:" -
  grantway chat --attach plot.png "What does this show?"
  grantway chat --continue "And in short?"
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
    : (await import("../read_count.ts")).readCount(options.maxTokens, "--max-tokens");
  const which = resumption(options);
  const { attach: attached = [] } = options;
  const isPlain = !options.tools && which === undefined && attached.length === 0;
  // Loads while files and standard input are waited for.
  const loading = import("../chat_session.ts");
  if (!isPlain || (command.args.length === 0 && interactive)) {
    import("../chat/talk.ts").catch(() => {});
  }
  const reading = readPrompt(context, command.args);
  reading.catch(() => {});
  const resumed = which && await (await import("../chat/history.ts")).resume(context, which);
  let choice = await chooseModel(context, { ...modelOf(resumed?.head), ...options });
  const isFirst = interactive && command.args.length === 0 && which === undefined &&
    options.provider === undefined && options.model === undefined && attached.length === 0;
  // Before anything is asked: without a login there is no point in typing a question.
  const { provider, account, transport } = await openUpstream(context, choice.provider)
    .catch(async (error) => {
      if (!isFirst || error.code !== "login_required") throw error;
      if ((await context.credentials.list()).length > 0) throw error;
      output.note("Nobody is signed in yet: choose whose subscription to use");
      const { pickAndSave } = await import("./model.ts");
      choice = await pickAndSave(context);
      return await openUpstream(context, choice.provider);
    });
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
  const isSaved = options.save !== false;
  if (prompt !== undefined && isPlain) {
    const { code, messages } = await answerOnce(context, session, prompt, interrupts.signal);
    if (isSaved) await (await import("../chat/history.ts")).save(context, session, messages);
    return code;
  }
  const { answerPrompt, converse } = await import("../chat/talk.ts");
  const hasTools = options.tools === true || resumed !== undefined || prompt === undefined;
  const talk = { isSaved, resumed, hasTools };
  if (prompt !== undefined) {
    return await answerPrompt(context, session, prompt, { ...talk, attached });
  }
  if (attached.length > 0) throw new UsageError("--attach needs a prompt", "Here, write: @path");
  if (!interactive) throw new UsageError("There is no prompt", 'Run: grantway chat "…"');
  return await converse(context, session, talk);
}

/** Which conversation the flags mean to go on with. */
function resumption(options: Options): Resumption | undefined {
  if (options.resume === undefined) return options.continue ? { kind: "last" } : undefined;
  if (options.continue) throw new UsageError("--continue and --resume exclude each other");
  return { kind: "id", id: options.resume };
}

/** The provider and model that a conversation was held with, where that provider is still known. */
function modelOf(
  head: { provider: string; model: string } | undefined,
): { provider?: string; model?: string } {
  return head === undefined || findProvider(head.provider) === undefined
    ? {}
    : { provider: head.provider, model: head.model };
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
    throw new UsageError("Nothing is piped in", 'Run: grantway chat "…"; or pipe it in');
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
      'Run: grantway chat "…"; or pipe it in',
    );
  }
  return prompt;
}
