/**
 * The frame of every page of the gateway: plain HTML with one style sheet and no script. Every text goes
 * through JSX, which escapes it.
 *
 * Parts of pages are called as functions, not written as elements: those would bring Hono's renderer for
 * components into the Worker, which is larger than all pages.
 *
 * @module
 */

import type { Child } from "hono/jsx";

const STYLE = `
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{margin:0 auto;max-width:44rem;padding:1.5rem 1rem 4rem}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin:2.5rem 0 .5rem}
header{align-items:center;display:flex;flex-wrap:wrap;gap:.5rem 1rem;justify-content:space-between}
ul{list-style:none;padding:0}li{border-top:1px solid #8886;padding:.75rem 0}
form{align-items:end;display:flex;flex-wrap:wrap;gap:.5rem}
label{display:block;max-width:100%;min-width:0}
input,select,button{border:1px solid #888;border-radius:6px;font:inherit;padding:.5rem .8rem}
input,select{box-sizing:border-box;display:block;max-width:100%}
button{cursor:pointer}.primary{background:#0b57d0;border-color:#0b57d0;color:#fff}
.code{font:600 1.6rem/1.3 ui-monospace,monospace;letter-spacing:.06em;overflow-wrap:anywhere}
.muted{opacity:.75}.ok{color:#137333}.warn{color:#a50e0e}
.box{border-left:4px solid #888;margin:1rem 0;padding:.1rem 0 .1rem 1rem}
.qr{background:#fff;display:block;height:auto;margin:1rem 0;max-width:14rem;padding:.5rem;width:100%}
a,code{overflow-wrap:anywhere}summary{cursor:pointer}details form{margin-top:.5rem}
@media(prefers-color-scheme:dark){.ok{color:#81c995}.warn{color:#f28b82}}
`;

/** What hono/jsx renders to. */
export type Page = { toString(): string } | Promise<{ toString(): string }>;

/** The frame. */
export function layout(
  title: string,
  content: Child,
  /** Loads itself again after so many seconds. */
  refreshS?: number,
): Page {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        {refreshS !== undefined && <meta http-equiv="refresh" content={String(refreshS)} />}
        <title>{title} · Grantway</title>
        <style>{STYLE}</style>
      </head>
      <body>{content}</body>
    </html>
  );
}

/** A page as a response, under a policy that allows its style sheet and its own forms alone. */
export async function htmlResponse(
  page: Page,
  { status = 200, cookies = [] }: { status?: number; cookies?: readonly string[] } = {},
): Promise<Response> {
  const nonce = crypto.randomUUID();
  const html = String(await page).replace("<style>", `<style nonce="${nonce}">`);
  const headers = new Headers({
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": [
      "default-src 'none'",
      `style-src 'nonce-${nonce}'`,
      "form-action 'self'",
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ].join("; "),
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    // With `no-referrer` browsers would send the forms with `origin: null`.
    "referrer-policy": "same-origin",
  });
  for (const cookie of cookies) headers.append("set-cookie", cookie);
  return new Response(`<!DOCTYPE html>${html}`, { status, headers });
}
