/** What the client tells on its channels, and what OpenTelemetry makes of it, over the whole journey. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { instrumentMinna, traceInteractionId } from "../../src/otel/index.js";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { committing } from "../attacks/attack.js";
import { Telemetry } from "../otel/telemetry.js";
import { type Heard, Listener } from "../support/listen.js";
import { PROFILES } from "../support/partner.js";
import { charge, link, use, watched } from "./journey.js";
import { keepWatch } from "./watch.js";

const watch = keepWatch();
/** What the journey's customer is known by here, and what no id is to be told of. */
const NOBODYS_BUSINESS = /u-42|acc-hanako|[?&]\w+=|CANARY/;

describe.each(PROFILES)("%s: the channels and what is made of them show nothing", profile => {
  let bank: Sandbox;
  let telemetry: Telemetry;
  let listener: Listener;
  let stop: () => void;
  const told: string[] = [];
  beforeAll(async () => {
    bank = await startSandbox({ signedUserinfo: true, rotateRefreshTokens: true });
    telemetry = new Telemetry();
    stop = instrumentMinna({ ...providersOf(telemetry), storeSpans: true });
    // At every event, as it is then; errors with all that could be printed of them.
    listener = new Listener(undefined, ({ message }: Heard) => {
      watch.print(message);
      told.push(JSON.stringify(message));
      if ("error" in message) watch.said(message.error);
    });
  });
  afterEach(async () => {
    const exported = await telemetry.all();
    watch.said(exported);
    expect(exported).not.toMatch(NOBODYS_BUSINESS);
    expect(told.filter(message => NOBODYS_BUSINESS.test(message))).toEqual([]);
  });
  afterAll(async () => {
    stop();
    listener.stop();
    await telemetry.close();
    await bank.close();
  });

  it("through linking, using, charging, refreshing, recovering, rotating and releasing", async () => {
    const minna = watched(watch, bank, profile, { interactionId: traceInteractionId });
    await minna.ready();
    const handle = await link(watch, bank, minna);
    if (handle === undefined) throw new Error("there is no link");
    await use(watch, handle, "2026-01-01");
    await committing(bank, ["api-token-rejected-once"], () => use(watch, handle));
    for (const fault of [
      "debit-commit-then-drop",
      "debit-answer-unreadable",
      "debit-fails-insufficient_funds",
    ] as const) {
      await committing(bank, [fault], () => charge(watch, handle));
    }
    const order = { reference: `open-${profile}`, amount: 7_654_321, description: "CANARY ｺｳﾆｭｳ ﾎﾝ" };
    bank.faults.on("debit-drop-before-commit", { times: 3 });
    await watch.step(() => handle.debits.create(order));
    for await (const _ of minna.debits.recover());
    const certificate = bank.issueCertificate({ commonName: `partner-${profile}`, notBefore: new Date() });
    await watch.step(() => minna.rotateCertificate({ ...certificate, ca: bank.ca }));
    await watch.step(() => handle.accounts.list());
    for (const faults of [["api-token-rejected-once", "token-response-html"], ["api-html-error"]] as const) {
      await committing(bank, faults, () => watch.step(() => handle.accounts.list()));
    }
    await watch.step(() => handle.grant.revoke());
    await minna.close();
    const channels = new Set(listener.heard.map(({ channel }) => channel));
    expect([...channels].sort()).toEqual(["call", "certificate", "debit", "refresh", "request", "store"]);
    expect(told.join()).not.toContain("7654321");
    expect(told.length).toBeGreaterThan(400);
  });

  it("and there was something to look at", () => {
    expect(watch.errors).toBeGreaterThan(5);
    expect(watch.canaries.size).toBeGreaterThan(100);
    expect(telemetry.spans.length).toBeGreaterThan(100);
  });
});

function providersOf({
  tracerProvider,
  meterProvider,
}: Telemetry): Pick<Telemetry, "tracerProvider" | "meterProvider"> {
  return { tracerProvider, meterProvider };
}
