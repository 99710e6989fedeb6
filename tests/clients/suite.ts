/**
 * What people do with the gateway, done by the clients that they use: the vendors' own SDKs and the AI
 * SDK, each against each provider, over HTTP. It runs against a gateway of any kind.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { type Client, clientOf, DIALECTS, type Json } from "../transports/router_support.ts";
import { AI_SDK_CLIENTS, aiSdkClient } from "./ai_sdk.ts";

/** A gateway that listens, with both providers of the sandbox signed in. */
export interface ListeningGateway extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  origin: string;
  /** A client key. */
  key: string;
  /** Requests that say `[hang]` and are under way at the providers; absent where none can tell. */
  pending?: () => number;
}

const CLIENTS: Readonly<Record<string, (gateway: ListeningGateway) => Client>> = {
  ...Object.fromEntries(
    DIALECTS.map((dialect) => [
      `SDK, ${dialect}`,
      ({ origin, key }: ListeningGateway) => clientOf(dialect, fetch, { origin, apiKey: key }),
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(AI_SDK_CLIENTS).map(([name, connect]) => [
      name,
      ({ origin, key }: ListeningGateway) => aiSdkClient(connect(origin, key)),
    ]),
  ),
};

const MODELS = ["minimax-oauth/MiniMax-M2.7", "xai-oauth/grok-4.3"];

/** One red pixel. */
const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8Dwn4EIAAD/gAF/QualzQAAAABJRU5ErkJggg==";

const ANSWER = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};

/** What is done with a client and a model. */
const DEEDS: Readonly<Record<string, (client: Client, model: string) => Promise<void>>> = {
  "a whole answer": async (client, model) => {
    const turn = await client.ask(model, client.say("Grüße, 你好 👩‍🚀"));
    assertStringIncludes(turn.text, "Grüße, 你好 👩‍🚀");
    assert(turn.input > 0 && turn.output > 0, JSON.stringify(turn));
  },
  "a streamed answer": async (client, model) => {
    const turn = await client.ask(model, client.say("[long:120] Grüße, 你好 👩‍🚀"), { stream: true });
    assert(turn.text.split(" ").length >= 100, turn.text);
    assert(turn.input > 0 && turn.output > 0, JSON.stringify(turn));
  },
  "tools over two turns, with thinking": async (client, model) => {
    for (const stream of [true, false]) {
      const conversation = client.say("[thinking] [tools:2]");
      const calling = await client.ask(model, conversation, { stream, tools: true });
      assertEquals(calling.calls.map(({ name }) => name), ["read_file", "list_files"]);
      assert(calling.calls.every(({ input }) => typeof input.path === "string"));
      conversation.push(...calling.history, ...client.results(calling, "forty-two"));
      const answered = await client.ask(model, conversation, { stream, tools: true });
      assertEquals(answered.calls, []);
      assertStringIncludes(answered.text, "forty-two");
    }
  },
  "an image": async (client, model) => {
    const { text } = await client.ask(model, client.show("What is this?", PNG), { stream: true });
    // A model that cannot see is told that there was an image.
    assertMatch(text, model.startsWith("xai") ? /What is this\?/ : /What is this\?|image omitted/);
  },
  "structured output": async (client, model) => {
    const turn = await client.ask(model, client.say("Where?"), { more: client.structured(ANSWER) });
    assertEquals(typeof JSON.parse(turn.text).city, "string");
  },
  "an error before the answer": async (client, model) => {
    for (const stream of [false, true]) {
      const name = model.startsWith("xai") ? "[error:rate_limit]" : "[error:429]";
      const error: Json = await assertRejects(() =>
        client.ask(model, client.say(name), { stream })
      );
      assertEquals(error.status ?? error.statusCode, 429, String(error));
    }
  },
  "an error within the answer": async (client, model) => {
    await assertRejects(() =>
      client.ask(model, client.say("[long:50] [midstream-error]"), { stream: true })
    );
  },
  "a model that nobody has": async (client) => {
    const error: Json = await assertRejects(() =>
      client.ask("nobody/nothing", client.say("Hello"))
    );
    assertEquals(error.status ?? error.statusCode, 404, String(error));
  },
};

/** Defines the tests, named after the kind of gateway that `start` starts. */
export function defineClientTests(kind: string, start: () => Promise<ListeningGateway>): void {
  for (const [name, connect] of Object.entries(CLIENTS)) {
    Deno.test(`${name} through ${kind}`, async (test) => {
      await using gateway = await start();
      const client = connect(gateway);
      for (const model of MODELS) {
        for (const [deed, run] of Object.entries(DEEDS)) {
          await test.step(`${model}: ${deed}`, () => run(client, model));
        }
        const { pending } = gateway;
        if (pending === undefined) continue;
        await test.step(`${model}: leaving ends the request at the provider`, async () => {
          const leaving = new AbortController();
          const asking = client.ask(model, client.say("[long:20] [hang]"), {
            stream: true,
            signal: leaving.signal,
          });
          asking.catch(() => {});
          await until(() => pending() > 0);
          leaving.abort();
          await assertRejects(() => asking);
          await until(() => pending() === 0);
        });
      }
    });
  }
}

/** Waits for what has to come; a test that waits in vain ends by its own limit. */
async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo(); tries++) {
    if (tries > 500) throw new Error("It did not happen within five seconds");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
