/**
 * What a sweep over everything that is sealed is asked, and what it tells, page by page.
 *
 * @module
 */

/** How many records of each key id. */
export type SealCounts = Record<string, number>;

/** What is asked of a sweep. */
export interface SweepRequest {
  /** Where the page starts; the beginning, without. */
  cursor?: string | undefined;
  /** Whether what an older key has sealed is sealed anew; else it is only counted. */
  isChanging: boolean;
}

/** One page of a sweep. */
export interface SweepPage {
  /** The key that seals. */
  keyId: string;
  /** The other keys of the ring. */
  otherKeyIds: string[];
  /** How many records of this page are sealed with which key. */
  counts: SealCounts;
  /** How many of them were sealed anew now. */
  changed: number;
  /** What could not be read or written, for a person. */
  problems: string[];
  /** When the last record was sealed anew with this key, ms since the epoch; absent before. */
  changedAt?: number | undefined;
  /** Where the next page starts; absent on the last. */
  cursor?: string | undefined;
}
