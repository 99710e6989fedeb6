/**
 * What a Worker is made of, looked at: bindings, sealing keys, store, objects. It changes nothing and
 * tells no secret.
 *
 * @module
 */

import { GrantwayError } from "../../core/errors.ts";
import { parseSealingKeys } from "../../credentials/sealing.ts";
import type { KvStore } from "../../credentials/kv_store.ts";
import type { SignIns } from "../../credentials/sign_in.ts";
import type { CredentialCaller } from "./credential_call.ts";
import { ACCOUNTS_KEY } from "./credential_record.ts";
import { openStorage, type WorkerEnv } from "./worker_env.ts";

/** One thing that was looked at. */
export interface WorkerCheck {
  /** The finding's weight. */
  status: "ok" | "warning" | "error";
  /** The finding, one line. */
  text: string;
  /** More lines. */
  details?: string[];
}

/** One subject. */
export interface WorkerSection {
  /** Its title. */
  name: string;
  /** Its findings. */
  checks: WorkerCheck[];
}

/** What is looked at. */
export interface InspectionOptions {
  /** Bindings, secrets and variables. */
  env: WorkerEnv;
  /** Reaches the objects of credentials. */
  call: CredentialCaller;
  /** Reaches those of sign-ins. */
  signIns: SignIns;
  /** Reaches the one of all other records. */
  store: KvStore;
}

const BINDINGS: readonly (readonly [name: string, purpose: string])[] = [
  ["KV", "the store"],
  ["CREDENTIALS", "refreshes logins: class CredentialObject"],
  ["STORE", "changes keys, settings and accounts: class StoreObject"],
  ["SIGN_INS", "signs in: class SignInObject"],
  ["USAGE", "keeps the books: class UsageObject"],
];

/** Looks at everything. One failing check never hides another. */
export async function inspectWorker(options: InspectionOptions): Promise<WorkerSection[]> {
  const { env, call, signIns, store } = options;
  const bindings = BINDINGS.map(([name, purpose]): WorkerCheck =>
    env[name] === undefined
      ? {
        status: "error",
        text: `there is no binding ${name}`,
        details: [`It ${purpose}. Add it to wrangler.toml, and deploy again`],
      }
      : { status: "ok", text: `${name}: ${purpose}` }
  );
  // An object that was never used: it holds nothing, and keeps nothing of this.
  const probe = "0".repeat(22);
  return [
    { name: "Bindings", checks: bindings },
    {
      name: "Store",
      checks: await Promise.all([
        checked("sealing keys", () => Promise.resolve(describeKeys(env))),
        checked("KV", async () => {
          await openStorage(env).kv.get(ACCOUNTS_KEY);
          return "KV can be read";
        }),
      ]),
    },
    {
      name: "Objects",
      checks: await Promise.all([
        checked("objects of credentials", async () => {
          await call({ provider: "minimax-oauth", id: probe }, "read", {});
          return "objects of credentials answer";
        }),
        checked("objects of sign-ins", async () => {
          await signIns.read(probe);
          return "objects of sign-ins answer";
        }),
        checked("object of all other records", async () => {
          await store.get(ACCOUNTS_KEY);
          return "object of all other records answers";
        }),
      ]),
    },
    { name: "Endpoints", checks: [describeEndpoints(env)] },
  ];
}

async function checked(what: string, look: () => Promise<string>): Promise<WorkerCheck> {
  try {
    return { status: "ok", text: await look() };
  } catch (error) {
    const { message, hint } = error instanceof GrantwayError
      ? error
      : { message: "unexpected failure", hint: undefined };
    return {
      status: "error",
      text: `${what}: ${message}`,
      ...(hint === undefined ? {} : { details: [hint] }),
    };
  }
}

function describeKeys(env: WorkerEnv): string {
  openStorage(env);
  const [first, second] = parseSealingKeys(env.GRANTWAY_KEYS!);
  const rest = second === undefined ? "" : `; what is sealed with ${second.id} is still read`;
  return `sealed with the key ${first!.id}${rest}`;
}

function describeEndpoints(env: WorkerEnv): WorkerCheck {
  const replaced = Object.keys(env).filter((name) =>
    env[name] !== "" &&
    (name === "GRANTWAY_SANDBOX" || name === "GRANTWAY_ALLOW_LOOPBACK" ||
      /^(GRANTWAY_)?(XAI|MINIMAX)_.*(URL|ISSUER|PROFILE|CLIENT_ID)$/.test(name))
  );
  return replaced.length === 0
    ? { status: "ok", text: "the providers' own" }
    : { status: "warning", text: `replaced by ${replaced.join(", ")}` };
}
