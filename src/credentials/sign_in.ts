/**
 * One sign-in that an administrator begins, and confirms when it is known whose account it brings.
 *
 * It is never in one place for long: every step leaves all that is known in a storage, with the instant
 * at which the next step is due, and whoever is woken then goes on. Nobody waits in between.
 *
 * What was granted is kept, and used by nobody, until it is confirmed: whoever else may have approved the
 * code with an account of their own, the administrator sees whose it is first (RFC 9700 4.7, BCP 247).
 * What is given up is revoked, where the provider offers that.
 *
 * @module
 */

import { GrantwayError } from "../core/errors.ts";
import { resolveRuntime, type RuntimeOptions } from "../core/runtime.ts";
import { findProvider } from "../providers/catalog.ts";
import { type EndpointOverrides, findRegion } from "../providers/endpoints.ts";
import type { Provider, Region } from "../providers/provider.ts";
import type { CredentialOwner } from "./credential.ts";
import { withoutSecrets } from "./credential_status.ts";
import type { CredentialStore } from "./credential_store.ts";
import type { LoginGrant } from "./login_options.ts";
import {
  createLoginSteps,
  type LoginSteps,
  nextStepAt,
  type PendingLogin,
} from "./pending_login.ts";
import { revokeCredential } from "./revoke.ts";
import {
  createSignInRecord,
  describe,
  parseSignInRecord,
  type SignInRecord,
  type SignInRequest,
  type SignInView,
  type Stage,
  viewOf,
} from "./sign_in_record.ts";
import { type StoredLogin, storeLogin } from "./store_login.ts";

/** Where one sign-in is kept. */
export interface SignInStorage {
  /** What was saved; null when there is nothing. */
  load(): Promise<string | null>;
  /** Saves a text, which is secret, and has {@linkcode SignIn.wake} called at that instant. */
  save(text: string, wakeAt: number): Promise<void>;
  /** Removes everything. */
  clear(): Promise<void>;
}

/** What a sign-in is made of. */
export interface SignInOptions extends Omit<RuntimeOptions, "signal"> {
  /** Its id, unique for ever. */
  id: string;
  /** Id of what it is made on; see {@linkcode CredentialOwner}. */
  host: string;
  /** Where it is kept. */
  storage: SignInStorage;
  /** Where the login goes. */
  credentials: CredentialStore;
  /** What the environment replaces of a provider. */
  overrides: (provider: Provider) => EndpointOverrides | Promise<EndpointOverrides>;
  /** Told what fails nobody. */
  onWarning: (message: string) => void;
}

/** One sign-in. Each method may be called at any time, several at once too. */
export interface SignIn {
  /**
   * Asks the provider for a code.
   *
   * @throws {GrantwayError} What the provider or the store says; nothing is kept then.
   */
  start(request: SignInRequest): Promise<SignInView>;
  /** How far it is; null when there is none. */
  read(): Promise<SignInView | null>;
  /**
   * Stores what was granted. Without effect where that is done or under way.
   *
   * @param account The id of the account that was shown, if any: another one is refused.
   * @throws {GrantwayError} `not_found`, or `invalid_request` when there is nothing to confirm.
   */
  confirm(account: string | undefined): Promise<SignInView>;
  /**
   * Gives it up, and revokes what was granted; false when there is none.
   *
   * @throws {GrantwayError} `invalid_request` when it is being stored.
   */
  cancel(): Promise<boolean>;
  /** Goes on; called when it is due. */
  wake(): Promise<void>;
}

/** Sign-ins by id. The methods are those of {@linkcode SignIn}. */
export interface SignIns {
  /** Begins one. */
  start(request: SignInRequest): Promise<SignInView>;
  /** How far one is. */
  read(id: string): Promise<SignInView | null>;
  /** Confirms one. */
  confirm(id: string, account: string | undefined): Promise<SignInView>;
  /** Gives one up. */
  cancel(id: string): Promise<boolean>;
}

/** How long what was granted waits for its confirmation. */
const CONFIRM_MS = 15 * 60_000;
/** How long one can see how it ended. */
const SHOWN_MS = 15 * 60_000;
/** A store that does not answer is asked so many times, ever later. */
const STORE_TRIES = 12;
const STORE_RETRY_MS = 2_000;
const MAX_STORE_RETRY_MS = 60_000;
/** Longer than a call of the store; then somebody else has to go on. */
const STORE_WATCH_MS = 90_000;

