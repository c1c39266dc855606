/** A command that was called wrongly: nothing was touched, exit code 2. */
export class UsageError extends Error {}
