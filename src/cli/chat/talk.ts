/**
 * A conversation on a terminal.
 *
 * @module
 */

import type { OpenConversation } from "../../agent/conversation_store.ts";
import type { Message } from "../../protocols/event.ts";
import {
  type ChatSession,
  createView,
  exitCodeFor,
  openMarkdown,
  printable,
  textView,
} from "../chat_session.ts";
import type { Context } from "../context.ts";
import { Interrupted } from "../interrupts.ts";
import { AgentChat } from "./agent_chat.ts";
import { loadTools } from "./toolbox.ts";
import { isSlashCommand, runSlashCommand } from "./slash_commands.ts";

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
  /** Whether the model may use tools. */
  hasTools: boolean;
  /** The conversation to go on with. */
  resumed: OpenConversation | undefined;
}

/** Answers one prompt, with tools, files or a conversation to go on with. */
export async function answerPrompt(
  context: Context,
  session: ChatSession,
  prompt: string,
  options: TalkOptions & { attached: readonly string[] },
): Promise<number> {
  const { output, interrupts } = context;
  output.json({ type: "start", provider: session.provider.id, model: session.model });
  const view = await createView(context);
  const chat = new AgentChat(context, session, { ...options, view, isTitled: false });
  try {
    const question = await chat.withFiles(prompt, options.attached, interrupts.signal);
    const { response } = await chat.ask(question, interrupts.signal);
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
  // While Deno loads a module it draws on the terminal, and would wipe out a prompt that stands there.
  await loadTools(context);
  const markdown = await openMarkdown(context);
  const view = textView(context, { showThinking: true, markdown });
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
    const line = await askText(context, lines);
    if (line === null) return;
    const text = line.trim();
    if (text === "") continue;
    lines.push(line);
    if (text === "exit" || text === "quit") return;
    const cancel = new AbortController();
    const stopListening = interrupts.listen(() => cancel.abort(new Interrupted()));
    const signal = AbortSignal.any([cancel.signal, interrupts.signal]);
    try {
      if (isSlashCommand(text)) {
        if (await runSlashCommand(context, chat, text, signal)) return;
      } else await chat.ask(await chat.withMentions(text, signal), signal);
    } catch (error) {
      interrupts.signal.throwIfAborted();
      if (cancel.signal.aborted || error instanceof Interrupted) output.note("Cancelled");
      else output.error(error);
    } finally {
      stopListening();
    }
  }
}

/** What the user types: one line, or several where a line ends with a backslash. */
async function askText(context: Context, history: string[]): Promise<string | null> {
  let text = "";
  for (let prompt = "> ";; prompt = "… ") {
    const line = await askLine(context, prompt, history);
    if (line === null) return null;
    if (!line.endsWith("\\")) return text + line;
    text += `${line.slice(0, -1)}\n`;
  }
}

/** One line of the user's; null when they leave by Ctrl-D or by Ctrl-C twice. */
async function askLine(
  context: Context,
  prompt: string,
  history: string[],
): Promise<string | null> {
  const { platform, output, interrupts } = context;
  for (let presses = 0; presses < 2;) {
    const cancel = new AbortController();
    const stopListening = interrupts.listen(() => cancel.abort(new Interrupted()));
    try {
      const line = await platform.readLine(prompt, {
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