/** Creates the sign-in of that id; nothing is read before it is used. */
export function createSignIn(options: SignInOptions): SignIn {
  const { id, host, storage, credentials, overrides, onWarning } = options;
  const runtime = resolveRuntime(options);
  const { now } = runtime;
  let turn: Promise<unknown> = Promise.resolve();
  let storing: Promise<void> | undefined;
  let opened: { steps: LoginSteps; of: string } | undefined;

  /** One after another; nothing in here waits for the network. */
  function alone<T>(run: () => Promise<T>): Promise<T> {
    const result = turn.then(run);
    turn = result.catch(() => {});
    return result;
  }

  async function load(): Promise<SignInRecord | null> {
    const text = await storage.load();
    return text === null ? null : parseSignInRecord(text);
  }

  /** Goes from `before` to another stage; false when it is not that stage any more. */
  function advance(before: SignInRecord, stage: Stage, wakeAt: number, notification?: string) {
    return alone(async () => {
      const current = await load();
      if (JSON.stringify(current) !== JSON.stringify(before)) return false;
      const { notification: earlier } = before;
      const next = { ...before, stage, wakeAt, notification: notification ?? earlier };
      await storage.save(JSON.stringify(next), wakeAt);
      return true;
    });
  }

  async function stepsOf(
    provider: Provider,
    region: Region,
    { upstream }: SignInRequest,
  ): Promise<LoginSteps> {
    const of = `${provider.id} ${region.id} ${upstream}`;
    if (opened?.of !== of) {
      const own = await overrides(provider);
      const replaced = upstream === undefined ? own : { ...own, upstream };
      opened = {
        of,
        steps: createLoginSteps(provider, region, { ...runtime, overrides: replaced }),
      };
    }
    return opened.steps;
  }

  async function poll(record: SignInRecord, pending: PendingLogin): Promise<void> {
    const { provider, region } = requireTarget(record.request);
    const steps = await stepsOf(provider, region, record.request);
    const step = await steps.poll(pending);
    const at = now();
    switch (step.kind) {
      case "pending": {
        const stage: Stage = { kind: "waiting", pending: step.pending };
        await advance(record, stage, nextStepAt(step.pending, at));
        return;
      }
      case "failed":
        await advance(record, { kind: "failed", error: describe(step.error) }, at + SHOWN_MS);
        return;
      case "granted": {
        // A copy conceals nothing: its tokens go into the storage as they are.
        const grant = { ...step.grant, tokenSet: { ...step.grant.tokenSet, extra: {} } };
        const stage: Stage = { kind: "approved", grant, code: pending.shown };
        const isKept = await advance(record, stage, at + CONFIRM_MS, step.notification);
        // It was given up while the user approved it.
        if (!isKept) await revoke(step.grant);
      }
    }
  }

  async function revoke(grant: LoginGrant): Promise<void> {
    const { accessToken, refreshToken } = grant.tokenSet;
    const provider = findProvider(grant.provider);
    if (provider === undefined) return;
    const given = { ...grant, source: "login", tokens: { accessToken, refreshToken } } as const;
    const outcome = await revokeCredential(provider, given, {
      ...runtime,
      overrides: await overrides(provider),
    });
    if (outcome.kind === "failed") onWarning(outcome.error.message);
  }

  /** Stores what was granted, once: whoever was to do it before may have come to the end. */
  async function store(): Promise<void> {
    const record = await load();
    if (record?.stage.kind !== "storing") return;
    const { stage, request } = record;
    // Who goes on after this instance has ended knows the login by it.
    const owner: CredentialOwner = { host, createdAt: stage.grant.issuedAt };
    let latest = record;
    const aim = async (target: string) => {
      const next: Stage = { ...stage, target };
      const wakeAt = now() + STORE_WATCH_MS;
      if (!await advance(latest, next, wakeAt)) throw new Superseded();
      latest = { ...latest, stage: next, wakeAt };
    };
    try {
      const stored = await findStored(stage, owner) ??
        await storeLogin(aiming(credentials, aim), stage.grant, { label: request.label, owner });
      const { credential, isReplacement } = stored;
      const shown = withoutSecrets(credential);
      await advance(
        latest,
        { kind: "stored", credential: shown, isReplacement },
        now() + SHOWN_MS,
      );
    } catch (error) {
      if (error instanceof Superseded) return;
      await failedToStore(latest, error);
    }
  }

  async function findStored(
    { target, grant }: Stage & { kind: "storing" },
    owner: CredentialOwner,
  ): Promise<StoredLogin | undefined> {
    if (target === undefined) return undefined;
    const credential = await credentials.get(grant.provider, target);
    const isStored = credential?.owner.host === owner.host &&
      credential.owner.createdAt === owner.createdAt;
    if (!isStored) return undefined;
    return { credential, isReplacement: credential.createdAt !== grant.issuedAt };
  }

  async function failedToStore(record: SignInRecord, cause: unknown): Promise<void> {
    const stage = record.stage as Stage & { kind: "storing" };
    const error = describe(cause);
    const tries = stage.tries + 1;
    const isFinal = tries >= STORE_TRIES ||
      (cause instanceof GrantwayError && !cause.retryable);
    if (!isFinal) {
      const waitMs = Math.min(STORE_RETRY_MS * 2 ** stage.tries, MAX_STORE_RETRY_MS);
      await advance(record, { ...stage, tries, error }, now() + waitMs);
      return;
    }
    // What may have been stored must not be ended.
    const isUnknown = stage.target !== undefined;
    if (await advance(record, { kind: "failed", error }, now() + SHOWN_MS) && !isUnknown) {
      await revoke(stage.grant);
    }
  }

  const storeOnce = () => storing ??= store().finally(() => storing = undefined);

  async function view(): Promise<SignInView | null> {
    const record = await load();
    return record && viewOf(id, record);
  }

  async function require(): Promise<SignInRecord> {
    const record = await load();
    if (record !== null) return record;
    throw new GrantwayError("not_found", "There is no such sign-in, or it is long over", {
      hint: "Start it again",
    });
  }

  return {
    start: async (request) => {
      const { provider, region } = requireTarget(request);
      // A store that cannot be used is found out before anybody goes to a browser.
      await credentials.get(provider.id, "none");
      const pending = await (await stepsOf(provider, region, request)).begin();
      const wakeAt = nextStepAt(pending, now());
      const stage: Stage = { kind: "waiting", pending };
      const record = createSignInRecord(request, stage, wakeAt);
      await alone(() => storage.save(JSON.stringify(record), wakeAt));
      return viewOf(id, record);
    },

    read: view,

    confirm: async (account) => {
      const record = await require();
      const { stage } = record;
      if (stage.kind === "waiting" || stage.kind === "failed") {
        throw new GrantwayError(
          "invalid_request",
          stage.kind === "waiting"
            ? "Cannot confirm this sign-in: nobody has approved its code yet"
            : `Cannot confirm this sign-in: it has failed: ${stage.error.message}`,
        );
      }
      if (stage.kind === "approved") {
        if (stage.grant.account?.id !== account) {
          throw new GrantwayError(
            "invalid_request",
            "Cannot confirm this sign-in: it is not of the account that was shown",
          );
        }
        const next: Stage = { kind: "storing", grant: stage.grant, tries: 0 };
        await advance(record, next, now() + STORE_WATCH_MS);
      }
      await storeOnce();
      return viewOf(id, await require());
    },

    cancel: async () => {
      const ended = await alone(async () => {
        const record = await load();
        if (record?.stage.kind === "storing") {
          throw new GrantwayError(
            "invalid_request",
            "Cannot give up this sign-in: it is confirmed and being stored",
          );
        }
        if (record !== null) await storage.clear();
        return record;
      });
      if (ended?.stage.kind === "approved") await revoke(ended.stage.grant);
      return ended !== null;
    },

    wake: async () => {
      const record = await load();
      if (record === null) return;
      const { stage, wakeAt } = record;
      if (now() < wakeAt) {
        await advance(record, stage, wakeAt);
        return;
      }
      switch (stage.kind) {
        case "waiting":
          await poll(record, stage.pending);
          return;
        case "approved": {
          const message = "Nobody confirmed this sign-in in time, so it was given up";
          const next: Stage = { kind: "failed", error: { code: "timeout", message } };
          if (await advance(record, next, now() + SHOWN_MS)) await revoke(stage.grant);
          return;
        }
        case "storing":
          await storeOnce();
          return;
        default:
          await alone(() => storage.clear());
      }
    },
  };
}

/** Somebody else has gone on with this sign-in. */
class Superseded extends Error {}

/** `credentials`, which tells where a login goes before it goes there. */
function aiming(
  credentials: CredentialStore,
  aim: (target: string) => Promise<void>,
): CredentialStore {
  return {
    ...credentials,
    add: async (provider, create) => {
      const wanted = create(await credentials.list(provider));
      if (wanted === undefined) return undefined;
      await aim(wanted.id);
      return await credentials.add(provider, (stored) => {
        const latest = create(stored);
        return latest && { ...latest, id: wanted.id };
      });
    },
    update: async (provider, target, change) => {
      await aim(target);
      return await credentials.update(provider, target, change);
    },
  };
}

function requireTarget(request: SignInRequest): { provider: Provider; region: Region } {
  const provider = findProvider(request.provider);
  const region = provider && findRegion(provider, request.region);
  if (provider?.oauth !== undefined && region !== undefined) return { provider, region };
  throw new GrantwayError("invalid_request", "Cannot sign in: there is no such provider or region");
}
