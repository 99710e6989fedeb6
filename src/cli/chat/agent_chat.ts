/**
 * A chat with tools: its conversation, what the model is offered, and one question after the other.
 *
 * @module
 */

import { ContextKeeper, inputTokensOf } from "../../agent/compaction.ts";
import { Conversation } from "../../agent/conversation.ts";
import { createConversationId, type OpenConversation } from "../../agent/conversation_store.ts";
import { addUsage, runTurn, type TurnResult } from "../../agent/loop.ts";
import { createSystemPrompt } from "../../agent/system_prompt.ts";
import { type ContentBlock, type Message, type Usage, ZERO_USAGE } from "../../protocols/event.ts";
import { CURATED_MODELS, type ModelCatalog } from "../../providers/model_catalog.ts";
import { type ChatSession, type View, withModelHint } from "../chat_session.ts";
import type { Context } from "../context.ts";
import { createAgentView } from "./agent_view.ts";
import { createApprove } from "./approval.ts";
import { rootHome } from "../home.ts";
import { openHistory } from "./history.ts";
import { auxiliaryOf, modelsThatSee, openToolbox, targetOf, type Toolbox } from "./toolbox.ts";

/** How a chat is opened. */
export interface AgentChatOptions {
  /** How it is shown. */
  view: View;
  /** Whether the model may use tools. */
  hasTools: boolean;
  /** Whether what is said is kept. */
  isSaved: boolean;
  /** Whether it gets a title, by a request of its own. */
  isTitled: boolean;
  /** The conversation to go on with. */
  resumed?: OpenConversation | undefined;
}

/** A chat. What takes its time begins when it is made, and is waited for by the first question. */
export class AgentChat {
  /** Whom it talks to; may change between questions. */
  session: ChatSession;
  /** Token counts since it was opened. */
  usage: Usage = ZERO_USAGE;
  /** How much of the context window the last answer took, tokens. */
  contextUsed = 0;
  readonly #context: Context;
  readonly #options: AgentChatOptions;
  readonly #toolbox: Promise<Toolbox>;
  readonly #show: ReturnType<typeof createAgentView>;
  readonly #keeper: ContextKeeper;
  readonly #approve: ReturnType<typeof createApprove>;
  readonly #end = new AbortController();
  #isReady = false;
  #catalog: ModelCatalog = CURATED_MODELS;
  #open: OpenConversation | undefined;
  #titling: Promise<void> | undefined;

