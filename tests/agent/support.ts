/**
 * What the agent tests share: upstreams, a check of what a conversation must always be, and tools.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { AgentEvent } from "../../src/agent/loop.ts";
import { type AgentTool, textOutput } from "../../src/agent/tool.ts";
import type {
  ContentBlock,
  GenerateRequest,
  GenerateResponse,
  Message,
} from "../../src/protocols/event.ts";
import { findProvider, resolveEndpoints } from "../../src/providers/mod.ts";
import { createSandbox, type SandboxOptions } from "../../src/sandbox/mod.ts";
import { replayResponse } from "../../src/transports/collect.ts";
import { BufferedEventStream } from "../../src/transports/event_stream.ts";
import { createTransport, type Transport } from "../../src/transports/transport.ts";
import { instantSleep, tokenSource } from "../transports/support.ts";

/** Fails unless every call has one result, in the next turn, and no result stands alone. */
export function assertPaired(messages: readonly Message[]): void {
  messages.forEach(({ role, content }, index) => {
    const ids = (message: Message | undefined, type: "tool_use" | "tool_result") =>
      (message?.content ?? []).flatMap((block) =>
        block.type !== type ? [] : [
          block.type === "tool_use"
            ? block.id
            : block.type === "tool_result"
            ? block.toolUseId
            : "",
        ]
      );
    if (role === "assistant") {
      assertEquals(ids(messages[index + 1], "tool_result"), ids(messages[index], "tool_use"));
    } else if (content.some(({ type }) => type === "tool_result")) {
      assertEquals(ids(messages[index - 1], "tool_use"), ids(messages[index], "tool_result"));
    }
  });
}

/** A transport over a sandbox, to the provider of that name. */
export function sandboxTransport(
  name: string,
  options: SandboxOptions & { onRequest?: (body: Record<string, unknown>) => void } = {},
): Transport {
  const provider = findProvider(name)!;
  const sandbox = createSandbox(options);
  return createTransport({
    provider,
    endpoints: resolveEndpoints(provider, provider.regions[0]!),
    source: tokenSource([provider.protocol === "responses" ? "xai-sandbox-1" : "sandbox-key"]),
    sleep: instantSleep(),
    fetch: (input, init) => {
      options.onRequest?.(JSON.parse(String(init?.body)));
      return sandbox.fetch(input as string, init);
    },
  });
}

/** An answer. */
export function answerOf(
  content: readonly ContentBlock[],
  more: Partial<GenerateResponse> = {},
): GenerateResponse {
  const calls = content.some(({ type }) => type === "tool_use");
  return {
    id: "answer",
    model: "model",
    content,
    stopReason: calls ? "tool_use" : "end_turn",
    usage: { inputTokens: 10, cacheReadTokens: 5, cacheWriteTokens: 0, outputTokens: 2 },
    ...more,
  };
}

/** Text of an answer. */
export function text(text: string): ContentBlock {
  return { type: "text", text };
}

/** A call in an answer. */
export function call(id: string, name: string, input: unknown = {}): ContentBlock {
  return {
    type: "tool_use",
    id,
    name,
    arguments: typeof input === "string" ? input : JSON.stringify(input),
  };
}

/** What a scripted upstream does for one request. */
export type Step =
  | GenerateResponse
  | Error
  | ((
    request: GenerateRequest,
    signal: AbortSignal,
  ) => GenerateResponse | Promise<GenerateResponse>);

/** An upstream that does `steps` in turn and refuses a conversation that no server would take. */
export function scripted(
  ...steps: Step[]
): Transport & { requests: GenerateRequest[] } {
  const requests: GenerateRequest[] = [];
  const unused = () => Promise.reject(new Error("not used"));
  return {
    requests,
    stream: async (request, { signal } = {}) => {
      signal?.throwIfAborted();
      requests.push(structuredClone(request));
      assertPaired(request.messages);
      assert(request.messages.at(-1)?.role === "user", "the last turn is not the user's");
      const step = steps[requests.length - 1];
      assert(step !== undefined, "one request too many");
      if (step instanceof Error) throw step;
      const response = typeof step === "function" ? await step(request, signal!) : step;
      return new BufferedEventStream(replayResponse(response));
    },
    generate: unused,
    forward: unused,
    countTokens: unused,
  };
}

/** A tool that answers with `run`. */
export function tool(
  name: string,
  run: AgentTool["run"] = () => Promise.resolve(textOutput("done")),
  more: Partial<AgentTool> = {},
): AgentTool {
  return {
    name,
    description: `The tool ${name}`,
    parameters: { type: "object", properties: {} },
    isParallel: true,
    describe: () => "",
    run,
    ...more,
  };
}

/** The text of each result in a conversation. */
export function resultTexts(messages: readonly Message[]): string[] {
  return messages.flatMap(({ content }) => content).flatMap((block) =>
    block.type === "tool_result"
      ? [block.content.map((part) => part.type === "text" ? part.text : part.type).join("")]
      : []
  );
}

/** Notes events by a few words each. */
export function recordEvents(): { events: string[]; onEvent: (event: AgentEvent) => void } {
  const events: string[] = [];
  return {
    events,
    onEvent: (event) => {
      if (event.type === "stream") return;
      if (event.type === "answer") events.push(`answer ${event.response.content.length}`);
      else if (event.type === "tool_progress") events.push(`${event.id} ${event.text}`);
      else if (event.type === "tool_start") events.push(`${event.id} starts`);
      else events.push(`${event.id} ${event.output.isError ? "fails" : "ends"}`);
    },
  };
}
