/**
 * Bundles the Worker as `deno task worker:build` does, prints its sizes, and fails when they are too
 * much or a runtime other than Cloudflare's leaked into it.
 *
 * ```sh
 * deno run --allow-read --allow-write --allow-run scripts/bundle_report.ts
 * ```
 *
 * @module
 */

import {
  type BundleModules,
  loadedWith,
  measureModules,
} from "../src/cli/deploy/bundle_modules.ts";
import { buildWorker } from "./worker_build.ts";

/** `Deno.` as a name, which a symbol's description is not, and `node:` where a specifier starts. */
const LEAKS = /(?<!["'`])\bDeno\.\w*|(?<=["'`])node:[\w/]*/g;

/** Each use of another runtime in a bundle. */
export function findLeaks(bundle: string): string[] {
  return bundle.match(LEAKS) ?? [];
}

/**
 * What an ordinary request loads lazily, by what these modules export: a Messages request with a client
 * key, passed on to a provider of that protocol, whose login has to be refreshed first.
 */
const ORDINARY = [
  "CredentialObject",
  "defineUsageObject",
  "createKvUsageStore",
  "messagesClientCodec",
  "messagesRelayCodec",
  "messagesRequestCodec",
  "messagesAnswerCodec",
  "Answers",
  "forwardBody",
  "MINIMAX_RULES",
];

/** The modules that serve an ordinary request, all of them: from the start to the refreshed login. */
export function ordinaryModules(modules: BundleModules): BundleModules {
  const [main] = modules.keys();
  const lazily = ORDINARY.map((name) => {
    const exported = new RegExp(`\\bexport\\s*\\{[^}]*\\b${name}\\b`);
    const found = [...modules].find(([name, code]) => name !== main && exported.test(code));
    if (found === undefined) throw new Error(`No module of the bundle exports ${name}`);
    return found[0];
  });
  return loadedWith([main!, ...lazily], modules);
}

/**
 * What may be there after gzip, KiB. All of it is what the platform limits, to 3 MiB; what an ordinary
 * request takes is what a start has to read. `docs/worker.md` says what is in them.
 */
const LIMITS_KIB = { ordinary: 78, all: 140 };

if (import.meta.main) {
  const all = await buildWorker();
  if (all.size === 0) {
    console.error("The Worker bundle is missing or empty");
    Deno.exit(1);
  }
  let isFine = true;
  const complain = (problem: string) => {
    console.error(problem);
    isFine = false;
  };
  const report = async (name: string, modules: BundleModules, limit?: number) => {
    const { bytes, gzipBytes } = await measureModules(modules);
    const kib = (size: number) => `${(size / 1024).toFixed(1)} KiB`;
    console.log(
      `${name}: ${kib(bytes)} minified, ${kib(gzipBytes)} gzip, ${modules.size} modules` +
        (limit === undefined ? "" : ` (limit ${limit})`),
    );
    if (limit !== undefined && gzipBytes > limit * 1024) {
      complain(`${name} is larger than ${limit} KiB`);
    }
  };
  const [main] = all.keys();
  await report("Worker, at its start", loadedWith([main!], all));
  await report("Worker, for an ordinary request", ordinaryModules(all), LIMITS_KIB.ordinary);
  await report("Worker, all that is uploaded", all, LIMITS_KIB.all);
  for (const [name, code] of all) {
    for (const leak of findLeaks(code)) complain(`The Worker's module ${name} contains ${leak}`);
  }
  if (!isFine) Deno.exit(1);
}
