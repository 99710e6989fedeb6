/**
 * The page of a sign-in: what to approve, then whose account it is.
 *
 * @module
 */

import { raw } from "hono/html";
import type { Child } from "hono/jsx";
import type { SignInView } from "../../credentials/sign_in_record.ts";
import { findProvider } from "../../providers/catalog.ts";
import { ADMIN } from "../admin/options.ts";
import type { Page } from "./layout.tsx";
import { adminPage, failureBox, form, type FormTokens, instant } from "./parts.tsx";

/** How often the page of a sign-in that waits loads itself again, s. */
const REFRESH_S = 3;

/**
 * One sign-in.
 *
 * @param qr The page to approve it on, as an SVG; of ours, and of nothing but squares.
 */
export function signInPage(tokens: FormTokens, signIn: SignInView, qr: string | undefined): Page {
  const { state, error, notification } = signIn;
  const name = findProvider(signIn.provider)?.shortName ?? signIn.provider;
  const isMoving = state === "waiting" || state === "storing";
  const content = (
    <>
      {stageOf(tokens, signIn, name, qr)}
      {error === undefined ? "" : failureBox(error)}
      {notification === undefined ? "" : <p>{`${name} says: ${notification}`}</p>}
      <p>
        <a href={ADMIN}>{state === "stored" || state === "failed" ? "Done" : "Overview"}</a>
      </p>
    </>
  );
  const title = `Sign in to ${name}`;
  return adminPage(tokens, { title, ...(isMoving ? { refreshS: REFRESH_S } : {}) }, content);
}

function stageOf(
  tokens: FormTokens,
  signIn: SignInView,
  name: string,
  qr: string | undefined,
): Child {
  const { state, credential, isReplacement } = signIn;
  switch (state) {
    case "waiting":
      return waiting(tokens, signIn, qr);
    case "approved":
      return approved(tokens, signIn, name);
    case "storing":
      return <p>It is being stored…</p>;
    case "stored": {
      const place = isReplacement ? ", in place of the earlier login" : "";
      return <p class="ok">{`Signed in as ${credential?.label}${place}.`}</p>;
    }
    case "failed":
      return "";
  }
}

function waiting(tokens: FormTokens, signIn: SignInView, qr: string | undefined) {
  const { userCode, verificationUrl, isOpenable, expiresAt } = signIn.code!;
  const clientName = findProvider(signIn.provider)?.oauth?.clientName;
  const strange = "This page is not on a host of the provider's: look at it before you open it";
  return (
    <>
      {isOpenable
        ? (
          <p>
            <a href={verificationUrl} target="_blank" rel="noopener noreferrer">
              {verificationUrl}
            </a>
          </p>
        )
        : failureBox({ message: strange, hint: verificationUrl })}
      <p class="code">{userCode}</p>
      {qr === undefined ? "" : raw(qr)}
      <p>
        {`Approve it there, with the account that this gateway shall use. The page shows the same code, and names the app "${clientName}": its client id is used. The code is good until ${
          instant(expiresAt)
        }.`}
      </p>
      {form(
        tokens,
        `${ADMIN}/sign-ins/${signIn.id}/cancel`,
        <button type="submit">Cancel</button>,
      )}
    </>
  );
}

function approved(tokens: FormTokens, signIn: SignInView, name: string) {
  const { id, account, code, confirmBy } = signIn;
  const confirm = (
    <>
      {account === undefined ? "" : <input type="hidden" name="account" value={account.id} />}
      <button class="primary" type="submit">This is my account: use it</button>
    </>
  );
  return (
    <>
      <p>It was approved. Nothing uses it before you confirm it:</p>
      <div class="box">
        {account === undefined
          ? (
            <p>
              {`${name} does not say whose account it is. Go on only if you have approved the code `}
              <strong>{code?.userCode}</strong> yourself.
            </p>
          )
          : (
            <p>
              Account: <strong>{account.label}</strong>
              <span class="muted">{` ${account.id}`}</span>
            </p>
          )}
      </div>
      <p>
        Everything that clients ask will go through this account, and may be kept in its history.
      </p>
      {form(tokens, `${ADMIN}/sign-ins/${id}/confirm`, confirm)}
      <p></p>
      {form(
        tokens,
        `${ADMIN}/sign-ins/${id}/cancel`,
        <button type="submit">Discard it</button>,
      )}
      <p class="muted">
        {confirmBy === undefined ? "" : `It is given up at ${instant(confirmBy)}.`}
      </p>
    </>
  );
}
