/**
 * What the pages of the admin side share.
 *
 * @module
 */

import type { Child } from "hono/jsx";
import { ADMIN } from "../admin/options.ts";
import { layout, type Page } from "./layout.tsx";

/** The token of the form that leads to that path. */
export type FormTokens = (path: string) => string;

/** A form that changes something. */
export function form(tokens: FormTokens, action: string, content: Child) {
  return (
    <form method="post" action={action}>
      <input type="hidden" name="form_token" value={tokens(action)} />
      {content}
    </form>
  );
}

/** What went wrong. */
export interface ShownFailure {
  /** For a person. */
  message: string;
  /** What mends it. */
  hint?: string | undefined;
}

/** Says it. */
export function failureBox({ message, hint }: ShownFailure) {
  return (
    <div class="box">
      <p class="warn" role="alert">{message}</p>
      {hint === undefined ? "" : <p>{hint}</p>}
    </div>
  );
}

/** A page for who has logged in. */
export function adminPage(
  tokens: FormTokens,
  { title, heading = title, refreshS }: { title: string; heading?: string; refreshS?: number },
  content: Child,
): Page {
  const page = (
    <>
      <header>
        <h1>{heading}</h1>
        {form(tokens, `${ADMIN}/logout`, <button type="submit">Log out</button>)}
      </header>
      <main>{content}</main>
    </>
  );
  return layout(title, page, refreshS);
}

/** A point in time, to the minute. */
export function instant(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
