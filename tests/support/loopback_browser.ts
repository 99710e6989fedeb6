/**
 * A browser in front of the sandbox's consent page, and a loopback port that exists only for it.
 *
 * @module
 */

import type { BindLoopback } from "../../src/oauth/loopback.ts";

/** A loopback port without a socket. */
export interface FakePort {
  bind: BindLoopback;
  /** Ports that were asked for. */
  wanted: number[];
  /** Whether it is held. */
  isOpen: () => boolean;
  /** Visits an address there, as a page of `origin` or by navigation. */
  visit: (url: string, origin?: string) => Response;
}

/** Creates a {@linkcode FakePort}; `port` is what is free. */
export function createFakePort(port = 56121): FakePort {
  let handler: ((request: Request) => Response) | undefined;
  let isOpen = false;
  const wanted: number[] = [];
  return {
    wanted,
    isOpen: () => isOpen,
    bind: (wantedPort) => {
      wanted.push(wantedPort);
      isOpen = true;
      return Promise.resolve({
        port,
        serve: (handle) => void (handler = handle),
        close: () => {
          isOpen = false;
          return Promise.resolve();
        },
      });
    },
    visit: (url, origin) => {
      if (!isOpen || handler === undefined) throw new TypeError("connection refused");
      const { host } = new URL(url);
      return handler(
        new Request(url, { headers: { host, ...(origin !== undefined && { origin }) } }),
      );
    },
  };
}

/** Where a consent page leads. */
export interface Consent {
  /** The callback that the browser is led to, or that the page calls; absent for a bare code. */
  callback?: string | undefined;
  /** Whether the page calls it by `fetch`. */
  isFetched: boolean;
  /** The code that the page shows. */
  shown?: string | undefined;
}

/** Goes to the authorization page, answers the consent form, and reports where that leads. */
export async function answerConsent(
  fetch: typeof globalThis.fetch,
  authorizeUrl: string,
  decision: "approved" | "denied" = "approved",
): Promise<Consent> {
  let url = new URL(authorizeUrl);
  let response = await fetch(url, { redirect: "manual" });
  for (let step = 0; step < 6; step++) {
    if (response.status >= 300 && response.status <= 399) {
      const target = new URL(response.headers.get("location")!, url);
      if (target.pathname === "/callback") return { callback: target.href, isFetched: false };
      url = target;
      response = await fetch(url, { redirect: "manual" });
      continue;
    }
    const page = await response.text();
    const form = /<form method="post" action="([^"]+)"/.exec(page);
    if (form === null) {
      const callback = /data-callback="([^"]+)"/.exec(page)?.[1]?.replaceAll("&amp;", "&");
      const shown = /<code id="code">([^<]+)</.exec(page)?.[1];
      if (callback === undefined && shown === undefined) {
        throw new Error(`the page leads nowhere: ${response.status} ${page}`);
      }
      return { callback, isFetched: callback !== undefined, shown };
    }
    const body = new URLSearchParams({ decision });
    for (const [, name, value] of page.matchAll(/type="hidden" name="(\w+)" value="([^"]*)"/g)) {
      body.set(name!, value!);
    }
    url = new URL(form[1]!, url);
    response = await fetch(url, { method: "POST", body, redirect: "manual" });
  }
  throw new Error("the pages lead in a circle");
}
