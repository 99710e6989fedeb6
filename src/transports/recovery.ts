/**
 * Mending requests that an API refused, and remembering what it refuses.
 *
 * @module
 */

import type { TransportError } from "../core/errors.ts";
import type { GenerateRequest } from "../protocols/event.ts";
import type { Recovery } from "../providers/provider.ts";

/** What an API was seen to refuse. */
interface Lesson {
  recovery: Recovery;
  match: RegExpExecArray;
}

/** The recoveries of one request; each refusal is answered once. */
export interface RequestRecovery {
  /** The request without what was refused; `undefined` where nothing can be mended. */
  mend(request: GenerateRequest, error: TransportError): GenerateRequest | undefined;
}

/** The recoveries of one provider. What they teach holds as long as this object lives. */
export class Recoveries {
  readonly #recoveries: readonly Recovery[];
  /** By model. */
  readonly #lessons = new Map<string, Lesson[]>();

  constructor(recoveries: readonly Recovery[] = []) {
    this.#recoveries = recoveries;
  }

  /** The request without what is known to be refused. */
  prepare(request: GenerateRequest): GenerateRequest {
    const lessons = this.#lessons.get(request.model) ?? [];
    return lessons.reduce(
      (mended, { recovery, match }) => recovery.mend(mended, match) ?? mended,
      request,
    );
  }

  /** Recoveries for one request. */
  begin(): RequestRecovery {
    const answered = new Set<string>();
    return {
      mend: (request, error) => {
        if (error.code !== "invalid_request") return undefined;
        for (const recovery of this.#recoveries) {
          const match = recovery.pattern.exec(error.message);
          const mended = match === null || answered.has(match[0])
            ? undefined
            : recovery.mend(request, match);
          if (match === null || mended === undefined) continue;
          answered.add(match[0]);
          if (recovery.isLasting) this.#learn(request.model, { recovery, match });
          return mended;
        }
        return undefined;
      },
    };
  }

  #learn(model: string, lesson: Lesson): void {
    this.#lessons.set(model, [...this.#lessons.get(model) ?? [], lesson]);
  }
}
