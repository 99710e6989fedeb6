/**
 * A chat with tools: its conversation, what the model is offered, and one question after the other.
 *
 * @module
 */

import { Conversation } from "../../agent/conversation.ts";
import { addUsage, runTurn, type TurnResult } from "../../agent/loop.ts";
import { createSystemPrompt } from "../../agent/system_prompt.ts";
import { type ContentBlock, type Usage, ZERO_USAGE } from "../../protocols/event.ts";
import type { ChatSession, View } from "../chat_session.ts";
import type { Context } from "../context.ts";
import { createAgentView } from "./agent_view.ts";
import { createApprove } from "./approval.ts";
import { openToolbox, type Toolbox } from "./toolbox.ts";

/** A chat. */
export interface AgentChat {
  /** Whom it talks to; may change between questions. */
  session: ChatSession;
  /** What was said. */
  conversation: Conversation;
  /** Token counts since it was opened. */
  usage: Usage;
  /** What the model is offered, once that is known. */
  toolbox(): Promise<Toolbox>;
  /** Asks, and shows what happens. Throws like `runTurn`. */
  ask(question: readonly ContentBlock[], signal: AbortSignal): Promise<TurnResult>;
  /** Leaves what was said behind. */
  startOver(): void;
}

/** Waits for what has begun, unless the person who waits gives up. */
function within<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  return Promise.race([result, promise]).finally(() =>
    signal.removeEventListener("abort", onAbort)
  );
}

/** Opens one. What takes its time begins at once and is waited for by the first question. */
export function openAgentChat(context: Context, session: ChatSession, view: View): AgentChat {
  const { platform, output } = context;
  const opening = openToolbox(context, () => chat.session);
  opening.catch(() => {});
  const newConversation = () => new Conversation(crypto.randomUUID());
  const surroundings = platform.openWorkspace();
  surroundings.catch(() => {});
  const onEvent = createAgentView(context, view);
  const approve = createApprove(context, () => view.stop(false));
  let system: string | undefined;
  const chat: AgentChat = {
    session,
    conversation: newConversation(),
    usage: ZERO_USAGE,
    toolbox: () => opening,
    startOver: () => {
      chat.conversation = newConversation();
      system = undefined;
    },
    ask: async (question, signal) => {
      const { transport, model, maxOutputTokens } = chat.session;
      const { tools, serverTools } = (await within(opening, signal)).offer();
      const { cwd, os } = await surroundings;
      system ??= chat.session.system ??
        createSystemPrompt({ cwd, os, date: new Date(platform.now()) });
      try {
        const result = await runTurn(chat.conversation, question, {
          transport,
          model,
          maxOutputTokens,
          system,
          tools,
          serverTools,
          approve,
          onEvent,
          onNote: output.detail,
          signal,
        });
        view.usage(result.usage);
        chat.usage = addUsage(chat.usage, result.usage);
        if (result.isExhausted) {
          output.warn(`Stopped after ${result.rounds} rounds of tool calls; say "go on" to go on`);
        }
        return result;
      } catch (error) {
        view.stop(signal.aborted);
        throw error;
      }
    },
  };
  return chat;
}
