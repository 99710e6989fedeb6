import { assertEquals } from "@std/assert";
import { findLeaks } from "../../scripts/bundle_report.ts";

const CASES = [
  { bundle: `var a=Deno.env.get("X");`, leaks: ["Deno.env"] },
  { bundle: `globalThis.Deno.cwd()`, leaks: ["Deno.cwd"] },
  { bundle: `import{a}from"node:fs/promises";`, leaks: ["node:fs/promises"] },
  { bundle: `await import('node:os');Deno.cwd()`, leaks: ["node:os", "Deno.cwd"] },
  { bundle: `import{env}from"cloudflare:workers";`, leaks: [] },
  { bundle: `var parentnode={node:1,myDeno:{a:1}};myDeno.a;`, leaks: [] },
];

for (const { bundle, leaks } of CASES) {
  Deno.test(`findLeaks() finds ${leaks.join() || "nothing"} in ${bundle}`, () => {
    assertEquals(findLeaks(bundle), leaks);
  });
}
