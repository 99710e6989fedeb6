/**
 * One plain answer: what is sent, and what is shown while it streams. Conversations and tools are in
 * `chat/`; a plain prompt loads none of them.
 *
 * @module
 */

import type { AccessTokenSource } from "../credentials/access_token.ts";
import type {
  GenerateResponse,
  Message,
  StopReason,
  StreamEvent,
  Usage,
} from "../protocols/event.ts";
import { findModel } from "../providers/catalog.ts";
import type { Provider } from "../providers/mod.ts";
import type { Transport } from "../transports/transport.ts";
import type { MarkdownRenderer } from "./chat/markdown.ts";
import type { Context } from "./context.ts";
import { EXIT } from "./exit_code.ts";
import { withNameHint } from "./refused_name.ts";

/** Whom a chat talks to. */
export interface ChatSession {
  /** Its provider. */
  provider: Provider;
  /** Its model. */
  model: string;
  /** Whose account, for status lines. */
  account: string;
  /** System prompt. */
  system: string | undefined;
  /** The most tokens of an answer. */
  maxOutputTokens: number | undefined;
  /** Sends requests. */
  transport: Transport;
  /** The bearer of the first account. */
  source: AccessTokenSource;
}

/** How an answer is shown. */
export interface View {
  /** Text of the answer. */
  text(text: string): void;
  /** Text of the model's thinking. */
  thinking(text: string): void;
  /** The end of the answer. */
  end(response: GenerateResponse): void;
  /** What all answers to a question took. */
  usage(usage: Usage): void;
  /** The answer failed, or was cancelled by a key that the terminal showed too. */
  stop(isCancelled: boolean): void;
}

/** Sends the prompt and shows the answer as it comes; returns it whole. */
async function answer(
  context: Context,
  session: ChatSession,
  prompt: string,
  signal: AbortSignal,
): Promise<GenerateResponse> {
  const { model, system, maxOutputTokens, transport } = session;
  const sent = transport.stream({
    model,
    messages: [{ role: "user", content: [{ type: "text", text: prompt }] }],
    stream: true,
    ...(system === undefined ? {} : { system: [{ type: "text", text: system }] }),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
  }, { signal, onNote: context.output.detail });
  sent.catch(() => {});
  const view = await createView(context);
  let response: GenerateResponse;
  try {
    const events = await sent;
    const { collectStream } = await import("../transports/collect.ts");
    response = await collectStream(shown(events, view));
  } catch (error) {
    view.stop(signal.aborted);
    throw withModelHint(error, session);
  }
  view.end(response);
  view.usage(response.usage);
  return response;
}

/** Says where the models are listed, where a name that nobody knows here was refused. */
export function withModelHint(error: unknown, { provider, model }: ChatSession): unknown {
  return findModel(provider, model) === undefined
    ? withNameHint(error, `Which models there are: grantway models ${provider.id}`)
    : error;
}

/** Passes events on, and shows what a person reads of them. */
async function* shown(events: AsyncIterable<StreamEvent>, view: View): AsyncIterable<StreamEvent> {
  for await (const event of events) {
    showEvent(event, view);
    yield event;
  }
}

/** Shows what a person reads of an event. */
export function showEvent(event: StreamEvent, view: View): void {
  if (event.type !== "block_delta") return;
  const { delta } = event;
  if (delta.type === "text" || delta.type === "refusal") view.text(delta.text);
  if (delta.type === "thinking") view.thinking(delta.text);
}

// deno-lint-ignore no-control-regex -- what a terminal would obey: all but tab and line feed
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** A model's text without what would steer the terminal. */
export function printable(text: string): string {
  return text.replace(CONTROLS, "");
}

