/**
 * Room in the context window: the older part of a conversation gives way to a summary of it.
 *
 * Between two compactions a conversation is only added to, so that the server has its beginning
 * cached. A compaction loses that once; it therefore comes late and takes a lot away.
 *
 * @module
 */

import type { GenerateRequest, GenerateResponse, Message, Usage } from "../protocols/event.ts";
import { estimateInputTokens } from "../transports/token_estimate.ts";
import type { Conversation } from "./conversation.ts";
import { contextTokensOf, type Target } from "./target.ts";
import { cutMiddle } from "./tool.ts";

/** How full the context window may become before there is a compaction. */
const FULL_SHARE = 0.75;
/** How much of the window the part keeps that stays as it is. */
const KEPT_SHARE = 0.15;
/** A summary of less than this saves nothing, tokens. */
const LEAST_SAVED_TOKENS = 500;
/** How much of the summarizing model's window what is summarized may fill. */
const TRANSCRIPT_SHARE = 0.5;
/** Characters of a transcript to a token, on the safe side. */
const CHARACTERS_PER_TOKEN = 2.5;
/** The most of one block in a transcript, characters: halved until the whole fits. */
const MAX_BLOCK_LENGTH = 8_000;
/** Models that always think need room for that, too. */
const MAX_SUMMARY_TOKENS = 8_000;
/** Bounds of what the server's own counts may say about our estimates. */
const LEAST_RATIO = 0.5;
const MOST_RATIO = 2;
/** Before the server has counted anything: on the safe side. */
const FIRST_RATIO = 1.15;

const INSTRUCTION =
  `Above is a transcript of a conversation between a user and an assistant with tools. Summarize it for the assistant, who goes on with it and sees nothing else of it. Keep: what the user wants and has said about how; decisions and why; facts found, with exact paths, names, numbers and commands; what was changed; what is unfinished. Leave out pleasantries and what no longer matters. Plain text with short headings.`;

/** What a compaction did. */
export interface Compaction {
  /** Estimates of the prompt, tokens. */
  before: number;
  after: number;
  /** Whether the summary is one: false where none could be had, and only questions were kept. */
  isSummarized: boolean;
}

/** How room is made. */
export interface ContextKeeperOptions {
  /** The model that is talked to. */
  target: () => Target;
  /** The model that summarizes. */
  auxiliary: () => Target;
  /** Told before and after. */
  onStart?: (() => void) | undefined;
  onCompacted?: ((compaction: Compaction) => void) | undefined;
  /** Size of the window, tokens, where another one than the catalog's shall hold. */
  contextTokens?: number | undefined;
}

/** Watches how full the context window is. */
export class ContextKeeper {
  readonly #options: ContextKeeperOptions;
  /** The server's count over our estimate. */
  #ratio = FIRST_RATIO;
  #lastEstimate = 0;

  /** Creates one for a conversation. */
  constructor(options: ContextKeeperOptions) {
    this.#options = options;
  }

  /** Size of the window, tokens. */
  get contextTokens(): number {
    return this.#options.contextTokens ?? contextTokensOf(this.#options.target());
  }

