/**
 * The invariants, checked against what the servers and the disk know and no process does.
 *
 * @module
 */

import type { Bytes, Disk } from "./disk.ts";
import type { AuthorizationServer, IssuedToken } from "./server.ts";

/** What a check needs to know of a process. */
export interface CheckedProcess {
  name: string;
  isAlive: boolean;
  /** Keys it is writing just now, and what for. */
  writing: Map<string, Purpose>;
}

/** Who writes a key. */
export type Purpose = "keeper" | "edit" | "login" | "logout";

/** One refresh request on its way. */
export interface SentRequest {
  process: CheckedProcess;
  token: IssuedToken;
  /** True time. */
  sentAt: number;
  /** When its client was done with it or gone, monotonic. */
  endedAt?: number;
  /** Whether the client knows that it spent nothing. */
  isUnspent?: boolean;
  /** Whether it was granted without a new refresh token. */
  isRenewal?: boolean;
  /** What the server issued for it. */
  rotation?: IssuedToken;
}

/** The clocks and counters that checks read. */
export interface CheckedWorld {
  now: number;
  monotonicNow(): number;
  wallSteps: readonly number[];
  /** Whether calls of the disk failed, other than for want of room. */
  hasDiskErrors: boolean;
  /** Whether somebody removed lock files. */
  hasUnlinked: boolean;
  /** Whether somebody holds the document's lock. */
  isWriting(): boolean;
  disk: Disk;
  server: AuthorizationServer;
  violate(id: string, detail: string): void;
}

export const MAIN = "/home/auth.json";
export const SPARE = "/home/auth.json.spare";

const PROBE_DELAY_MS = 12_000;
const MIN_SPACING_MS = 2_000;
const WINDOW_MS = 10 * 60_000;
const MAX_PER_WINDOW = 12;
/** What a refresh may change of a credential. */
const KEEPERS_FIELDS = new Set([
  "tokens",
  "expiresAt",
  "issuedAt",
  "refreshedAt",
  "generation",
  "intent",
  "lastError",
  "status",
]);
const SECRET = /[AR]T-f\d/;

interface CheckedCredential {
  text: string;
  fields: Record<string, unknown>;
  generation: number;
  attempt: number;
  isDead: boolean;
  refreshToken: string | undefined;
  accessToken: string | undefined;
}

/** A whole document, taken apart. */
interface CheckedDocument {
  credentials: Map<string, CheckedCredential>;
  /** Everything else, by key. */
  rest: Map<string, string>;
}

const decoder = new TextDecoder();

