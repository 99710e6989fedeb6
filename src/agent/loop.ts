/**
 * One turn of an agent: request, answer, tool calls, their results, and again, until the model calls
 * nothing any more.
 *
 * Whatever happens on the way, each call that stays in the conversation has its result there.
 *
 * @module
 */

import { parseJsonObject } from "../core/http.ts";
import type {
  ContentBlock,
  FunctionTool,
  GenerateRequest,
  GenerateResponse,
  Message,
  OpaqueTool,
  Reasoning,
  StreamEvent,
  Tool,
  ToolResultBlock,
  ToolUseBlock,
  Usage,
} from "../protocols/event.ts";
import { ZERO_USAGE } from "../protocols/event.ts";
import { collectStream } from "../transports/collect.ts";
import type { Transport } from "../transports/transport.ts";
import { type Conversation, missingResult } from "./conversation.ts";
import {
  type AgentTool,
  type Approve,
  cutMiddle,
  errorOutput,
  ToolInputError,
  type ToolOutput,
} from "./tool.ts";

/** What happens during a turn, for those who watch. */
export type AgentEvent =
  /** A piece of the model's answer. */
  | { type: "stream"; event: StreamEvent }
  /** One answer is whole; calls may follow. */
  | { type: "answer"; response: GenerateResponse }
  /** A call begins. */
  | { type: "tool_start"; id: string; name: string; title: string }
  /** How far it is. */
  | { type: "tool_progress"; id: string; text: string }
  /** It has ended. */
  | { type: "tool_end"; id: string; name: string; title: string; output: ToolOutput };

/** Whom a turn talks to, and with what. */
export interface TurnOptions {
  /** Sends requests. */
  transport: Transport;
  /** The model's id. */
  model: string;
  /** System prompt. It must not change within a conversation, or nothing is cached. */
  system?: string | undefined;
  /** The most tokens of one answer. */
  maxOutputTokens?: number | undefined;
  /** How much to think. */
  reasoning?: Reasoning | undefined;
  /** Tools that run here. */
  tools?: readonly AgentTool[] | undefined;
  /** Tools that upstream runs. */
  serverTools?: readonly OpaqueTool[] | undefined;
  /** Asks a person. Default: nothing is approved. */
  approve?: Approve | undefined;
  /** Told what happens. */
  onEvent?: ((event: AgentEvent) => void) | undefined;
  /** Told what the transport changes in requests. */
  onNote?: ((note: string) => void) | undefined;
  /**
   * Called before each request, with what will be asked; it may shorten the conversation. `force`
   * after upstream has said that the prompt is too long.
   */
  makeRoom?:
    | ((request: GenerateRequest, options: { force: boolean }) => Promise<boolean>)
    | undefined;
  /** How many answers a turn may have. Default: 50. */
  maxRounds?: number | undefined;
  /** Cancels the turn. */
  signal: AbortSignal;
}

/** How a turn ended. */
export interface TurnResult {
  /** The last answer. */
  response: GenerateResponse;
  /** Token counts of all answers of the turn. */
  usage: Usage;
  /** How many answers there were. */
  rounds: number;
  /** Whether the turn was ended for having too many. */
  isExhausted: boolean;
}

const DEFAULT_MAX_ROUNDS = 50;
/** How many calls run side by side. */
const MOST_PARALLEL = 8;
/** The most text of one result, characters. */
const MAX_RESULT_LENGTH = 60_000;

const CANCELLED = "Cancelled by the user before it was done";
const NOT_STARTED = "Not run: the user cancelled";

/**
 * Runs one turn.
 *
 * A question without any answer leaves the conversation again; what was answered stays, with a result
 * for each call, also of those that were cancelled.
 *
 * @throws {TransportError} Why there is no answer.
 * @throws The signal's reason, unchanged, when it is cancelled.
 */
export async function runTurn(
  conversation: Conversation,
  question: readonly ContentBlock[],
  options: TurnOptions,
): Promise<TurnResult> {
  const { signal, onEvent, maxRounds = DEFAULT_MAX_ROUNDS } = options;
  let asked: Message[] = question.length === 0 ? [] : [{ role: "user", content: question }];
  let usage = ZERO_USAGE;
  for (let rounds = 1;; rounds++) {
    const response = await requestAnswer(conversation, asked, options);
    usage = addUsage(usage, response.usage);
    const { content, stopReason } = response;
    conversation.append(
      ...asked,
      ...(content.length === 0 ? [] : [{ role: "assistant" as const, content }]),
    );
    asked = [];
    onEvent?.({ type: "answer", response });
    const calls = content.filter((block) => block.type === "tool_use");
    if (calls.length > 0) {
      const results = await runCalls(calls, options);
      conversation.append({ role: "user", content: results });
      signal.throwIfAborted();
    } else if (stopReason !== "pause_turn") {
      return { response, usage, rounds, isExhausted: false };
    }
    if (rounds >= maxRounds) return { response, usage, rounds, isExhausted: true };
  }
}

