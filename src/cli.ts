/** Program 1. @module */
export {};
