/**
 * What must hold of a Durable Object and its login, checked as it happens against what the server, the
 * storage and KV know.
 *
 * @module
 */

import type { Credential } from "../../src/credentials/credential.ts";
import { type Instance, NAME, type ObjectWorld, unseal } from "./object_world.ts";
import type { IssuedToken } from "./server.ts";

const PROBE_DELAY_MS = 12_000;
/** After the last look for an answer. */
const SLACK_MS = 3_000;

/** One presentation. */
export interface ObjectRequest {
  sender: Instance;
  token: IssuedToken;
  at: number;
  endedAt?: number;
  successor?: IssuedToken;
  isReceived?: boolean;
}

/** What the storage has. */
interface StoredRow {
  sealed: string;
}

/** A record as it is stored. */
interface StoredRecord {
  generation: number;
  credential: Credential | null;
}

export class ObjectChecks {
  readonly requests: ObjectRequest[] = [];
  rotations = 0;
  reuses = 0;
  handedOut = 0;
  adopted = 0;
  /** Generations whose bearer upstream has refused. */
  readonly refused = new Set<number>();
  #generation = -1;
  readonly #world: ObjectWorld;
  /** Refresh tokens that are kept, and where. */
  readonly #inStorage = new Set<string>();
  readonly #inKv = new Map<string, string>();
  /** Refresh tokens that KV was given, whatever came of it. */
  readonly #triedInKv = new Set<string>();

  constructor(world: ObjectWorld) {
    this.#world = world;
  }

  /** What is stored now. */
  record(): StoredRecord | undefined {
    const text = unseal((this.#world.stored["record"] as StoredRow | undefined)?.sealed);
    return text === "" ? undefined : JSON.parse(text);
  }

  onMessage(message: string): void {
    if (/[AR]T-f\d/.test(message)) this.#world.violate("I12", message);
    if (/Took the answer/.test(message)) this.adopted++;
  }

  onStored(): void {
    const record = this.record();
    if (record === undefined) return;
    if (record.generation < this.#generation) {
      this.#world.violate("I6", `generation ${record.generation} after ${this.#generation}`);
    }
    this.#generation = record.generation;
    const token = record.credential?.tokens?.refreshToken;
    if (token !== undefined) this.#inStorage.add(token);
  }

  /** Something is about to be written to the storage: KV must have been given it before. */
  onPut(entries: Record<string, unknown>): void {
    const text = unseal((entries["record"] as StoredRow | undefined)?.sealed);
    const token = text === "" ? undefined : JSON.parse(text).credential?.tokens?.refreshToken;
    if (token !== undefined && !this.#triedInKv.has(token)) {
      this.#world.violate("ORDER", `${token} is stored before KV was given it`);
    }
  }

  onKvTry(value: string | null): void {
    const text = unseal(value);
    const token = text === "" ? undefined : JSON.parse(text).credential?.tokens?.refreshToken;
    if (token !== undefined) this.#triedInKv.add(token);
  }

  onKvWrite(key: string, value: string | null): void {
    const text = unseal(value);
    if (key.startsWith("grant/")) {
      const token = text === "" ? undefined : JSON.parse(text).credential?.tokens?.refreshToken;
      if (token !== undefined) this.#inKv.set(token, key);
    } else if (/RT-|refreshToken/.test(text)) {
      this.#world.violate("I11", `${key} holds a refresh token`);
    }
    if (value !== null && /[AR]T-f/.test(value)) this.#world.violate("K09", `${key} is plain`);
  }

  /** A refresh token is about to leave. */
  onSend(sender: Instance, sent: Credential, token: IssuedToken): ObjectRequest {
    const world = this.#world;
    const { now } = world;
    const stored = this.record()?.credential?.intent;
    if (
      stored?.generation !== sent.intent?.generation || stored?.attempt !== sent.intent?.attempt
    ) world.violate("I4", `${token.value} leaves without a durable intent`);

    const { expiresAt, issuedAt, generation } = sent;
    const isDue = world.wallNow() >= issuedAt + (expiresAt! - issuedAt) / 2;
    if (!isDue && !this.refused.has(generation)) {
      world.violate("R09", `generation ${generation} is refreshed although it is fresh`);
    }
    for (const other of this.requests) {
      if (other.token !== token) continue;
      if (other.endedAt === undefined && other.sender.isAlive) {
        world.violate("I1", `${token.value} is sent while it is under way`);
      }
      if (now - other.at < PROBE_DELAY_MS) {
        world.violate("I3", `${token.value} is sent again after ${now - other.at} ms`);
      }
      if (other.isReceived) this.#checkSpent(sender, other.successor!);
    }
    const recent = this.requests.filter(({ at }) => at > now - 600_000 && at <= now);
    if (recent.filter((one) => one.token === token).length >= 12) {
      world.violate("I14", `${token.value} is sent more than 12 times in 10 minutes`);
    }
    if (this.requests.some(({ at }) => now - at < 1_999)) {
      world.violate("I14", "two requests within 2 s");
    }
    const request: ObjectRequest = { sender, token, at: now };
    this.requests.push(request);
    return request;
  }

  /** A token is sent whose successor somebody had: that must be beyond reach. */
  #checkSpent(sender: Instance, successor: IssuedToken): void {
    const world = this.#world;
    if (this.#inStorage.has(successor.value)) {
      world.violate("I2", `the successor ${successor.value} is in the storage`);
    }
    const key = this.#inKv.get(successor.value);
    if (key === undefined) return;
    const visibleAt = Math.min(
      ...world.kv.get(key)!.writes.map((write) => write.visibleAt[sender.place]!),
    );
    if (visibleAt <= world.now - SLACK_MS) {
      world.violate("I2", `the successor ${successor.value} was to be seen in KV`);
    } else {
      successor.excuse ??= "KV late";
    }
  }

