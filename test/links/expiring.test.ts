import { expect, test } from "vitest";
import { StoreError } from "../../src/errors.js";
import { expiringLinks } from "../../src/links/expiring.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import { writeLink } from "../../src/links/record.js";
import { rejection } from "../support/errors.js";
import { configuration } from "../support/options.js";
import { contextTo, linkRecord, openAccess, registered } from "../support/stub-rooms.js";

const DAY = 86_400_000;

test("a link that can't be read hides no other, of which the bank has told the end or not", async () => {
  const store = new MemoryStore();
  const now = Date.now();
  const labels = { "grant-ends": new Date(now - DAY).toISOString() };
  await store.put("link:lnk_0", "{", { version: 0, labels });
  await writeLink(store, linkRecord({ id: "lnk_1", grantExpiresAt: now + DAY }), 0);
  await writeLink(store, linkRecord({ id: "lnk_2", grantExpiresAt: now + 9 * DAY }), 0);
  for (const id of ["lnk_3", "lnk_4", "lnk_5"]) await writeLink(store, linkRecord({ id }), 0);
  const { server, resources } = contextTo(() => ({ status: 500, headers: {}, body: "", thumbprint: "" }));
  const rooms = { configuration: configuration("fapi2-security"), server, resources, access: openAccess() };
  const ends = { lnk_3: now + 2 * DAY, lnk_4: undefined, lnk_5: "ended" } as const;
  const found: string[] = [];
  const listing = async () => {
    const ask = async (id: string) => ends[id as keyof typeof ends];
    for await (const { id, expired } of expiringLinks(now + 7 * DAY, registered(rooms, store), store, ask)) {
      found.push(`${id} ${expired}`);
    }
  };
  await rejection(listing(), StoreError);
  expect(found).toEqual(["lnk_1 false", "lnk_3 false", "lnk_5 true"]);
});
