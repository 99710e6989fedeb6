/**
 * The admin page: log in, who is signed in, client keys. It works without a script.
 *
 * @module
 */

import { PROVIDERS } from "../../providers/catalog.ts";
import type { AdminAccount } from "../admin/accounts.ts";
import { ADMIN, type ApiKeyVariable } from "../admin/options.ts";
import type { ClientKey } from "../client_keys.ts";
import type { Child } from "hono/jsx";
import { layout, type Page } from "./layout.tsx";
import {
  adminPage,
  failureBox,
  form,
  type FormTokens,
  instant,
  type ShownFailure,
} from "./parts.tsx";

/** Asks for the admin token. */
export function loginPage(tokens: FormTokens, failure?: string): Page {
  const fields = (
    <>
      {/* For what keeps passwords: it wants a name for each. */}
      <input name="username" value="admin" autocomplete="username" hidden />
      <label>
        Admin token
        <input type="password" name="token" required autocomplete="current-password" autofocus />
      </label>
      <button class="primary" type="submit">Log in</button>
    </>
  );
  return layout(
    "Log in",
    <main>
      <h1>Grantway gateway</h1>
      {failure === undefined ? "" : failureBox({ message: failure })}
      {form(tokens, `${ADMIN}/login`, fields)}
      <p class="muted">It is the secret GRANTWAY_ADMIN_TOKEN of this gateway.</p>
    </main>,
  );
}

function statusLine({ credential, status, coolDown }: AdminAccount) {
  const { expiresAt } = credential;
  const isGood = status.state === "valid" || status.state === "refreshable";
  const words = {
    valid: expiresAt === null ? "valid" : `valid until ${instant(expiresAt)}, then refreshed`,
    refreshable: "signed in; the next use refreshes its access token",
    uncertain: "uncertain: a refresh has no known outcome yet",
    needs_login: "needs a new login",
  };
  const more = [
    ...(status.state === "needs_login" ? [` (${status.reason})`] : []),
    ...(coolDown === undefined
      ? []
      : [`; rests until ${instant(coolDown.until)}: ${coolDown.message}`]),
  ];
  return (
    <div>
      <span class={isGood ? "ok" : "warn"}>{words[status.state]}</span>
      <span class="muted">{more.join("")}</span>
    </div>
  );
}

/** What the front page shows. */
export interface Overview {
  /** The accounts. */
  accounts: readonly AdminAccount[];
  /** API keys from variables. */
  apiKeys: readonly ApiKeyVariable[];
  /** The client keys. */
  keys: readonly ClientKey[];
  /** What went wrong with what was asked for last. */
  failure?: ShownFailure | undefined;
}

/** Everything at a glance. */
export function overviewPage(tokens: FormTokens, overview: Overview): Page {
  const { accounts, apiKeys, keys, failure } = overview;
  const content = (
    <>
      {failure === undefined ? "" : failureBox(failure)}
      <h2>Accounts</h2>
      {accounts.length + apiKeys.length === 0 ? <p>Nobody is signed in.</p> : ""}
      <ul>
        {accounts.map((account) => accountRow(tokens, account))}
        {apiKeys.map(({ provider, variable }) => namedRow(variable, `${provider}, API key`, ""))}
      </ul>
      <h2>Sign in</h2>
      {form(tokens, `${ADMIN}/sign-ins`, signInFields())}
      <h2>Client keys</h2>
      {keys.length === 0 ? <p>No client key: every request of a client is refused.</p> : ""}
      <ul>{keys.map((key) => keyRow(tokens, key))}</ul>
      {form(
        tokens,
        `${ADMIN}/keys`,
        <>
          <label>
            New client key, called
            <input name="name" required maxlength={64} placeholder="laptop" autocomplete="off" />
          </label>
          <button type="submit">Create</button>
        </>,
      )}
      <p class="muted">
        A change may take a minute to be seen everywhere. Keys with a scope, limits or an end:{" "}
        <code>grantway gateway keys create --remote</code>
      </p>
    </>
  );
  return adminPage(tokens, { title: "Gateway", heading: "Grantway gateway" }, content);
}

/** Something with a name, and what can be done with it. */
function namedRow(name: string, about: string, content: Child) {
  return (
    <li>
      <strong>{name}</strong>
      <span class="muted">{` ${about}`}</span>
      {content}
    </li>
  );
}

/** A button that is one step away. */
function dangerous(
  tokens: FormTokens,
  action: string,
  { summary, button, fields }: {
    summary: string;
    button: string;
    fields: Readonly<Record<string, string>>;
  },
) {
  const content = (
    <>
      {Object.entries(fields).map(([name, value]) => (
        <input type="hidden" name={name} value={value} />
      ))}
      <button type="submit">{button}</button>
    </>
  );
  return (
    <details>
      <summary>{summary}</summary>
      {form(tokens, action, content)}
    </details>
  );
}

function accountRow(tokens: FormTokens, account: AdminAccount) {
  const { provider, id, label, region } = account.credential;
  const content = (
    <>
      {statusLine(account)}
      {dangerous(tokens, `${ADMIN}/accounts/remove`, {
        summary: "Sign out…",
        button: `Sign out of ${label}`,
        fields: { provider, id },
      })}
    </>
  );
  return namedRow(label, `${provider}, region ${region}`, content);
}

function keyRow(tokens: FormTokens, { id, name, createdAt, expiresAt }: ClientKey) {
  const end = expiresAt === undefined ? "" : `, ends ${instant(expiresAt)}`;
  const content = dangerous(tokens, `${ADMIN}/keys/revoke`, {
    summary: "Revoke…",
    button: `Revoke ${name}`,
    fields: { id },
  });
  return namedRow(name, `${id}, made ${instant(createdAt)}${end}`, content);
}

function signInFields() {
  const targets = PROVIDERS.filter(({ oauth }) => oauth !== undefined)
    .flatMap(({ id, name, regions }) =>
      regions.map((region) => ({
        value: `${id}/${region.id}`,
        text: regions.length > 1 ? `${name}, ${region.name}` : name,
      }))
    );
  return (
    <>
      <label>
        Provider
        <select name="target">
          {targets.map(option)}
        </select>
      </label>
      <label>
        Your name for it
        <input name="label" maxlength={64} placeholder="optional" autocomplete="off" />
      </label>
      <button class="primary" type="submit">Sign in</button>
    </>
  );
}

function option({ value, text }: { value: string; text: string }) {
  return <option value={value}>{text}</option>;
}

/** Shows a new key, this once. */
export function newKeyPage(tokens: FormTokens, name: string, secret: string): Page {
  const content = (
    <>
      <p>Copy it now: it is shown this once, and whoever has it can use your subscription.</p>
      <p class="code">{secret}</p>
      <p>
        <a href={ADMIN}>Done</a>
      </p>
    </>
  );
  return adminPage(tokens, { title: "New client key", heading: `Client key ${name}` }, content);
}

/** What cannot be shown. */
export function failurePage(failure: ShownFailure): Page {
  return layout(
    "Grantway",
    <main>
      <h1>Grantway gateway</h1>
      {failureBox(failure)}
      <p>
        <a href={ADMIN}>Overview</a>
      </p>
    </main>,
  );
}
