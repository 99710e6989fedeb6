import { assertEquals } from "@std/assert";
import { openFileStore } from "../../../src/adapters/deno/file_store.ts";
import { kvStoreContract, leaseContract } from "../../contracts/kv_store.ts";

async function open() {
  const folder = `${await Deno.makeTempDir()}/home`;
  let offset = 0;
  const now = () => Date.now() + offset;
  return {
    folder,
    store: openFileStore(folder, { now }),
    again: openFileStore(folder, { now }),
    advance: (ms: number) => void (offset += ms),
    close: () => Deno.remove(`${folder}/..`, { recursive: true }),
  };
}

kvStoreContract("file", open, { refusesEarlier: true });
leaseContract("file", open);

Deno.test("openFileStore() leaves one private document, one spare file and the locks", async () => {
  const { folder, store, close } = await open();
  await store.put("credential/acme/one", JSON.stringify({ id: "one" }));
  await store.withLease("credential/acme/one", () => store.put("a", "b"));
  const modes: Record<string, string> = {};
  const mode = (path: string) => (Deno.lstatSync(path).mode! & 0o777).toString(8);
  for (const name of [".", "auth.json", "auth.json.spare", "locks"]) {
    modes[name] = mode(`${folder}/${name}`);
  }
  for (const { name } of Deno.readDirSync(`${folder}/locks`)) {
    modes[name] = mode(`${folder}/locks/${name}`);
  }
  assertEquals(modes, {
    ".": "700",
    "auth.json": "600",
    "auth.json.spare": "600",
    "locks": "700",
    "document.lock": "600",
    "lease.credential%2Facme%2Fone.lock": "600",
  });
  assertEquals([...Deno.readDirSync(folder)].length, 3);
  await close();
});
