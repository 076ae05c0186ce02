/** Opens the store in a process of its own. */
import { redisStore } from "minna-baas/redis";
import { createClient } from "redis";

export default async function open() {
  const client = createClient({ url: process.env["MINNA_TEST_REDIS"] });
  client.on("error", () => {});
  return redisStore(await client.connect(), { prefix: process.env["MINNA_TEST_REDIS_PREFIX"] });
}
