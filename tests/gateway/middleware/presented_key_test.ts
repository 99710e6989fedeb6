import { assertEquals, assertRejects } from "@std/assert";
import { createMemoryStore } from "../../../src/credentials/memory_store.ts";
import { createClientKeyStore } from "../../../src/gateway/client_key_store.ts";
import { createClientKeys } from "../../../src/gateway/client_key_verifier.ts";
import { createKeyCheck } from "../../../src/gateway/middleware/presented_key.ts";

Deno.test("createKeyCheck() lets in a key that was made after it was seen that there is none", async () => {
  const store = createMemoryStore();
  const now = () => 1_000;
  const keys = createClientKeys({ store, now });
  const check = createKeyCheck(keys, now);
  const ask = (key: string) =>
    check(new Request("http://127.0.0.1/v1/models", { headers: { "x-api-key": key } }));
  await assertRejects(() => ask("gw_unknown-key"), Error, "no client key yet");
  const { key, secret } = await createClientKeyStore({ store, now }).create({ name: "new" });
  assertEquals(await keys.isConfigured(), false, "what was listed is believed for a while");
  assertEquals((await ask(secret.expose())).id, key.id);
});
