import { assertEquals } from "@std/assert";
import {
  findImports,
  loadedWith,
  measureModules,
  readModules,
} from "../../src/cli/deploy/bundle_modules.ts";

const FILES: Record<string, string> = {
  "worker.js":
    'import{a as b}from"./chunk-A.js";import "./chunk-B.js";var c=()=>import("./l-1.js");',
  "chunk-A.js": 'import{x}from"./chunk-B.js";import{w}from"cloudflare:workers";export{x as a};',
  "chunk-B.js": 'var x="./chunk-OLD.js";export{x};',
  "l-1.js": 'import {x} from "./chunk-B.js";\nexport * from "./chunk-C.js";export{x as later};',
  "chunk-C.js": "export{};",
  "chunk-OLD.js": "export{};",
};

const read = (name: string) => Promise.resolve(FILES[name]);

Deno.test("findImports() tells what is loaded at once from what is loaded later", () => {
  assertEquals(findImports(FILES["worker.js"]!), {
    atOnce: ["chunk-A.js", "chunk-B.js"],
    later: ["l-1.js"],
  });
  assertEquals(findImports(FILES["chunk-B.js"]!), { atOnce: [], later: [] });
});

Deno.test("readModules() reads what the main module leads to, it first", async () => {
  const modules = await readModules("worker.js", read);
  assertEquals([...modules.keys()], [
    "worker.js",
    "chunk-A.js",
    "chunk-B.js",
    "l-1.js",
    "chunk-C.js",
  ]);
  assertEquals([...loadedWith(["worker.js"], modules).keys()], [
    "worker.js",
    "chunk-A.js",
    "chunk-B.js",
  ]);
  assertEquals(loadedWith(["l-1.js"], modules).size, 3);
});

Deno.test("readModules() finds nothing where a module is missing or empty", async () => {
  for (const missing of ["worker.js", "chunk-C.js"]) {
    for (const code of [undefined, " \n"]) {
      const modules = await readModules(
        "worker.js",
        (name) => name === missing ? Promise.resolve(code) : read(name),
      );
      assertEquals(modules.size, 0);
    }
  }
});

Deno.test("measureModules() compresses all modules together", async () => {
  const text = crypto.getRandomValues(new Uint8Array(5_000)).toHex();
  const { bytes, gzipBytes } = await measureModules(new Map([["a.js", text], ["b.js", text]]));
  const alone = await measureModules(new Map([["a.js", text]]));
  assertEquals([bytes, alone.bytes], [20_000, 10_000]);
  assertEquals(gzipBytes < 1.5 * alone.gzipBytes, true);
});
