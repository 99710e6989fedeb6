/**
 * Sessions of the admin page: what a browser shows instead of the admin token once that was typed in.
 *
 * A session is a random id with an end, authenticated by a key that is derived from the admin token: a
 * new token ends them all. One that was logged out of stands in the store until it would have ended.
 * Forms carry a token that is made of the session and of where they lead.
 *
 * Before the token is typed in, a browser has a session of another kind, which opens nothing but the
 * form for that. Logging in makes a new one: nobody can have chosen its id before.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc6265 | RFC 6265}
 * @module
 */

import { decodeBase64Url, encodeBase64Url } from "../../core/base64url.ts";
import type { Secret } from "../../core/secret.ts";
import type { KvStore } from "../../credentials/kv_store.ts";

/** What a session opens. */
export type SessionKind = "admin" | "visitor";

/** A session. */
export interface Session {
  /** What it opens. */
  kind: SessionKind;
  /** 128 random bits. */
  id: string;
  /** When it ends, ms since the epoch. */
  endsAt: number;
}

/** The sessions of one gateway. */
export interface Sessions {
  /** A new session. */
  begin(kind: SessionKind): Session;
  /** The `set-cookie` that gives a session to a browser. */
  cookie(session: Session): Promise<string>;
  /** The session of that kind that a request shows; undefined without one that is good. */
  read(request: Request, kind: SessionKind): Promise<Session | undefined>;
  /** Ends a session; the `set-cookie` that takes it from the browser. */
  end(session: Session): Promise<string>;
  /** The token of a form of that session that leads to `path`. */
  formToken(session: Session, path: string): Promise<string>;
  /** Whether a form was given that token. */
  isFormToken(session: Session, path: string, token: string): Promise<boolean>;
}

const LIFETIME_MS = 60 * 60_000;
const ID_BYTES = 16;
// The prefix has browsers take it from this very host alone, over TLS, for every path.
const COOKIES: Readonly<Record<SessionKind, string>> = {
  admin: "__Host-grantway-admin",
  visitor: "__Host-grantway-visitor",
};
const ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Strict";

/** Creates the sessions that go with an admin token. */
export function createSessions(
  token: Secret,
  { store, now }: { store: KvStore; now: () => number },
): Sessions {
  const encoder = new TextEncoder();
  let imported: Promise<CryptoKey> | undefined;

  function key(): Promise<CryptoKey> {
    return imported ??= crypto.subtle.importKey(
      "raw",
      encoder.encode(token.expose()),
      { name: "HMAC", hash: "SHA-256" },
      false,
      ["sign", "verify"],
    );
  }

  async function sign(text: string): Promise<string> {
    const bytes = await crypto.subtle.sign("HMAC", await key(), encoder.encode(text));
    return encodeBase64Url(new Uint8Array(bytes));
  }

  async function isSigned(text: string, signature: string): Promise<boolean> {
    if (!/^[\w-]{43}$/.test(signature)) return false;
    const bytes = decodeBase64Url(signature);
    return await crypto.subtle.verify("HMAC", await key(), bytes, encoder.encode(text));
  }

  // What is signed always begins with what it is for.
  const sessionText = ({ kind, id, endsAt }: Session) => `session ${kind} ${id} ${endsAt}`;
  const formText = (session: Session, path: string) => `form ${session.id} ${path}`;
  const endedKey = ({ id }: Session) => `admin/ended_session/${id}`;

  return {
    begin: (kind) => ({
      kind,
      id: encodeBase64Url(crypto.getRandomValues(new Uint8Array(ID_BYTES))),
      endsAt: now() + LIFETIME_MS,
    }),

    cookie: async (session) => {
      const { kind, id, endsAt } = session;
      const value = `${id}.${endsAt}.${await sign(sessionText(session))}`;
      return `${COOKIES[kind]}=${value}; Max-Age=${LIFETIME_MS / 1_000}; ${ATTRIBUTES}`;
    },

    read: async (request, kind) => {
      const shown = (request.headers.get("cookie") ?? "").split(/; */)
        .filter((cookie) => cookie.startsWith(`${COOKIES[kind]}=`));
      // Two of one name: one of them is not ours.
      if (shown.length !== 1) return undefined;
      const [id = "", end = "", signature = ""] = shown[0]!.slice(COOKIES[kind].length + 1)
        .split(".");
      if (!/^[\w-]{22}$/.test(id) || !/^\d{1,15}$/.test(end)) return undefined;
      const session: Session = { kind, id, endsAt: Number(end) };
      if (session.endsAt <= now() || !await isSigned(sessionText(session), signature)) {
        return undefined;
      }
      const isOver = kind === "admin" && await store.get(endedKey(session)) !== null;
      return isOver ? undefined : session;
    },

    end: async (session) => {
      await store.put(endedKey(session), "ended", { expiresAt: session.endsAt });
      return `${COOKIES[session.kind]}=; Max-Age=0; ${ATTRIBUTES}`;
    },

    formToken: (session, path) => sign(formText(session, path)),
    isFormToken: (session, path, formToken) => isSigned(formText(session, path), formToken),
  };
}
