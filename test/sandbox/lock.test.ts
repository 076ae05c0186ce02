import { mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { takeLock } from "../../src/sandbox/keeping/lock.js";

/** A port of the loopback interface where nobody answers. */
const SILENT = JSON.stringify({ pid: 2 ** 22 + 1, port: 1, id: "dead" });

async function lockOfTheDead(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "minna-baas-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "sandbox.lock"), SILENT);
  return folder;
}

it.each([1, 2, 3])("has one heir, however many come for a dead one's lock at once (%i)", async () => {
  const folder = await lockOfTheDead();
  const taken = await Promise.all(Array.from({ length: 8 }, () => takeLock(join(folder, "sandbox.lock"))));
  const held = taken.filter(lock => lock !== undefined);
  expect(held).toHaveLength(1);
  expect(await readdir(folder)).toEqual(["sandbox.lock"]);
  held[0]?.release();
  expect(await readdir(folder)).toEqual([]);
});

it("is not kept out by who was killed while clearing a lock away", async () => {
  const folder = await lockOfTheDead();
  const turn = join(folder, "sandbox.lock.turn");
  await writeFile(turn, "");
  await utimes(turn, new Date(0), new Date(0));
  const lock = await takeLock(join(folder, "sandbox.lock"));
  expect(lock).toBeDefined();
  expect(await readdir(folder)).toEqual(["sandbox.lock"]);
  lock?.release();
});
