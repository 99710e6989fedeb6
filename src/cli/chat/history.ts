/**
 * The conversations of this home: which one a chat goes on with, and how it is kept.
 *
 * @module
 */

import {
  type ConversationStore,
  type ConversationSummary,
  createConversationStore,
  type OpenConversation,
} from "../../agent/conversation_store.ts";
import type { Message } from "../../protocols/event.ts";
import type { ChatSession } from "../chat_session.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit_code.ts";

/** The conversations of this home. */
export async function openHistory(context: Context): Promise<ConversationStore> {
  const { platform, home, output } = context;
  return createConversationStore({
    folder: home.conversations,
    files: await platform.openConversationFiles(),
    now: platform.now,
    onWarning: output.warn,
  });
}

/** Keeps what was said without a conversation: one question and its answer. */
export async function save(
  context: Context,
  { provider, model, system }: ChatSession,
  messages: readonly Message[],
): Promise<void> {
  const [store, { cwd }] = await Promise.all([
    openHistory(context),
    context.platform.openWorkspace(),
  ]);
  const open = store.create({
    provider: provider.id,
    model,
    folder: cwd,
    ...(system === undefined ? {} : { system }),
  });
  open.conversation.append(...messages);
  await open.close();
}

/** Which conversation to go on with: the last one, or the one of that id. */
export type Resumption = { kind: "last" } | { kind: "id"; id: string };

/**
 * Opens the conversation to go on with. The last one is that of the working folder, where there is one.
 *
 * @throws {UsageError} When there is none.
 */
export async function resume(context: Context, which: Resumption): Promise<OpenConversation> {
  const store = await openHistory(context);
  if (which.kind === "id") return await store.open(await store.find(which.id));
  const { cwd } = await context.platform.openWorkspace();
  let last: ConversationSummary | undefined;
  for await (const summary of store.list()) {
    last ??= summary;
    if (summary.folder !== cwd) continue;
    return await store.open(summary.id);
  }
  if (last === undefined) throw new UsageError("There is no conversation yet", "Run: grantway");
  return await store.open(last.id);
}

/** What a person recognises a conversation by. */
export function nameOf({ title, preview, id }: ConversationSummary): string {
  return title ?? (preview === "" ? id : preview);
}
