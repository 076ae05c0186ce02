/**
 * Lets Node load the `fetch` that it has built in, with the dispatcher that goes with it.
 *
 * @module
 */
void globalThis.Response;
