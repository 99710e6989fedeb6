/**
 * Faults of the Worker that the simulation must find.
 *
 * @module
 */

import type { Mutant } from "./mutants.ts";

const STORE = "adapters/cloudflare/object_store.ts";
const KEEPER = "adapters/cloudflare/object_keeper.ts";
const READER = "adapters/cloudflare/credential_reader.ts";
const RECORD = "adapters/cloudflare/credential_record.ts";
const ORPHAN = "credentials/orphan.ts";

export const OBJECT_MUTANTS: readonly Mutant[] = [
  {
    name: "storage-first",
    about: "an answer is written to the storage alone",
    patches: [{
      file: STORE,
      find: "if (isNew && credential.tokens?.refreshToken) await keepGrant(record);",
      replace: "",
    }],
  },
  {
    name: "no-recovery",
    about: "a new instance does not look for the answer that the last one left in KV",
    patches: [{ file: KEEPER, find: "      recover: objectStore.recover,\n", replace: "" }],
  },
  {
    name: "one-look",
    about: "it looks once, when KV may not show it yet",
    patches: [{ file: STORE, find: "const GRANT_READS = 3;", replace: "const GRANT_READS = 1;" }],
  },
  {
    name: "looks-too-soon",
    about: "it looks again while KV remembers that there was none",
    patches: [{
      file: STORE,
      find: "const GRANT_READ_SPACING_MS = 61_000;",
      replace: "const GRANT_READ_SPACING_MS = 5_000;",
    }],
  },
  {
    name: "unreadable-is-absent",
    about: "a failure of KV counts as its word that there is no answer",
    patches: [{
      file: STORE,
      find: 'if (error.code !== "storage_corrupt") throw error;',
      replace: "",
    }],
  },
  {
    name: "intent-in-memory",
    about: "only answers are written to the storage",
    patches: [{
      file: STORE,
      find: "      await persist(record);\n      memory = record;\n      if (isNew ||",
      replace:
        "      if (isNew) await persist(record);\n      memory = record;\n      if (isNew ||",
    }],
  },
  {
    name: "grant-published",
    about: "readers get the refresh token as well",
    patches: [{
      file: RECORD,
      find: "if (record.credential === null) return record;",
      replace: "return record;",
    }],
  },
  {
    name: "kv-trusted",
    about: "an isolate takes what KV shows in the place of something newer",
    patches: [{ file: READER, find: "if (!isOlder) memory.record", replace: "memory.record" }],
  },
  {
    name: "no-delay",
    about: "an attempt whose sender is gone is repeated at once",
    patches: [
      {
        file: ORPHAN,
        find: "return PROBE_DELAY_MS + (mayLive ? GRANT_TIMEOUT_MS : 0);",
        replace: "return 0;",
      },
    ],
  },
  {
    name: "generation-ignored",
    about: "every isolate whose bearer was refused has it replaced, whatever there is by now",
    patches: [{
      file: KEEPER,
      find: "current((asked) => asked.get({ rejectedGeneration }))",
      replace:
        "current(async (asked) => (rejectedGeneration !== undefined && await asked.refresh(), asked.get({})))",
    }],
  },
];