/** The answer on stdout, thinking dim on stderr. */
export function textView(
  context: Context,
  options: { showThinking: boolean; markdown?: MarkdownRenderer | undefined },
): View {
  const { output } = context;
  const { markdown } = options;
  const isWatched = context.platform.stdout.isTerminal;
  let last: "none" | "thinking" | "text" = "none";
  let endsLine = true;
  const flush = () => {
    const rest = markdown?.end() ?? "";
    if (rest !== "") output.text(rest);
  };
  const reset = () => {
    last = "none";
    endsLine = true;
  };
  return {
    stop: (isCancelled) => {
      flush();
      // What comes next starts on a line of its own; what is piped stays as it came.
      const isOpen = last === "thinking" || (isWatched && (!endsLine || isCancelled));
      if (isOpen) output.partialNote("\n");
      reset();
    },
    text: (text) => {
      if (last === "thinking") output.partialNote("\n\n");
      last = "text";
      endsLine = text.endsWith("\n");
      const safe = isWatched ? printable(text) : text;
      output.text(markdown?.write(safe) ?? safe);
    },
    thinking: (text) => {
      if (!options.showThinking) return;
      flush();
      if (last === "text") output.partialNote("\n");
      last = "thinking";
      output.partialNote(output.paintError("dim", printable(text)));
    },
    end: ({ stopReason }) => {
      flush();
      if (!endsLine) output.text("\n");
      if (last === "thinking") output.partialNote("\n");
      reset();
      if (stopReason === "max_tokens") output.warn("The answer is cut: it reached the token limit");
      if (stopReason === "context_window_exceeded") {
        output.warn("The answer is cut: the model's context is full");
      }
    },
    usage: (usage) => {
      const input = usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens;
      const thought = usage.reasoningTokens ? ` (${usage.reasoningTokens} thinking)` : "";
      const cached = usage.cacheReadTokens > 0 ? ` (${usage.cacheReadTokens} cached)` : "";
      const line = `${input} tokens in${cached}, ${usage.outputTokens} out${thought}`;
      if (options.showThinking) output.note(output.paintError("dim", line));
    },
  };
}

/** One JSON object per event. */
export function jsonView({ output }: Context): View {
  let last: GenerateResponse | undefined;
  return {
    stop: () => {},
    text: (text) => output.json({ type: "text", text }),
    thinking: (text) => output.json({ type: "thinking", text }),
    end: (response) => {
      last = response;
    },
    usage: ({ inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens }) => {
      output.json({
        type: "end",
        id: last?.id,
        model: last?.model,
        stopReason: last?.stopReason,
        usage: { inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens },
      });
    },
  };
}

/**
 * Answers one prompt: the plain answer on stdout, or events under `--json`. Returns the exit code and
 * what was said.
 */
export async function answerOnce(
  context: Context,
  session: ChatSession,
  prompt: string,
  signal: AbortSignal,
): Promise<{ code: number; messages: Message[] }> {
  const { output } = context;
  output.json({ type: "start", provider: session.provider.id, model: session.model });
  const { stopReason, content } = await answer(context, session, prompt, signal);
  return {
    code: exitCodeFor(context, stopReason),
    messages: [
      { role: "user", content: [{ type: "text", text: prompt }] },
      ...(content.length === 0 ? [] : [{ role: "assistant" as const, content }]),
    ],
  };
}

/** How the answer to one prompt is shown. */
export async function createView(context: Context): Promise<View> {
  const { output, platform } = context;
  return output.options.json ? jsonView(context) : textView(context, {
    showThinking: output.options.verbose ||
      (platform.stdout.isTerminal && platform.stderr.isTerminal && !output.options.quiet),
    markdown: await openMarkdown(context),
  });
}

/** Marks become styles where a person sees colours; anywhere else text stays as it came. */
export async function openMarkdown(
  { platform, output }: Context,
): Promise<MarkdownRenderer | undefined> {
  if (!platform.stdout.isTerminal || output.paint("bold", "x") === "x") return undefined;
  const { createMarkdownRenderer } = await import("./chat/markdown.ts");
  return createMarkdownRenderer(output.paint);
}

/** The exit code of one answer; a refusal is said. */
export function exitCodeFor({ output }: Context, stopReason: StopReason | null): number {
  if (stopReason !== "refusal") return EXIT.ok;
  output.warn("The model declined to answer");
  return EXIT.contentFilter;
}
