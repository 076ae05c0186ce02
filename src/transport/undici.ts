/**
 * undici, imported so that the application around this package keeps its own `fetch`.
 *
 * @module
 */
// First: undici makes its own agent the one of the whole process, unless there is one already.
import "./built-in-fetch.js";

export { buildConnector, type Dispatcher, Pool } from "undici";