  /** Opens one. */
  constructor(context: Context, session: ChatSession, options: AgentChatOptions) {
    const { view, resumed } = options;
    this.session = session;
    this.#context = context;
    this.#options = options;
    this.#open = resumed;
    this.#toolbox = openToolbox(context, () => this.session, { hasMcp: options.hasTools });
    this.#toolbox.then(({ catalog }) => {
      this.#isReady = true;
      this.#catalog = catalog;
    }, () => {});
    this.#show = createAgentView(context, view);
    this.#keeper = new ContextKeeper({
      target: () => targetOf(this.session, this.#catalog),
      auxiliary: () => auxiliaryOf(this.session, this.#catalog),
      onStart: () => {
        view.stop(false);
        context.output.progress("Making room: summarizing the conversation …");
      },
      onCompacted: ({ before, after, isSummarized }) => {
        const sizes = `${thousands(before)} tokens became ${thousands(after)}`;
        context.output.json({ type: "compaction", before, after, isSummarized });
        if (isSummarized) context.output.note(`Summarized the conversation: ${sizes}`);
        else context.output.warn(`No summary could be made; older turns are left out: ${sizes}`);
      },
    });
    this.#approve = createApprove(context, () => view.stop(false));
  }

  /** What was said so far. */
  get messages(): readonly Message[] {
    return this.#open?.conversation.messages ?? [];
  }

  /** The conversation's id, once it has begun. */
  get id(): string | undefined {
    return this.#open?.head.id;
  }

  /** What the model is offered. */
  toolbox(): Promise<Toolbox> {
    return this.#toolbox;
  }

  /** A typed question with the files that it mentions by `@path`. Throws like `attach`. */
  async withMentions(text: string, signal: AbortSignal): Promise<ContentBlock[]> {
    if (!/(?<=^|\s)@\S/.test(text)) return [{ type: "text", text }];
    const { platform } = this.#context;
    const { findMentions } = await import("./attachments.ts");
    const workspace = await platform.openWorkspace();
    const paths = await findMentions(text, { workspace, userHome: platform.userHome });
    return await this.withFiles(text, paths, signal);
  }

  /** A question with files. Throws like `attach`. */
  async withFiles(
    text: string,
    paths: readonly string[],
    signal: AbortSignal,
  ): Promise<ContentBlock[]> {
    if (paths.length === 0) return [{ type: "text", text }];
    const { platform, output } = this.#context;
    const { attach } = await import("./attachments.ts");
    const toolbox = await within(this.#toolbox, signal);
    return await attach(text, paths, {
      workspace: await platform.openWorkspace(),
      hidden: [rootHome(platform)],
      userHome: platform.userHome,
      target: targetOf(this.session, this.#catalog),
      viewer: toolbox.viewer,
      seeing: modelsThatSee(toolbox.catalog),
      onNote: (note) => output.note(output.paintError("dim", note)),
      signal,
    });
  }

  /** Asks, and shows what happens. Throws like `runTurn`. */
  async ask(question: readonly ContentBlock[], signal: AbortSignal): Promise<TurnResult> {
    const { view, isTitled, hasTools } = this.#options;
    const { output } = this.#context;
    if (hasTools && !this.#isReady) output.progress("Getting the tools ready …");
    const { tools, serverTools } = hasTools
      ? (await within(this.#toolbox, signal)).offer()
      : { tools: [], serverTools: [] };
    const { conversation, head } = await this.#begin();
    const { transport, model, maxOutputTokens } = this.session;
    try {
      const result = await runTurn(conversation, question, {
        transport,
        model,
        maxOutputTokens,
        system: head.system,
        tools,
        serverTools,
        approve: this.#approve,
        onEvent: (event) => {
          if (event.type === "answer") {
            this.#keeper.learn(event.response);
            this.contextUsed = inputTokensOf(event.response.usage) +
              event.response.usage.outputTokens;
          }
          this.#show(event);
        },
        makeRoom: (request, { force }) =>
          this.#keeper.makeRoom(conversation, request, { force, signal }),
        onNote: output.detail,
        signal,
      });
      view.usage(result.usage);
      this.usage = addUsage(this.usage, result.usage);
      if (result.isExhausted) {
        output.warn(`Stopped after ${result.rounds} rounds of tool calls; say "go on" to go on`);
      }
      if (isTitled) this.#giveTitle();
      return result;
    } catch (error) {
      view.stop(signal.aborted);
      throw withModelHint(error, this.session);
    }
  }

  /** Size of the model's context window, tokens. */
  get contextTokens(): number {
    return this.#keeper.contextTokens;
  }

  /** Puts a summary in the place of all but the last turns; false where there is nothing to save. */
  async compact(signal: AbortSignal): Promise<boolean> {
    return this.#open !== undefined &&
      await this.#keeper.compact(this.#open.conversation, signal);
  }

  /** Leaves what was said behind; it stays where it is kept. */
  async startOver(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    this.#titling = undefined;
    await open?.close();
  }

  /** Waits for what is still to be saved. */
  async close(): Promise<void> {
    this.#end.abort();
    await this.#titling;
    await this.#open?.close();
  }

  async #begin(): Promise<OpenConversation> {
    if (this.#open !== undefined) {
      // A conversation that began without tools has no system prompt yet.
      const system = this.#open.head.system ?? await this.#systemPrompt();
      if (system !== undefined) this.#open.head.system = system;
      return this.#open;
    }
    const { platform } = this.#context;
    const { provider, model } = this.session;
    const system = await this.#systemPrompt();
    const { cwd } = await platform.openWorkspace();
    const head = {
      provider: provider.id,
      model,
      folder: cwd,
      ...(system === undefined ? {} : { system }),
    };
    return this.#open = this.#options.isSaved
      ? (await openHistory(this.#context)).create(head)
      : unsaved(head, platform.now());
  }

  async #systemPrompt(): Promise<string | undefined> {
    if (this.session.system !== undefined || !this.#options.hasTools) return this.session.system;
    const { platform } = this.#context;
    const { cwd, os } = await platform.openWorkspace();
    return createSystemPrompt({ cwd, os, date: new Date(platform.now()) });
  }

  /** Asks for a title while the user reads; whoever leaves first does not wait for it. */
  #giveTitle(): void {
    const open = this.#open;
    if (open === undefined || open.title !== undefined || this.#titling !== undefined) return;
    if (!this.#options.isSaved) return;
    const { signal } = this.#end;
    const ask = async () => {
      const { requestTitle } = await import("../../agent/title.ts");
      const { messages } = open.conversation;
      const title = await requestTitle(auxiliaryOf(this.session, this.#catalog), messages, signal);
      if (title !== undefined) open.setTitle(title);
    };
    // A conversation without a title is shown by its first words.
    this.#titling = ask().catch(() => {});
  }
}

/** `1.2k`, `34k`. */
export function thousands(count: number): string {
  return count < 1_000
    ? String(count)
    : `${(count / 1_000).toFixed(count < 10_000 ? 1 : 0).replace(/\.0$/, "")}k`;
}

/** A conversation that is nowhere but in this process. */
function unsaved(
  head: Pick<OpenConversation["head"], "provider" | "model" | "folder" | "system">,
  now: number,
): OpenConversation {
  const id = createConversationId(now);
  return {
    conversation: new Conversation(id),
    head: { ...head, id, createdAt: now, preview: "" },
    title: undefined,
    setTitle: () => {},
    close: () => Promise.resolve(),
  };
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
