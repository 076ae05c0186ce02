import { once } from "node:events";
import { connect } from "node:net";
import { Duplex } from "node:stream";
import { connect as tlsConnect } from "node:tls";
import { Agent, request } from "undici";
import { beforeEach, describe, expect, it } from "vitest";
import { adviceOn } from "../../src/cli/sandbox/advice.js";
import { SandboxLog } from "../../src/cli/sandbox/log.js";
import { FAULT_NAMES, type Sandbox, type SandboxEvent, startSandbox } from "../../src/sandbox/index.js";
import { Canaries } from "../leaks/canaries.js";
import { Partner } from "./partner.js";

const AT = "2026-11-23T10:20:30+09:00";

describe("the live log", () => {
  let lines: { ja: string[]; en: string[] };
  beforeEach(() => {
    lines = { ja: [], en: [] };
  });
  const start = (options = {}): Promise<Sandbox> => {
    const logs = { ja: new SandboxLog("ja", false), en: new SandboxLog("en", false) };
    return startSandbox({
      ...options,
      onEvent: event => {
        for (const language of ["ja", "en"] as const) lines[language].push(...logs[language].lines(event));
      },
    });
  };
  /** What came after the time. */
  const said = (language: "ja" | "en" = "en") => lines[language].map(line => line.replace(/^\d\d:\d\d:\d\d {2}/, ""));

  it("tells of a link, a charge and the end of a grant, a line each", async () => {
    await using sandbox = await start();
    const partner = new Partner(sandbox, "fapi2-message-signing");
    const tokens = await partner.link("saburo");
    const { access_token: token, refresh_token: refreshToken = "" } = tokens;
    await partner.debit(token, { amount: 1980, partnerTransactionId: "order-1" }, "key");
    await partner.debit(token, { amount: 1980, partnerTransactionId: "order-1" }, "key");
    await partner.call("/direct-debits?partnerTransactionId=order-1", { token });
    await partner.call("/accounts/acc-saburo-ordinary/balance", { token });
    await partner.call("/accounts/acc-saburo-ordinary/transactions?dateFrom=2000-01-01", { token });
    await partner.refresh(refreshToken);
    const grants = sandbox.apiBaseUrl.replace("/v1", "/grants");
    await partner.call(`${grants}/${tokens.grant_id}/extensions`, { token, json: { expiresAt: "2031-01-02" } });
    await partner.call(`${grants}/${tokens.grant_id}`, { token, method: "DELETE" });
    await partner.close();

    const client = "fapi2-message-signing";
    const { kid } = sandbox.client(client).signing;
    expect(said()).toEqual([
      "200  -                      metadata read",
      expect.stringMatching(
        `^TLS  ${client}  client certificate presented: CN=partner-${client},O=minna-baas sandbox \\(x5t#S256 .{10}…\\)$`,
      ),
      `201  ${client}  PAR received signed ES256 kid=${kid}`,
      `303  ${client}  authorization opened in a browser`,
      `200  ${client}  login page shown`,
      `303  ${client}  login by saburo`,
      `200  ${client}  consent page shown`,
      `303  ${client}  consent given by saburo balance transactions deposits identity debit → code sent to the partner by JARM`,
      "200  -                      the bank's public keys read",
      `200  ${client}  code exchanged for tokens`,
      `201  ${client}  debit posted 1,980 yen reference=order-1 → processing`,
      `201  ${client}  debit posted 1,980 yen reference=order-1 → processing (same idempotency key: the same debit as before)`,
      `200  ${client}  debit looked up 1,980 yen reference=order-1 → succeeded`,
      `200  ${client}  balance read`,
      `200  ${client}  transactions read 10 rows`,
      `200  ${client}  token refreshed`,
      `201  ${client}  grant extended → 2031-01-02T23:59:59+09:00`,
      `204  ${client}  grant revoked`,
    ]);
    expect(said("ja")).toContain(`201  ${client}  口座振替 1,980円 reference=order-1 → processing`);
    expect(said("ja")).toContain(`303  ${client}  ログイン: saburo`);
    expect(lines.ja).toHaveLength(lines.en.length);
  });

  it("says why something was refused, and what to do", async () => {
    await using sandbox = await start();
    const partner = new Partner(sandbox, "fapi2-security");
    const refused = (promise: Promise<unknown>) => expect(promise).rejects.toThrow();
    await refused(partner.begin({ redirect_uri: "http://localhost:4000/cb?token=CANARY" }));
    expect(said().at(-1)).toBe(
      "400  fapi2-security         PAR received not signed [invalid_request: redirect_uri did not match any of the " +
        "client's registered redirect_uris] ▶ http://localhost:4000/cb is not registered; start the sandbox with " +
        "--redirect-uri http://localhost:4000/cb",
    );
    expect(said("ja").at(-1)).toMatch(/--redirect-uri http:\/\/localhost:4000\/cb を付けて/);

    const { url } = await partner.begin();
    await sandbox.decline(url, { customer: "taro" });
    expect(said().at(-1)).toBe(
      "303  fapi2-security         consent declined by taro → error sent to the partner by query [access_denied: the customer did not allow it]",
    );
    const approved = await partner.begin();
    await sandbox.approve(approved.url);
    await refused(sandbox.approve(approved.url));
    expect(said().at(-1)).toMatch(/▶ the authorization URL is too old, or was used already/);

    const { access_token: token } = await partner.link("taro");
    await partner.debit(token, { amount: 500, partnerTransactionId: "order-2" });
    expect(said().at(-1)).toMatch(/debit posted 500 yen reference=order-2 → failed \(insufficient_funds\)$/);
    sandbox.faults.on("debit-commit-then-drop", { times: 1 });
    await refused(partner.debit(token, { amount: 1, partnerTransactionId: "order-3" }));
    expect(said().at(-1)).toMatch(/^--- .*reference=order-3 → succeeded \(dropped without an answer\)$/);
    await partner.call("/identity", { token: "unknown" });
    expect(said().at(-1)).toMatch(/▶ the access token has expired, or is none of this sandbox's/);

    for (const [certificate, advice] of [
      ["none", /MINNA_CERT_FILE and MINNA_KEY_FILE/],
      [sandbox.issueCertificate({ trusted: false }), /the client certificate is not of this sandbox/],
      [sandbox.issueCertificate({ notAfter: new Date(Date.now() - 1000) }), /the client certificate has expired/],
    ] as const) {
      const stranger = new Partner(sandbox, "fapi2-security", certificate);
      await refused(stranger.call("/accounts"));
      expect(said().at(-1)).toMatch(/^--- {2}- +TLS handshake refused \[\w+\] ▶/);
      expect(said().at(-1)).toMatch(advice);
      await stranger.close();
    }
    const other = new Partner(sandbox, "fapi1-advanced", sandbox.client("fapi2-security").certificate);
    await refused(other.begin());
    expect(said().at(-1)).toMatch(/▶ the certificate is another client's/);
    await Promise.all([partner.close(), other.close()]);
  });

  it("says where somebody does not trust the sandbox's certificate", async () => {
    await using sandbox = await start();
    await distrust(Number(new URL(sandbox.apiBaseUrl).port));
    await expect
      .poll(() => said())
      .toEqual([expect.stringMatching(/TLS handshake refused \[.*\] ▶ the other side does not trust/)]);
  });

  it.each([46, 48])("says once that a browser warns of the certificate (alert %i), as is expected", async alert => {
    let now = Date.parse(AT);
    await using sandbox = await start({ now: () => now });
    const { port } = new URL(sandbox.issuer);
    const refusals = () => sandbox.events.filter(({ method }) => method === "TLS").length;
    for (const [times, later] of [
      [3, 1_000],
      [1, 60_000],
    ] as const) {
      const before = refusals();
      for (let time = 0; time < times; time++) {
        now += later;
        await distrust(Number(port), alert);
      }
      await expect.poll(refusals).toBe(before + times);
    }
    const line = /^--- {2}- +browser shows its certificate warning \(expected: go on\) ▶ where it was no browser/;
    expect(said()).toEqual([expect.stringMatching(line), expect.stringMatching(line)]);
    expect(said("ja")[0]).toContain("ブラウザが証明書の警告を表示(想定どおり。続行してください)");
    expect(lines.en.map(text => text.slice(0, 8))).toEqual(["10:20:31", "10:21:33"]);
  });

  it("tells the pages apart that a customer can end on", async () => {
    await using sandbox = await start();
    const partner = new Partner(sandbox, "fapi2-security");
    const browser = new Browser(sandbox.ca);
    const last = async (language: "ja" | "en", words: string) =>
      await expect.poll(() => said(language).at(-1)).toContain(words);

    const { url } = await partner.begin();
    const login = await browser.open(url.href);
    await browser.open(login, "customer=jiro&password=wrong");
    await last("en", "401  fapi2-security         login failed: wrong id or password");
    await last("ja", "ログイン失敗: ID かパスワードが違います");
    const obstacle = await browser.open(login, "customer=jiro&password=sandbox-jiro");
    await last(
      "en",
      "200  fapi2-security         no consent page: the customer is told that the account can't be linked",
    );
    await last("ja", "同意の画面の代わりに、連携できない口座であることを表示");
    await browser.open(obstacle, "decision=deny");
    await last("en", "error sent to the partner");
    await browser.open(obstacle);
    await last("en", "410  fapi2-security         back on a page of a journey that is over");
    await last("ja", "終わった手続きの画面へのアクセス");

    const consent = await browser.open(
      await browser.open((await partner.begin()).url.href),
      "customer=hanako&password=sandbox-hanako",
    );
    await browser.open(consent, "decision=allow");
    await last("en", "400  fapi2-security         consent page: nothing was chosen");
    const stranger = new Browser(sandbox.ca);
    await stranger.open(`${sandbox.issuer}/interaction/unknown`);
    await last("en", "400  -                      on a page that has expired");
    await Promise.all([partner.close(), browser.close(), stranger.close()]);
  });

  it("has no secret in it, whatever goes wrong", async () => {
    const canaries = new Canaries();
    await using sandbox = await start();
    for (const profile of ["fapi1-advanced", "fapi2-security", "fapi2-message-signing"] as const) {
      const partner = new Partner(sandbox, profile);
      const { certificate, ...client } = sandbox.client(profile);
      canaries.addKey("private key", certificate.key);
      if ("signing" in client) canaries.addKey("private key", client.signing.key);
      const { url, checks } = await partner.begin();
      for (const [name, value] of Object.entries({ ...checks, ...Object.fromEntries(url.searchParams) })) {
        if (name !== "client_id") canaries.add(name, value);
      }
      const callback = await sandbox.approve(url);
      for (const name of ["code", "state"]) canaries.add(name, new URL(callback).searchParams.get(name));
      canaries.addJwt("response", new URL(callback).searchParams.get("response"));
      const tokens = await partner.complete(callback, checks);
      for (const name of ["access_token", "refresh_token", "grant_id"] as const) canaries.add(name, tokens[name]);
      canaries.addJwt("id_token", tokens.id_token);
      const { access_token: token, refresh_token: refreshToken = "" } = tokens;
      const identity = (await partner.call("/identity", { token })).json;
      for (const part of [identity.name, identity.nameKana, identity.birthDate, identity.phoneNumber]) {
        canaries.add("personal data", part);
      }
      const headers = { "x-fapi-customer-ip-address": "192.0.2.77" };
      canaries.add("address", headers["x-fapi-customer-ip-address"]);
      for (const step of [
        () => partner.call("/accounts", { token, headers }),
        () => partner.debit(token),
        () => partner.debit(token, { partnerTransactionId: `${token} ${token}` }),
        () => partner.call(`/somewhere/${token}`, { token }),
        () => partner.call(`${sandbox.issuer}/${token}?access_token=${token}`),
        () => partner.call(`/accounts?access_token=${token}`),
        () => partner.call("/accounts", { token: `${token}.` }),
        () => partner.refresh(refreshToken),
        () => partner.refresh(token),
        () => partner.begin({ redirect_uri: `https://impostor.example/?code=${token}` }),
        () => partner.begin({ state: token, scope: token, nonce: token, response_mode: token }),
        () => partner.complete(callback, checks),
        () => sandbox.approve(url),
      ]) {
        await step().catch(() => {});
      }
      for (const name of FAULT_NAMES) {
        if (!/^(api|debit|refresh|token)-/.test(name)) continue;
        sandbox.faults.on(name, { times: 1 });
        await partner.debit(token).catch(() => {});
        await partner.refresh(refreshToken).catch(() => {});
        sandbox.faults.off();
      }
      await partner.close();
    }
    expect([...canaries.kinds]).toEqual(
      expect.arrayContaining(["access_token", "refresh_token", "code", "expectedState", "request_uri", "private key"]),
    );
    expect(lines.en.length).toBeGreaterThan(100);
    for (const text of [lines.en, lines.ja].map(list => list.join("\n"))) expect(canaries.foundIn(text)).toEqual([]);
  }, 60_000);

  it("has colours where it is told to, and lets nobody else bring them", () => {
    const event: SandboxEvent = {
      at: AT,
      channel: "mtls",
      endpoint: "par",
      method: "POST",
      path: "/par",
      status: 400,
      certificate: "x".repeat(43),
      certificateSubject: "CN=\u001b[2J\nimpostor",
      clientId: "partner-\u001b[31m",
      detail: { signed: "ES256", kid: "\u001b[31m", error: "invalid_request", reason: "line\nline\u009b\u202e" },
    };
    const plain = new SandboxLog("en", false).lines(event);
    expect(plain).toEqual([
      "10:20:30  TLS  ?[31m                  client certificate presented: CN=?[2J?impostor (x5t#S256 xxxxxxxxxx…)",
      "10:20:30  400  ?[31m                  PAR received signed ES256 [invalid_request: line?line??]",
    ]);
    const painted = new SandboxLog("en", true).lines(event).at(-1) ?? "";
    expect(painted).toContain("\u001b[31m400\u001b[0m");
    expect(painted.split("\u001b")).toHaveLength(5);
  });

  it("advises nothing that a shell would read otherwise", () => {
    const detail = { error: "", reason: "redirect_uri did not match", redirectUri: "https://x.example/$(reboot);'&" };
    for (const text of Object.values(adviceOn({ detail } as unknown as SandboxEvent) ?? {})) {
      expect(text).toContain("--redirect-uri 'https://x.example/$(reboot);'\\''&'");
    }
  });

  it("has advice in both languages, without an end to each sentence", () => {
    const event = (reason: string) => ({ detail: { error: "", reason } }) as unknown as SandboxEvent;
    expect(adviceOn(event("nothing that is known"))).toBeUndefined();
    for (const reason of ["HTTP_REQUEST", "CERT_NOT_YET_VALID", "PKCE", "x5t#S256", "client not found"]) {
      const { ja, en } = adviceOn(event(reason)) ?? { ja: "", en: "" };
      expect(ja).toMatch(/\p{Script=Hiragana}/u);
      expect(en).toMatch(/^[\x20-\x7e]+[^.]$/);
    }
  });
});

/** Follows redirects at the bank, with its cookies. */
class Browser {
  readonly #dispatcher: Agent;
  readonly #jar = new Map<string, string>();

  constructor(ca: string) {
    this.#dispatcher = new Agent({ connect: { ca } });
  }

  /** Resolves with the address of the page, or of the partner. */
  async open(url: string, form?: string): Promise<string> {
    const cookie = [...this.#jar].map(pair => pair.join("=")).join("; ");
    const { headers, body } = await request(url, {
      dispatcher: this.#dispatcher,
      method: form === undefined ? "GET" : "POST",
      headers: { cookie, "content-type": "application/x-www-form-urlencoded" },
      body: form ?? null,
    });
    await body.dump();
    for (const line of [headers["set-cookie"] ?? []].flat()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      this.#jar.set(name, value);
    }
    if (headers["location"] === undefined) return url;
    const next = new URL(String(headers["location"]), url);
    return next.origin === new URL(url).origin ? this.open(next.href) : next.href;
  }

  close(): Promise<void> {
    return this.#dispatcher.close();
  }
}

/** Ends a handshake with an alert, unknown_ca (48) for one, as browsers and curl do. Node's client goes without a word. */
async function distrust(port: number, alert = 48): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1" });
  const wire = new Duplex({ read() {}, write: (bytes, _encoding, done) => void socket.write(bytes, () => done()) });
  const greeting = tlsConnect({ socket: wire, maxVersion: "TLSv1.2" }).on("error", () => {});
  await once(socket, "data");
  socket.end(Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, alert]));
  await once(socket.resume(), "close");
  greeting.destroy();
}
