/**
 * The storage of a Durable Object, in memory.
 *
 * @module
 */

import type { ObjectStorage } from "../../src/adapters/cloudflare/mod.ts";

/** The storage of an object, in the order of its keys. */
export function fakeStorage(): ObjectStorage {
  const values = new Map<string, unknown>();
  const unused = () => Promise.reject(new Error("not used"));
  return {
    get: (keys) =>
      Promise.resolve(
        new Map(keys.filter((key) => values.has(key)).map((key) => [key, values.get(key)])),
      ),
    put: (entries) => {
      for (const [key, value] of Object.entries(structuredClone(entries))) values.set(key, value);
      return Promise.resolve();
    },
    delete: (keys) => {
      for (const key of keys) values.delete(key);
      return Promise.resolve();
    },
    list: ({ prefix, startAfter = "", limit = Infinity }) => {
      const keys = [...values.keys()].filter((key) => key.startsWith(prefix) && key > startAfter);
      const page = keys.sort().slice(0, limit);
      return Promise.resolve(new Map(page.map((key) => [key, values.get(key)])));
    },
    sync: unused,
    setAlarm: () => Promise.resolve(),
    deleteAlarm: unused,
  };
}
