/**
 * One answer, and a conversation on a terminal: what is sent, what is shown while it streams, and what
 * stays in the history.
 *
 * @module
 */

import type { AccessTokenSource } from "../credentials/access_token.ts";
import type { GenerateResponse, Message, StreamEvent } from "../protocols/mod.ts";
import type { Provider } from "../providers/mod.ts";
import { collectStream } from "../transports/collect.ts";
import type { Transport } from "../transports/transport.ts";
import type { Context } from "./context.ts";
import { EXIT } from "./exit_code.ts";
import { Interrupted } from "./interrupts.ts";

/** A conversation. */
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
  /** The turns so far. */
  messages: Message[];
}

/** How an answer is shown. */
interface View {
  /** Text of the answer. */
  text(text: string): void;
  /** Text of the model's thinking. */
  thinking(text: string): void;
  /** The end of the answer. */
  end(response: GenerateResponse): void;
  /** The answer failed, or was cancelled by a key that the terminal showed too. */
  stop(isCancelled: boolean): void;
}

/** Sends the conversation and shows the answer as it comes; returns it whole. */
async function answer(
  context: Context,
  session: ChatSession,
  view: View,
  signal: AbortSignal,
): Promise<GenerateResponse> {
  const { model, messages, system, maxOutputTokens, transport } = session;
  let response: GenerateResponse;
  try {
    const events = await transport.stream({
      model,
      messages,
      stream: true,
      ...(system === undefined ? {} : { system: [{ type: "text", text: system }] }),
      ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    }, { signal, onNote: context.output.detail });
    response = await collectStream(shown(events, view));
  } catch (error) {
    view.stop(signal.aborted);
    throw error;
  }
  view.end(response);
  return response;
}

/** Passes events on, and shows what a person reads of them. */
async function* shown(events: AsyncIterable<StreamEvent>, view: View): AsyncIterable<StreamEvent> {
  for await (const event of events) {
    if (event.type === "block_delta") {
      const { delta } = event;
      if (delta.type === "text" || delta.type === "refusal") view.text(delta.text);
      if (delta.type === "thinking") view.thinking(delta.text);
    }
    yield event;
  }
}

// deno-lint-ignore no-control-regex -- what a terminal would obey: all but tab and line feed
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** A model's text without what would steer the terminal. */
function printable(text: string): string {
  return text.replace(CONTROLS, "");
}

/** The answer on stdout, thinking dim on stderr. */
function textView(context: Context, options: { showThinking: boolean }): View {
  const { output } = context;
  const isWatched = context.platform.stdout.isTerminal;
  let last: "none" | "thinking" | "text" = "none";
  let endsLine = true;
  const reset = () => {
    last = "none";
    endsLine = true;
  };
  return {
    stop: (isCancelled) => {
      // What comes next starts on a line of its own; what is piped stays as it came.
      const isOpen = last === "thinking" || (isWatched && (!endsLine || isCancelled));
      if (isOpen) output.partialNote("\n");
      reset();
    },
    text: (text) => {
      if (last === "thinking") output.partialNote("\n\n");
      last = "text";
      endsLine = text.endsWith("\n");
      output.text(isWatched ? printable(text) : text);
    },
    thinking: (text) => {
      if (!options.showThinking) return;
      if (last === "text") output.partialNote("\n");
      last = "thinking";
      output.partialNote(output.paintError("dim", printable(text)));
    },
    end: ({ stopReason, usage }) => {
      if (!endsLine) output.text("\n");
      if (last === "thinking") output.partialNote("\n");
      reset();
      if (stopReason === "max_tokens") output.warn("The answer is cut: it reached the token limit");
      if (stopReason === "context_window_exceeded") {
        output.warn("The answer is cut: the model's context is full");
      }
      const input = usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens;
      const thought = usage.reasoningTokens ? ` (${usage.reasoningTokens} thinking)` : "";
      const line = `${input} tokens in, ${usage.outputTokens} out${thought}`;
      if (options.showThinking) output.note(output.paintError("dim", line));
    },
  };
}

/** One JSON object per event. */
function jsonView(context: Context): View {
  const { output } = context;
  return {
    stop: () => {},
    text: (text) => output.json({ type: "text", text }),
    thinking: (text) => output.json({ type: "thinking", text }),
    end: ({ id, model, stopReason, usage }) => {
      const { inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens } = usage;
      output.json({
        type: "end",
        id,
        model,
        stopReason,
        usage: { inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens },
      });
    },
  };
}

