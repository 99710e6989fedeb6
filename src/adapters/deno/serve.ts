/**
 * An HTTP server of this process.
 *
 * @module
 */

import { GrantwayError } from "../../core/errors.ts";

/** Serves on `host`; throws `invalid_configuration` when the address cannot be had. */
export function serve(
  handler: (request: Request) => Response | Promise<Response>,
  { port, host = "127.0.0.1" }: { port: number; host?: string },
): { origin: string; close: (signal?: AbortSignal) => Promise<void> } {
  const server = listen();
  return {
    origin: `http://${host.includes(":") ? `[${host}]` : host}:${server.addr.port}`,
    close: async (signal) => {
      const ended = Promise.withResolvers<void>();
      signal?.addEventListener("abort", () => ended.resolve(), { once: true });
      if (signal?.aborted) ended.resolve();
      // Answers that are still open end with the process.
      await Promise.race([server.shutdown(), ended.promise]);
    },
  };

  function listen(): Deno.HttpServer<Deno.NetAddr> {
    try {
      return Deno.serve({ hostname: host, port, onListen: () => {} }, handler);
    } catch (error) {
      const refusal = explain(error);
      if (refusal === undefined) throw error;
      throw new GrantwayError("invalid_configuration", refusal.message, {
        cause: error,
        hint: refusal.hint,
      });
    }
  }

  function explain(error: unknown): { message: string; hint?: string } | undefined {
    if (error instanceof Deno.errors.AddrInUse) {
      return {
        message: `Cannot listen on port ${port}: it is taken`,
        hint: "Choose another one with --port, or 0 for a free one",
      };
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      return {
        message: `Cannot listen on port ${port}: the system does not allow it`,
        hint: "Choose one above 1023 with --port",
      };
    }
    // Windows and others word an address that is not this machine's each in their own way.
    if (error instanceof Deno.errors.AddrNotAvailable || error instanceof Deno.errors.Http) {
      return { message: `Cannot listen on ${host}: it is no address of this machine` };
    }
    return undefined;
  }
}