  onEnd(request: ObjectRequest): void {
    request.endedAt ??= this.#world.now;
  }

  onRotated(sender: Instance, request: ObjectRequest, successor: IssuedToken): void {
    this.rotations++;
    request.successor = successor;
    if (!sender.isAlive || request.endedAt !== undefined) request.token.excuse ??= "sender gone";
  }

  onReceived(_sender: Instance, request: ObjectRequest): void {
    request.isReceived = true;
  }

  onRejected(request: ObjectRequest, isReuse: boolean): void {
    if (!isReuse) return;
    this.reuses++;
    const { token } = request;
    const excuse = token.excuse ?? token.successors.map((one) => one.excuse).find(Boolean);
    if (excuse === undefined) {
      this.#world.violate("REUSE", `${token.value} is spent twice, and need not have been`);
    }
    token.family.excuse ??= excuse!;
  }

  /** An instance is gone, and with it what only its memory had. */
  onDeath(instance: Instance): void {
    for (const request of this.requests) {
      if (request.sender !== instance || request.successor === undefined) continue;
      const { value } = request.successor;
      if (this.#inStorage.has(value) || this.#inKv.has(value)) continue;
      request.token.excuse ??= "killed with the only copy";
    }
  }

  /** An isolate got an access token. */
  onHandOut(accessToken: string, isUnsaved: boolean): void {
    this.handedOut++;
    const world = this.#world;
    for (const token of world.server.tokens.values()) {
      if (token.accessToken !== accessToken) continue;
      const isKept = this.#inStorage.has(token.value) || this.#inKv.has(token.value);
      if (!isKept && !isUnsaved) {
        world.violate("I5", `${accessToken} is handed out, and ${token.value} not kept`);
      }
    }
  }

  /** Whether an answer is under way, or about to be stored. */
  isBusy(): boolean {
    return this.requests.some(({ sender, endedAt, successor, isReceived }) =>
      sender.isAlive &&
      (endedAt === undefined || (isReceived && !this.#inStorage.has(successor!.value)))
    );
  }

  /** At the end: why the login is lost; there must be a reason. Undefined where it lives. */
  findLoss(): string | undefined {
    const { server } = this.#world;
    const credential = this.record()?.credential;
    if (credential == null) {
      this.#world.violate("LOSS", `${NAME.id} is gone`);
      return "gone";
    }
    const token = server.tokens.get(credential.tokens?.refreshToken ?? "");
    if (token !== undefined && server.isLive(token)) return undefined;
    // Of one that the server has rejected, nothing is stored any more.
    for (const one of server.tokens.values()) {
      const reason = one.excuse ?? one.family.excuse;
      if (reason !== undefined && one.spentAt !== undefined) return reason;
    }
    this.#world.violate("LOSS", "it cannot be refreshed any more");
    return "none";
  }
}