  /** How many input tokens a request will have, as far as one can tell. */
  estimate(request: GenerateRequest): number {
    return Math.ceil(estimateInputTokens(request) * this.#ratio);
  }

  /** Learns from the server's own count for the request that was last estimated. */
  learn({ usage, content }: Pick<GenerateResponse, "usage" | "content">): void {
    // Tools that upstream runs read the prompt several times, and all of it is counted.
    const isSum = content.some(({ type }) => type === "opaque");
    const counted = inputTokensOf(usage);
    if (isSum || counted === 0 || this.#lastEstimate === 0) return;
    this.#ratio = Math.min(MOST_RATIO, Math.max(LEAST_RATIO, counted / this.#lastEstimate));
  }

  /** Compacts where the request would not fit, or where `force` says so; returns whether it did. */
  async makeRoom(
    conversation: Conversation,
    request: GenerateRequest,
    { force, signal }: { force: boolean; signal: AbortSignal },
  ): Promise<boolean> {
    this.#lastEstimate = estimateInputTokens(request);
    const before = Math.ceil(this.#lastEstimate * this.#ratio);
    if (!force && before < this.contextTokens * FULL_SHARE) return false;
    const asked = request.messages.slice(conversation.messages.length);
    if (!await this.compact(conversation, signal)) return false;
    const saved = { ...request, messages: [...conversation.messages, ...asked] };
    this.#lastEstimate = estimateInputTokens(saved);
    return true;
  }

  /** Puts a summary in the place of all but the last turns; false where there is nothing to save. */
  async compact(conversation: Conversation, signal: AbortSignal): Promise<boolean> {
    const { onStart, onCompacted } = this.#options;
    const { messages } = conversation;
    const cut = findCut(messages, this.contextTokens * KEPT_SHARE / this.#ratio);
    if (cut === 0) return false;
    onStart?.();
    const older = messages.slice(0, cut);
    const summary = await this.#summarize(older, signal);
    const text = summary ?? questionsOf(older);
    const after: Message[] = [
      {
        role: "user",
        content: [{
          type: "text",
          text:
            `[The conversation up to here, in short]\n\n${text}\n\n[What follows is as it was said]`,
        }],
      },
      ...messages.slice(cut),
    ];
    const size = (turns: readonly Message[]) => Math.ceil(estimateOf(turns) * this.#ratio);
    const compaction = {
      before: size(messages),
      after: size(after),
      isSummarized: summary !== undefined,
    };
    conversation.replace(after);
    onCompacted?.(compaction);
    return true;
  }

  /** The auxiliary model's summary; undefined where there is none to be had. */
  async #summarize(
    messages: readonly Message[],
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const auxiliary = this.#options.auxiliary();
    const limit = Math.min(contextTokensOf(auxiliary), this.contextTokens) * TRANSCRIPT_SHARE *
      CHARACTERS_PER_TOKEN;
    try {
      const { content } = await auxiliary.transport.generate({
        model: auxiliary.model,
        // A turn of its own, so that what was said cannot be taken for what is asked.
        messages: [
          { role: "user", content: [{ type: "text", text: transcriptOf(messages, limit) }] },
          { role: "assistant", content: [{ type: "text", text: "I have read it." }] },
          { role: "user", content: [{ type: "text", text: INSTRUCTION }] },
        ],
        maxOutputTokens: MAX_SUMMARY_TOKENS,
        stream: false,
      }, { signal });
      const text = content.flatMap((block) => block.type === "text" ? [block.text] : []).join("");
      return text.trim() || undefined;
    } catch {
      signal.throwIfAborted();
      // A conversation that cannot go on is worse than one that forgets.
      return undefined;
    }
  }
}

/** All input tokens of an answer, cached ones too. */
export function inputTokensOf({ inputTokens, cacheReadTokens, cacheWriteTokens }: Usage): number {
  return inputTokens + cacheReadTokens + cacheWriteTokens;
}

function estimateOf(messages: readonly Message[]): number {
  return estimateInputTokens({ model: "", messages, stream: false });
}

/** Whether a conversation may be cut before that turn: no result would lose its call. */
function isBoundary(messages: readonly Message[], index: number): boolean {
  const message = messages[index]!;
  if (message.role === "assistant") return messages[index - 1]?.role !== "assistant";
  return !message.content.some(({ type }) => type === "tool_result");
}

/**
 * Where the kept part begins: as early as `keptTokens` allow, but not so early that nothing is saved;
 * 0 where nothing can be.
 */
export function findCut(messages: readonly Message[], keptTokens: number): number {
  let cut = 0;
  let kept = 0;
  for (let index = messages.length - 1; index > 0; index--) {
    kept += estimateOf([messages[index]!]);
    // The last turns stay, however long: a question without what it is about is none.
    if (cut !== 0 && kept > keptTokens) break;
    if (isBoundary(messages, index)) cut = index;
  }
  return estimateOf(messages.slice(0, cut)) < LEAST_SAVED_TOKENS ? 0 : cut;
}

/** What was said, as text of at most `limit` characters. */
function transcriptOf(messages: readonly Message[], limit: number): string {
  let text = "";
  for (let most = MAX_BLOCK_LENGTH; most > 100; most /= 2) {
    text = messages.map((message) => asText(message, most)).filter((part) => part !== "")
      .join("\n\n");
    if (text.length <= limit) return text;
  }
  return cutMiddle(text, limit);
}

function asText({ role, content }: Message, most: number): string {
  return content.flatMap((block): string[] => {
    switch (block.type) {
      case "text":
      case "refusal":
        return [`${role}: ${cutMiddle(block.text, most)}`];
      case "tool_use":
        return [`assistant calls ${block.name}: ${cutMiddle(block.arguments, most)}`];
      case "tool_result": {
        const text = block.content.map((part) =>
          part.type === "text" ? part.text : `[${part.type}]`
        );
        return [`${block.isError ? "failure" : "result"}: ${cutMiddle(text.join("\n"), most)}`];
      }
      case "image":
      case "document":
        return [`${role}: [${block.type}]`];
      default:
        return [];
    }
  }).join("\n");
}

const MOST_QUESTIONS = 30;
const MAX_QUESTION_LENGTH = 300;

/** What stands for a summary that could not be had: what the user has asked. */
function questionsOf(messages: readonly Message[]): string {
  const questions = messages.filter(({ role }) => role === "user").flatMap(({ content }) =>
    content.flatMap((block) => block.type === "text" ? [block.text] : [])
  );
  return "No summary could be made. The user said, among other things:\n" +
    questions.slice(-MOST_QUESTIONS)
      .map((text) => `- ${cutMiddle(text, MAX_QUESTION_LENGTH).replace(/\s+/g, " ")}`).join("\n");
}
