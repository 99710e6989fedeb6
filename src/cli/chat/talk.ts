/**
 * A conversation on a terminal.
 *
 * @module
 */

import type { OpenConversation } from "../../agent/conversation_store.ts";
import type { Message } from "../../protocols/event.ts";
import { type ChatSession, createView, exitCodeFor, printable, textView } from "../chat_session.ts";
import type { Context } from "../context.ts";
import { Interrupted } from "../interrupts.ts";
import { AgentChat } from "./agent_chat.ts";

const HELP = `/new    start over
/help   this
/exit   leave (also Ctrl-D, or Ctrl-C twice)`;

/** How often a conversation looks whether its login is due, ms; well below the shortest lead. */
const KEEP_FRESH_MS = 60_000;

/** Refreshes ahead of expiry while nobody types, until `signal` aborts. */
async function keepFresh(
  { platform }: Context,
  chat: AgentChat,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await platform.sleep(KEEP_FRESH_MS, signal);
    // What fails here will be told by the next question, if it still does.
    await chat.session.source.get({ signal }).catch(() => {});
  }
}

/** How a chat with tools is held. */
export interface TalkOptions {
  /** Whether what is said is kept. */
  isSaved: boolean;
  /** The conversation to go on with. */
  resumed: OpenConversation | undefined;
}

/** Answers one prompt with tools. */
export async function answerWithTools(
  context: Context,
  session: ChatSession,
  prompt: string,
  options: TalkOptions,
): Promise<number> {
  const { output, interrupts } = context;
  output.json({ type: "start", provider: session.provider.id, model: session.model });
  const view = createView(context);
  const chat = new AgentChat(context, session, { ...options, view, isTitled: false });
  try {
    const { response } = await chat.ask([{ type: "text", text: prompt }], interrupts.signal);
    return exitCodeFor(context, response.stopReason);
  } finally {
    await chat.close();
  }
}

/** Talks until the user leaves. */
export async function converse(
  context: Context,
  session: ChatSession,
  options: TalkOptions,
): Promise<void> {
  const view = textView(context, { showThinking: true });
  const chat = new AgentChat(context, session, { ...options, view, isTitled: true });
  const end = new AbortController();
  keepFresh(context, chat, end.signal).catch(() => {});
  try {
    showBeginning(context, chat, options.resumed);
    await talk(context, chat);
  } finally {
    end.abort();
    await chat.close();
  }
}

/** Says whom one talks to, and where the conversation was left. */
function showBeginning(
  { output }: Context,
  { session, messages }: AgentChat,
  resumed: OpenConversation | undefined,
): void {
  output.note(`${output.paintError("bold", session.model)}  ${session.account}`);
  if (resumed !== undefined) {
    const textOf = (role: Message["role"]) =>
      messages.filter((message) => message.role === role).flatMap(({ content }) =>
        content.flatMap((block) => block.type === "text" ? [block.text] : [])
      ).at(-1) ?? "";
    const { title, head } = resumed;
    output.note(`Resumed: ${printable(title ?? head.preview)}`);
    output.note(output.paintError("dim", `> ${printable(textOf("user"))}`));
    output.note(output.paintError("dim", printable(textOf("assistant"))));
  }
  output.note(output.paintError("dim", "/help lists the commands"));
}

async function talk(context: Context, chat: AgentChat): Promise<void> {
  const { output, interrupts } = context;
  const lines: string[] = [];
  for (;;) {
    const line = await askLine(context, lines);
    if (line === null) return;
    const text = line.trim();
    if (text === "") continue;
    lines.push(line);
    if (["/exit", "/quit", "exit", "quit"].includes(text)) return;
    if (text === "/help") {
      output.note(HELP);
      continue;
    }
    if (text === "/new") {
      await chat.startOver();
      output.note("Started over");
      continue;
    }
    if (/^\/[a-z]+$/.test(text)) {
      output.note(`Unknown command ${text}; /help lists them`);
      continue;
    }
    const cancel = new AbortController();
    const stopListening = interrupts.listen(() => cancel.abort(new Interrupted()));
    const signal = AbortSignal.any([cancel.signal, interrupts.signal]);
    try {
      await chat.ask([{ type: "text", text }], signal);
    } catch (error) {
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