/** A document taken apart; null when it is none. */
function parse(bytes: Bytes): CheckedDocument | null {
  if (bytes[0] !== 0x7b) return null;
  let document: CheckedDocument | null = null;
  try {
    const { digest: _, providers, ...rest } = JSON.parse(decoder.decode(bytes));
    document = { credentials: new Map(), rest: new Map() };
    for (const [provider, list] of Object.entries(providers)) {
      for (const fields of list as Record<string, unknown>[]) {
        const tokens = fields.tokens as Record<string, string> | null | undefined;
        document.credentials.set(`credential/${provider}/${fields.id}`, {
          text: JSON.stringify(fields),
          fields,
          generation: fields.generation as number,
          attempt: (fields.intent as { attempt: number } | undefined)?.attempt ?? 0,
          isDead: fields.status === "dead",
          refreshToken: tokens?.refreshToken,
          accessToken: tokens?.accessToken,
        });
      }
    }
    const { records, ...fields } = rest;
    for (const [key, value] of Object.entries(records)) {
      document.rest.set(key, JSON.stringify(value));
    }
    document.rest.set("", JSON.stringify(fields));
  } catch {
    // Torn, or not a document.
  }
  return document;
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

export class Checks {
  readonly #world: CheckedWorld;
  readonly requests: SentRequest[] = [];
  /** Tokens whose content was fsynced at some time. */
  readonly #durable = new Set<string>();
  readonly #loggedOut = new Set<string>();
  /** What each document was written for; a roll-forward finishes somebody else's. */
  readonly #purposes = new WeakMap<Bytes, ReadonlyMap<string, Purpose>>();
  /** The main document as the last check left it. */
  #main: Bytes | undefined;
  readonly #parsed = new Map<Bytes, CheckedDocument | null>();
  /** A full disk took the room that was reserved; nobody could know better. */
  isRoomLost = false;

  constructor(world: CheckedWorld) {
    this.#world = world;
  }

  #parse(bytes: Bytes | undefined | null): CheckedDocument | null {
    if (bytes === undefined || bytes === null) return null;
    let document = this.#parsed.get(bytes);
    if (document === undefined) {
      document = parse(bytes);
      this.#parsed.set(bytes, document);
    }
    return document;
  }

  /** What is stored before anybody starts. */
  start(): void {
    this.#main = this.#world.disk.entries.get(MAIN)?.bytes;
    this.#noteDurable(this.#main);
  }

  // Requests ------------------------------------------------------------------------------------

  /** The first byte leaves. */
  onSend(process: CheckedProcess, token: IssuedToken): SentRequest {
    const world = this.#world;
    const request: SentRequest = { process, token, sentAt: world.now };
    const { family } = token;

    for (const other of this.requests) {
      if (other.token.family !== family) continue;
      if (other.endedAt === undefined && other.process.isAlive) {
        world.violate("I1", `${process.name} sends while ${other.process.name} has a request out`);
      }
      if (other.token === token && !other.isUnspent && other.endedAt !== undefined) {
        const gapMs = world.monotonicNow() - other.endedAt;
        if (gapMs < PROBE_DELAY_MS - 1) {
          world.violate("I3", `${token.value} again ${gapMs} ms after its last sender`);
        }
      }
      const sinceMs = world.now - other.sentAt;
      if (sinceMs < MIN_SPACING_MS && !this.#hasStepped(other.sentAt)) {
        world.violate("I14", `${family.name} again after ${sinceMs} ms`);
      }
    }
    const recent = this.requests.filter((other) =>
      other.token === token && other.sentAt > world.now - WINDOW_MS
    );
    const steps = world.wallSteps.filter((at) => at > world.now - WINDOW_MS).length;
    if (recent.length >= MAX_PER_WINDOW * (1 + steps)) {
      world.violate("I14", `${token.value} ${recent.length + 1} times in ten minutes`);
    }
    if (token.successors.some(({ value }) => this.#durable.has(value))) {
      world.violate("I2", `${token.value} is sent after its successor was durable`);
    }

    const stored = this.#find(world.disk.durableEntries.get(MAIN)?.durable, token.value);
    const intent = stored?.fields.intent as { generation: number } | undefined;
    if (stored === undefined || intent?.generation !== stored.generation) {
      world.violate("I4", `${token.value} is sent without a durable intent`);
    } else {
      const attempts = this.requests.filter((other) => other.token === token && !other.isUnspent);
      if (stored.attempt <= attempts.length - 1) {
        world.violate("I3", `attempt ${stored.attempt} of ${token.value} has no mark of its own`);
      }
    }
    this.requests.push(request);
    return request;
  }

  #hasStepped(since: number): boolean {
    return this.#world.wallSteps.some((at) => at >= since);
  }

  /** The client has its answer, or gave up. */
  onEnd(request: SentRequest, excuse?: string): void {
    if (request.endedAt !== undefined) return;
    request.endedAt = this.#world.monotonicNow();
    if (excuse !== undefined && request.rotation !== undefined) request.token.excuse ??= excuse;
  }

  /** The same refresh token begins another generation. */
  onRenewal(token: IssuedToken): void {
    for (const request of this.requests) if (request.token === token) request.isUnspent = true;
  }

  /** The server saw a spent token: somebody's fault, unless its successor could not be kept. */
  onReuse(request: SentRequest): void {
    const { token } = request;
    // Who has the answer and no room for it keeps the lease, which somebody may have removed.
    const isUnsaved = this.#world.hasUnlinked &&
      this.requests.some(({ process, rotation }) =>
        process.isAlive && rotation?.isReceived && token.successors.includes(rotation) &&
        !this.#durable.has(rotation.value)
      );
    if (isUnsaved) token.excuse ??= "lock removed";
    if (token.excuse === undefined && token.family.excuse === undefined) {
      this.#world.violate("LOSS", `${token.value} is spent twice, and its successor was at hand`);
    }
  }

  /** What the process received and did not save is gone with it. */
  onKill(process: CheckedProcess): void {
    this.#forget((request) => request.process === process, "killed", this.#world.disk);
    this.#checkRoom();
  }

  /** Whoever dies before it reserved room leaves none. */
  #checkRoom(): void {
    const { entries } = this.#world.disk;
    const needed = entries.get(MAIN)?.bytes.length ?? 0;
    if ((entries.get(SPARE)?.allocated ?? 0) < needed + 1024) this.isRoomLost = true;
  }

  onPowerCut(): void {
    const { disk } = this.#world;
    this.#forget(() => true, "power cut", disk);
    this.#checkRoom();
    const main = disk.entries.get(MAIN);
    if (main !== undefined && this.#parse(main.bytes) === null) {
      this.#world.violate("I9", "the document is torn after a power cut");
    }
    this.#main = main?.bytes;
    // What survived is what there is.
    this.#noteDurable(main?.bytes);
  }

  #forget(isGone: (request: SentRequest) => boolean, excuse: string, disk: Disk): void {
    for (const request of this.requests) {
      if (!isGone(request)) continue;
      request.endedAt ??= this.#world.monotonicNow();
      const value = request.rotation?.value;
      if (value === undefined || request.token.excuse !== undefined) continue;
      const spare = disk.entries.get(SPARE)?.bytes;
      // A spare file that was overwritten in part may still look like a document.
      const isKept = this.#find(disk.entries.get(MAIN)?.bytes, value) !== undefined ||
        (spare !== undefined && this.#purposes.has(spare) &&
          this.#find(spare, value) !== undefined);
      if (!isKept && !this.#durable.has(value)) request.token.excuse = excuse;
    }
  }

  /** A process ends although it could not save. */
  onUnsavedExit(process: CheckedProcess): void {
    if (this.#world.hasDiskErrors || this.isRoomLost) {
      this.#forget((request) => request.process === process, "disk failed", this.#world.disk);
    }
  }

  // The disk ------------------------------------------------------------------------------------

  onWrite(process: CheckedProcess, bytes: Bytes): void {
    // Who finishes somebody else's write writes the same bytes again.
    if (bytes[0] === 0x7b && !this.#purposes.has(bytes)) {
      this.#purposes.set(bytes, new Map(process.writing));
    }
  }

  onSync(path: string): void {
    this.#noteDurable(this.#world.disk.entries.get(path)?.bytes);
  }

  /** A writer is told that its write is durable. */
  onWritten(process: CheckedProcess): void {
    const { entries, durableEntries } = this.#world.disk;
    const main = entries.get(MAIN);
    // Somebody else may be writing again already; then nobody can tell.
    const isSame = main === durableEntries.get(MAIN) && main?.bytes === main?.durable;
    if (!isSame && !this.#world.isWriting()) {
      this.#world.violate("I9", `${process.name} is told that its write is durable, and it is not`);
    }
  }

  #noteDurable(bytes: Bytes | undefined): void {
    for (const credential of this.#parse(bytes)?.credentials.values() ?? []) {
      if (credential.refreshToken) this.#durable.add(credential.refreshToken);
      if (credential.accessToken) this.#durable.add(credential.accessToken);
    }
  }

  /** An answer did not fit on a full disk. */
  onNoRoom(process: CheckedProcess, bytes: Bytes): void {
    if (bytes[0] !== 0x7b) {
      this.isRoomLost = true;
      return;
    }
    const waits = this.requests.some(({ process: sender, rotation }) =>
      sender === process && rotation?.isReceived && !this.#durable.has(rotation.value)
    );
    if (waits && !this.isRoomLost && !this.#world.hasDiskErrors) {
      this.#world.violate("I5", `no room for the answer that ${process.name} has`);
    }
  }

  /** Readers see another document. */
  onMainChanged(writer: CheckedProcess): void {
    const world = this.#world;
    const bytes = world.disk.entries.get(MAIN)?.bytes;
    const before = this.#parse(this.#main), after = this.#parse(bytes);
    const purposes = this.#purposes.get(bytes!) ?? writer.writing;
    this.#main = bytes;
    if (after === null) {
      world.violate("I9", `${writer.name} leaves a document that is not whole`);
      return;
    }
    if (before === null) return;
    const changed: string[] = [];
    for (const key of new Set([...before.rest.keys(), ...after.rest.keys()])) {
      if (before.rest.get(key) !== after.rest.get(key)) changed.push(key);
    }
    for (const [key, next] of after.credentials) {
      const stored = before.credentials.get(key);
      if (stored === undefined) {
        changed.push(key);
        if (this.#loggedOut.has(key)) world.violate("L14", `${key} is back after a logout`);
      } else if (stored.text !== next.text) {
        changed.push(key);
        this.#compare(key, stored, next, purposes.get(key));
      }
    }
    for (const key of before.credentials.keys()) {
      if (after.credentials.has(key)) continue;
      changed.push(key);
      if (purposes.get(key) === "logout") this.#loggedOut.add(key);
      else world.violate("I7", `${writer.name} loses ${key}`);
    }
    if (changed.length > 1 || changed[0] === "") {
      world.violate("I8", `${writer.name} changes ${changed.join(", ")} at once`);
    }
  }

  #compare(
    key: string,
    stored: CheckedCredential,
    next: CheckedCredential,
    purpose: Purpose | undefined,
  ): void {
    const world = this.#world;
    const isLogin = purpose === "login";
    if (next.generation < stored.generation) {
      world.violate("I6", `${key} from generation ${stored.generation} to ${next.generation}`);
    } else if (next.generation === stored.generation) {
      const isBack = (stored.isDead && !next.isDead) ||
        (next.attempt > 0 && next.attempt < stored.attempt);
      if (isBack) world.violate("I6", `${key} goes back to an earlier state`);
      if (next.refreshToken !== undefined && next.refreshToken !== stored.refreshToken) {
        world.violate("I6", `${key} gets another token within generation ${next.generation}`);
      }
    }
    if (next.isDead && !stored.isDead) {
      const token = world.server.tokens.get(stored.refreshToken!);
      if (!token?.isRejected) world.violate("I7", `${key} ends without the server's word`);
    }
    for (const field of new Set([...Object.keys(stored.fields), ...Object.keys(next.fields)])) {
      const isUnknown = field.startsWith("x-");
      if (isLogin ? !isUnknown : KEEPERS_FIELDS.has(field)) continue;
      if (field === "label" && purpose === "edit") continue;
      if (!isSame(stored.fields[field], next.fields[field])) {
        world.violate("I8", `${purpose ?? "nobody"} changes ${field} of ${key}`);
      }
    }
  }

  #find(bytes: Bytes | undefined | null, refreshToken: string): CheckedCredential | undefined {
    for (const credential of this.#parse(bytes)?.credentials.values() ?? []) {
      if (credential.refreshToken === refreshToken) return credential;
    }
    return undefined;
  }

  // Callers -------------------------------------------------------------------------------------

  /** A bearer is handed out; `isDegraded` when its keeper calls it unsaved, warned and kept the lease. */
  onHandOut(process: CheckedProcess, accessToken: string, isDegraded: boolean): void {
    if (!this.#durable.has(accessToken) && !isDegraded) {
      this.#world.violate("I5", `${process.name} hands out ${accessToken} before it is durable`);
    }
  }

  /** What people see. */
  onMessage(text: string): void {
    if (SECRET.test(text)) this.#world.violate("I12", text);
  }

  /** The refresh token stored under `key`; `undefined` when nothing usable is. */
  storedToken(key: string): IssuedToken | undefined {
    const value = this.#parse(this.#main)?.credentials.get(key)?.refreshToken;
    return value === undefined ? undefined : this.#world.server.tokens.get(value);
  }

  credentialKeys(): string[] {
    return [...this.#parse(this.#main)?.credentials.keys() ?? []];
  }

  /** At the end: how many logins are lost; each of them must have an excuse. */
  findLosses(expected: Iterable<string>): number {
    const { server } = this.#world;
    let losses = 0;
    for (const key of expected) {
      if (this.#loggedOut.has(key)) continue;
      const credential = this.#parse(this.#main)?.credentials.get(key);
      if (credential === undefined) {
        this.#world.violate("LOSS", `${key} is gone`);
        continue;
      }
      const token = server.tokens.get(credential.refreshToken ?? "");
      if (token !== undefined && server.isLive(token)) continue;
      losses++;
      // Of a dead one, I7 and the server's own word were checked when it died.
      if (token === undefined || token.excuse !== undefined || this.#isExcused(token)) continue;
      this.#world.violate("LOSS", `${key} cannot be refreshed with ${token.value} any more`);
    }
    return losses;
  }

  /** A revoked family is excused by whichever of its tokens came back with an excuse. */
  #isExcused(token: IssuedToken): boolean {
    if (token.family.excuse !== undefined) return true;
    for (const other of this.#world.server.tokens.values()) {
      if (other.family === token.family && other.isRejected && other.excuse !== undefined) {
        return true;
      }
    }
    return false;
  }
}
