/** Placeholder, replaced by its first part. @module */
export {};
