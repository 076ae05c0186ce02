// What each entry point exports at run time.
import * as main from "minna-baas";
import * as otel from "minna-baas/otel";
import * as postgres from "minna-baas/postgres";
import * as redis from "minna-baas/redis";
import * as sandbox from "minna-baas/sandbox";
import * as testing from "minna-baas/testing";

const entries = { main, otel, postgres, redis, sandbox, testing };
console.log(JSON.stringify(Object.fromEntries(Object.entries(entries).map(([name, all]) => [name, Object.keys(all)]))));
