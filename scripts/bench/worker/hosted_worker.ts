/**
 * What `tests/support/worker_host.ts` tells the benchmark.
 *
 * @module
 */

/** A Worker that runs. */
export interface HostedWorker {
  /** The process of workerd. */
  pid: number;
  /** Its program. */
  program: string;
  /** A client key of the gateway. */
  key: string;
}
