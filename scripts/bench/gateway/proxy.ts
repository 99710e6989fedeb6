/**
 * The yardstick: the least that a proxy can do in Deno. It looks at nothing.
 *
 * `deno run --allow-net proxy.ts PORT UPSTREAM`
 *
 * @module
 */

const [port, upstream] = Deno.args;

Deno.serve(
  { hostname: "127.0.0.1", port: Number(port), onListen: () => console.log("ready") },
  async (request) => {
    const { pathname } = new URL(request.url);
    const answer = await fetch(`${upstream}${pathname}`, {
      method: request.method,
      headers: {
        "content-type": "application/json",
        "authorization": "Bearer instead-of-the-clients",
      },
      body: request.body,
    });
    return new Response(answer.body, {
      status: answer.status,
      headers: { "content-type": answer.headers.get("content-type") ?? "" },
    });
  },
);