async function requestAnswer(
  conversation: Conversation,
  asked: readonly Message[],
  options: TurnOptions,
): Promise<GenerateResponse> {
  const { transport, signal, onNote, onEvent, makeRoom } = options;
  const build = () => buildRequest(conversation, asked, options);
  await makeRoom?.(build(), { force: false });
  for (let isRepeated = false;; isRepeated = true) {
    signal.throwIfAborted();
    try {
      const events = await transport.stream(build(), { signal, onNote });
      return await collectStream(watched(events, onEvent));
    } catch (error) {
      const isTooLong = (error as { code?: unknown }).code === "context_overflow";
      if (!isTooLong || isRepeated || signal.aborted) throw error;
      if (!await makeRoom?.(build(), { force: true })) throw error;
    }
  }
}

/** The request of the next answer. The same beginning every time, so that upstream has it cached. */
function buildRequest(
  conversation: Conversation,
  asked: readonly Message[],
  { model, system, maxOutputTokens, reasoning, tools = [], serverTools = [] }: TurnOptions,
): GenerateRequest {
  const offered: Tool[] = [...tools.map(declare), ...serverTools];
  return {
    model,
    messages: [...conversation.messages, ...asked],
    stream: true,
    promptCacheKey: conversation.id,
    ...(system === undefined ? {} : { system: [{ type: "text", text: system }] }),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...(reasoning === undefined ? {} : { reasoning }),
    ...(offered.length === 0 ? {} : { tools: offered }),
  };
}

function declare({ name, description, parameters }: AgentTool): FunctionTool {
  return { type: "function", name, description, parameters };
}

async function* watched(
  events: AsyncIterable<StreamEvent>,
  onEvent: TurnOptions["onEvent"],
): AsyncIterable<StreamEvent> {
  for await (const event of events) {
    onEvent?.({ type: "stream", event });
    yield event;
  }
}

/** The results of calls, in their order: those that change nothing side by side, any other alone. */
async function runCalls(
  calls: readonly ToolUseBlock[],
  options: TurnOptions,
): Promise<ToolResultBlock[]> {
  const results: ToolResultBlock[] = [];
  const isParallel = (call: ToolUseBlock) =>
    options.tools?.find(({ name }) => name === call.name)?.isParallel ?? true;
  for (let at = 0; at < calls.length;) {
    let end = at + 1;
    if (isParallel(calls[at]!)) {
      while (end < calls.length && end - at < MOST_PARALLEL && isParallel(calls[end]!)) end++;
    }
    results.push(...await Promise.all(calls.slice(at, end).map((call) => runCall(call, options))));
    at = end;
  }
  return results;
}

async function runCall(call: ToolUseBlock, options: TurnOptions): Promise<ToolResultBlock> {
  const { signal, onEvent, approve, tools = [] } = options;
  const { id, name } = call;
  if (signal.aborted) return missingResult(id, NOT_STARTED);
  const tool = tools.find((tool) => tool.name === name);
  const input = parseJsonObject(call.arguments);
  let title = "";
  try {
    title = input === undefined ? "" : tool?.describe(input) ?? "";
  } catch {
    // The call itself will say what is wrong with the input.
  }
  onEvent?.({ type: "tool_start", id, name, title });
  let output: ToolOutput;
  if (tool === undefined) {
    const names = tools.map(({ name }) => name).join(", ");
    output = errorOutput(`There is no tool ${name}. Tools: ${names || "none"}`, "unknown tool");
  } else if (input === undefined) {
    output = errorOutput(
      "Not run: the arguments are not a whole JSON object. They may have been cut by the token limit",
      "arguments are no JSON object",
    );
  } else {
    output = await unlessAborted(signal, () =>
      tool.run(input, {
        signal,
        approve: (action) =>
          approve?.({ tool: name, action }, signal) ??
            Promise.resolve({ isApproved: false, reason: "nobody can be asked" }),
        onProgress: (text) => onEvent?.({ type: "tool_progress", id, text }),
      }));
  }
  onEvent?.({ type: "tool_end", id, name, title, output });
  return {
    type: "tool_result",
    toolUseId: id,
    content: bounded(output.content),
    ...(output.isError ? { isError: true } : {}),
  };
}

/** A tool that does not heed its signal must not hold the person who cancelled. */
async function unlessAborted(
  signal: AbortSignal,
  run: () => Promise<ToolOutput>,
): Promise<ToolOutput> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([run(), aborted]);
  } catch (error) {
    if (signal.aborted) return errorOutput(CANCELLED, "cancelled");
    if (error instanceof ToolInputError) return errorOutput(`Not run: ${error.message}`);
    return errorOutput(`Failed: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function bounded(content: ToolOutput["content"]): ToolOutput["content"] {
  const filled = content.filter((block) => block.type !== "text" || block.text !== "");
  // An empty result is refused by some servers.
  if (filled.length === 0) return [{ type: "text", text: "(no output)" }];
  return filled.map((block) =>
    block.type === "text" && block.text.length > MAX_RESULT_LENGTH
      ? { ...block, text: cutMiddle(block.text, MAX_RESULT_LENGTH) }
      : block
  );
}

/** The sum of two token counts. */
export function addUsage(one: Usage, other: Usage): Usage {
  const thought = (one.reasoningTokens ?? 0) + (other.reasoningTokens ?? 0);
  return {
    inputTokens: one.inputTokens + other.inputTokens,
    cacheReadTokens: one.cacheReadTokens + other.cacheReadTokens,
    cacheWriteTokens: one.cacheWriteTokens + other.cacheWriteTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    ...(thought === 0 ? {} : { reasoningTokens: thought }),
  };
}