/** Answers one prompt: the plain answer on stdout, or events under `--json`. */
export async function answerOnce(
  context: Context,
  session: ChatSession,
  prompt: string,
  signal: AbortSignal,
): Promise<number> {
  const { output, platform } = context;
  session.messages.push({ role: "user", content: [{ type: "text", text: prompt }] });
  output.json({ type: "start", provider: session.provider.id, model: session.model });
  const view = output.options.json ? jsonView(context) : textView(context, {
    showThinking: output.options.verbose ||
      (platform.stdout.isTerminal && platform.stderr.isTerminal && !output.options.quiet),
  });
  const { stopReason } = await answer(context, session, view, signal);
  if (stopReason !== "refusal") return EXIT.ok;
  output.warn("The model declined to answer");
  return EXIT.contentFilter;
}

const HELP = `/new    start over
/help   this
/exit   leave (also Ctrl-D, or Ctrl-C twice)`;

/** How often a conversation looks whether its login is due, ms; well below the shortest lead. */
const KEEP_FRESH_MS = 60_000;

/** Refreshes ahead of expiry while nobody types, until `signal` aborts. */
async function keepFresh(
  { platform }: Context,
  { source }: ChatSession,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await platform.sleep(KEEP_FRESH_MS, signal);
    // What fails here will be told by the next question, if it still does.
    await source.get({ signal }).catch(() => {});
  }
}

/** Talks until the user leaves. */
export async function converse(context: Context, session: ChatSession): Promise<void> {
  const end = new AbortController();
  keepFresh(context, session, end.signal).catch(() => {});
  try {
    await talk(context, session);
  } finally {
    end.abort();
  }
}

async function talk(context: Context, session: ChatSession): Promise<void> {
  const { output, interrupts } = context;
  const view = textView(context, { showThinking: true });
  const lines: string[] = [];
  output.note(`${output.paintError("bold", session.model)}  ${session.account}`);
  output.note(output.paintError("dim", "/help lists the commands"));
  for (;;) {
    const line = await askLine(context, lines);
    if (line === null) return;
    const text = line.trim();
    if (text === "") continue;
    lines.push(line);
    if (text === "/exit" || text === "/quit") return;
    if (text === "/help") {
      output.note(HELP);
      continue;
    }
    if (text === "/new") {
      session.messages = [];
      output.note("Started over");
      continue;
    }
    if (/^\/[a-z]+$/.test(text)) {
      output.note(`Unknown command ${text}; /help lists them`);
      continue;
    }
    const before = [...session.messages];
    session.messages.push({ role: "user", content: [{ type: "text", text }] });
    const cancel = new AbortController();
    const stopListening = interrupts.listen(() => cancel.abort(new Interrupted()));
    const signal = AbortSignal.any([cancel.signal, interrupts.signal]);
    try {
      const { content } = await answer(context, session, view, signal);
      if (content.length > 0) session.messages.push({ role: "assistant", content });
    } catch (error) {
      // What was not answered leaves the history, so that the next turn is well formed.
      session.messages = before;
      interrupts.signal.throwIfAborted();
      if (cancel.signal.aborted) output.note("Cancelled");
      else output.error(error);
    } finally {
      stopListening();
    }
  }
}

/** One line of the user's; null when they leave by Ctrl-D or by Ctrl-C twice. */
async function askLine(context: Context, history: string[]): Promise<string | null> {
  const { platform, output, interrupts } = context;
  for (let presses = 0; presses < 2;) {
    const cancel = new AbortController();
    const stopListening = interrupts.listen(() => cancel.abort(new Interrupted()));
    try {
      const line = await platform.readLine("> ", {
        signal: AbortSignal.any([cancel.signal, interrupts.signal]),
        history,
        multiline: true,
      });
      // Ctrl-D leaves the cursor behind the prompt.
      if (line === null) output.partialNote("\n");
      return line;
    } catch (error) {
      if (!cancel.signal.aborted) throw error;
      presses++;
      output.partialNote("\n");
      if (presses < 2) output.note("Press Ctrl-C again to leave");
    } finally {
      stopListening();
    }
  }
  return null;
}
