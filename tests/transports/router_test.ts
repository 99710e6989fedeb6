/** Clients of every dialect, as the vendors' SDKs, through the router to both upstreams in the sandbox. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { Dialect } from "../../src/protocols/event.ts";
import {
  bodyOf,
  bytesOf,
  clientOf,
  createWorld,
  framesOf,
  type Json,
  ROUTES,
  UPSTREAMS,
} from "./router_support.ts";

const ENDED: Record<Dialect, string> = {
  messages: "end_turn",
  chat: "stop",
  responses: "completed",
};
const CALLED: Record<Dialect, string> = {
  messages: "tool_use",
  chat: "tool_calls",
  responses: "completed",
};

for (const { dialect, model, name } of ROUTES) {
  Deno.test(`Router: ${name}: text, model, usage`, async () => {
    const { fetch, reports, sent } = createWorld();
    const client = clientOf(dialect, fetch);
    const whole = await client.ask(model, client.say("Grüße, 你好 👩‍🚀"));
    const streamed = await client.ask(model, client.say("Grüße, 你好 👩‍🚀"), { stream: true });
    for (const turn of [whole, streamed]) {
      assertStringIncludes(turn.text, "You wrote: “Grüße, 你好 👩‍🚀”");
      assertEquals(turn.stop, ENDED[dialect]);
      assertEquals(turn.model, model);
    }
    assertEquals(streamed.text, whole.text);
    assertEquals([streamed.input, streamed.output], [whole.input, whole.output]);
    await Promise.resolve();
    assertEquals(reports.length, 2);
    for (const { provider, usage, outcome, ...report } of reports) {
      assertEquals(provider, UPSTREAMS[model]!.provider.id);
      assertEquals([report.model, report.dialect], [UPSTREAMS[model]!.id, dialect]);
      assertEquals(outcome, "completed");
      assertEquals(usage!.outputTokens, whole.output);
      assertEquals(
        usage!.inputTokens + usage!.cacheReadTokens + usage!.cacheWriteTokens,
        whole.input,
      );
    }
    assertEquals(sent.map(({ json }) => json.model), Array(2).fill(UPSTREAMS[model]!.id));
  });

  for (const stream of [false, true]) {
    Deno.test(`Router: ${name}: thinking and parallel calls over two turns${stream ? ", streamed" : ""}`, async () => {
      const { fetch, sent } = createWorld({
        quirks: { checkSignatures: true, toolTypeRequired: true },
      });
      const client = clientOf(dialect, fetch);
      const asked = client.say("[thinking] [tools:2]");
      const options = { stream, tools: true };
      const first = await client.ask(model, asked, options);
      assertEquals(first.stop, CALLED[dialect]);
      assertEquals(first.calls.map((call) => call.name), ["read_file", "list_files"]);
      assert(first.calls.every(({ input }) => typeof input.path === "string"));
      assert(first.thinking !== "");
      const second = await client.ask(model, [
        ...asked,
        ...first.history,
        ...client.results(first, "It says 42"),
      ], options);
      assertEquals(second.stop, ENDED[dialect]);
      assertStringIncludes(second.text, "42");
      // Reasoning comes back to the one that has made it, as it was; Chat has no place for seals.
      const seal = UPSTREAMS[model]!.provider.protocol === "messages"
        ? sent[1]!.json.messages.flatMap(({ content }: Json) => content)
          .find((block: Json) => block.type === "thinking")?.signature
        : sent[1]!.json.input.find((item: Json) => item.type === "reasoning")?.encrypted_content;
      if (dialect === "chat") assertEquals(seal, undefined);
      else assert(typeof seal === "string" && !seal.startsWith("grantway"), seal);
    });
  }

  Deno.test(`Router: ${name}: a refusal before the first byte`, async () => {
    const { fetch, reports } = createWorld();
    const client = clientOf(dialect, fetch);
    for (const stream of [false, true]) {
      const error: Json = await assertRejects(() =>
        client.ask(model, client.say("[error:429]"), { stream })
      );
      assertEquals(error.status, 429);
      assertEquals(error.error?.error?.type ?? error.type, "rate_limit_error");
      assertStringIncludes(error.message, "Cannot get an answer from");
    }
    assertEquals(reports.length, 0);
  });

  for (const ending of ["[midstream-error]", "[cut]", "[cut:stop]"]) {
    Deno.test(`Router: ${name}: ${ending} is an error in the client's form`, async () => {
      const { router, reports, fetch } = createWorld();
      const body = bytesOf(bodyOf(dialect, model, ending, { stream: true }));
      const response = await router.generate({ dialect, body });
      assertEquals(response.status, 200);
      const frames = framesOf(await response.text());
      const last = frames.at(-1);
      switch (dialect) {
        case "messages":
          assertEquals([last.type, typeof last.error.type], ["error", "string"]);
          break;
        case "chat":
          assertEquals([last.choices, typeof last.error.message], [undefined, "string"]);
          break;
        case "responses":
          assertEquals([last.type, last.response.status], ["response.failed", "failed"]);
          assertEquals(typeof last.response.error.code, "string");
          assertEquals(
            frames.map((frame) => frame.sequence_number),
            frames.map((_, i) => i),
          );
      }
      await Promise.resolve();
      assertEquals(reports.map(({ outcome }) => outcome), ["failed"]);
      const client = clientOf(dialect, fetch);
      await assertRejects(() => client.ask(model, client.say(ending), { stream: true }));
    });
  }

  Deno.test(`Router: ${name}: a client that leaves ends the request upstream`, async () => {
    const { router, sent, reports } = createWorld();
    const body = bytesOf(bodyOf(dialect, model, "[hang]", { stream: true }));
    const response = await router.generate({ dialect, body });
    const reader = response.body!.getReader();
    assert(!(await reader.read()).done);
    assertEquals(sent[0]!.signal.aborted, false);
    await reader.cancel();
    assertEquals(sent[0]!.signal.aborted, true);
    await Promise.resolve();
    assertEquals(reports.map(({ outcome }) => outcome), ["cancelled"]);
  });

  Deno.test(`Router: ${name}: signs of life while upstream is silent`, async () => {
    let now = 0;
    let fire: (() => void) | undefined;
    const { router } = createWorld({
      router: {
        now: () => now,
        startTimer: (_ms, run) => {
          fire = run;
          return () => fire = undefined;
        },
      },
    });
    const body = bytesOf(bodyOf(dialect, model, "[hang]", { stream: true }));
    const reader = (await router.generate({ dialect, body })).body!.getReader();
    const decoder = new TextDecoder();
    let beats = 0;
    for (let pending = reader.read(), quiet = 0; beats < 2;) {
      const silent = new Promise<"silent">((resolve) => setTimeout(() => resolve("silent"), 0));
      const got = await Promise.race([pending, silent]);
      if (got !== "silent") {
        const text = decoder.decode(got.value);
        if (quiet >= 20) {
          beats++;
          assertEquals(
            text,
            dialect === "messages" ? 'event: ping\ndata: {"type":"ping"}\n\n' : ": keepalive\n\n",
          );
        } else quiet = 0;
        pending = reader.read();
      } else if (++quiet >= 20) {
        // Early: it waits for the rest of the time.
        now += 5_000;
        fire!();
        now += 7_000;
        fire!();
      }
    }
    await reader.cancel();
    assertEquals(fire, undefined);
  });
}
