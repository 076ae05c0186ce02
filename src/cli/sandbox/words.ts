/**
 * What an event of the sandbox was, in words.
 *
 * @module
 */
import type { SandboxEvent } from "../../sandbox/index.js";
import type { Bilingual } from "../language.js";

type Words = (event: SandboxEvent) => Bilingual | undefined;

/** `undefined` for a step whose outcome is the next event. */
export function wordsFor(event: SandboxEvent): Bilingual | undefined {
  if (isBrowserWarning(event)) {
    return {
      ja: "ブラウザが証明書の警告を表示(想定どおり。続行してください)",
      en: "browser shows its certificate warning (expected: go on)",
    };
  }
  if (event.method === "TLS") return { ja: "TLS 接続を拒否", en: "TLS handshake refused" };
  return WORDS[event.endpoint](event);
}

/** A browser ends the handshake when it warns, and several at once when it opened several. */
export function isBrowserWarning({ method, channel, detail }: SandboxEvent): boolean {
  return method === "TLS" && channel === "browser" && UNTRUSTED.test(String(detail["reason"]));
}

/** Chromium sends certificate_unknown, Firefox unknown_ca or bad_certificate (RFC 8446 section 6.2). */
const UNTRUSTED = /ALERT_(UNKNOWN_CA|CERTIFICATE_UNKNOWN|BAD_CERTIFICATE)$/;

const WORDS: Readonly<Record<SandboxEvent["endpoint"], Words>> = {
  discovery: () => ({ ja: "メタデータの取得", en: "metadata read" }),
  jwks: () => ({ ja: "銀行の公開鍵(JWKS)の取得", en: "the bank's public keys read" }),
  par: ({ detail }) => both("PAR", "PAR received", signatureOf(detail)),
  authorization,
  interaction,
  token,
  userinfo: () => ({ ja: "userinfo", en: "userinfo read" }),
  introspection: () => ({ ja: "トークンの照会(introspection)", en: "token introspected" }),
  revocation: () => ({ ja: "トークンの無効化(revocation)", en: "token revoked" }),
  grant,
  api,
  other: ({ method, path }) => {
    // A path that somebody made up may hold anything.
    const what = /^[\w./-]{1,40}$/.test(path) ? `${method.slice(0, 10)} ${path}` : method.slice(0, 10);
    return { ja: `${what}(ここには何もありません)`, en: `${what} (there is nothing here)` };
  },
};

function signatureOf({ signed, kid }: SandboxEvent["detail"]): Bilingual {
  if (signed === undefined || signed === false) return { ja: "署名なし", en: "not signed" };
  const named = typeof kid === "string" && /^[\w.~-]{1,64}$/.test(kid) ? ` kid=${kid}` : "";
  const alg = /^\w{1,12}$/.test(String(signed)) ? signed : "?";
  return { ja: `署名 ${alg}${named}`, en: `signed ${alg}${named}` };
}

function authorization(event: SandboxEvent): Bilingual {
  const { customer, decision } = event.detail;
  const answer = answerOf(event);
  switch (decision) {
    case "login":
      return { ja: `ログイン: ${customer}`, en: `login by ${customer}` };
    case "allowed": {
      const scopes = String(event.detail["scopes"]).split(" ").filter(isPermission).join(" ");
      return both(`同意: ${customer} が許可`, `consent given by ${customer}`, { ja: scopes, en: scopes }, answer);
    }
    case "declined":
      return both(`同意なし: ${customer} は許可せず`, `consent declined by ${customer}`, answer);
    default: {
      const byValue = event.detail["signed"] === undefined ? undefined : signatureOf(event.detail);
      return both("ログインの画面へ", "authorization opened in a browser", byValue, answer);
    }
  }
}

/** Those that come with every link were nobody's decision. */
function isPermission(scope: string): boolean {
  return !/^(openid|offline_access|grant_management_\w+)$/.test(scope);
}

function answerOf({ detail }: SandboxEvent): Bilingual | undefined {
  const { responded, responseMode } = detail;
  if (responded === undefined) return undefined;
  const form = /jwt/.test(String(responseMode)) ? "JARM" : "query";
  const what = responded === "code" ? "code" : "error";
  return { ja: `→ ${what} を ${form} で応答`, en: `→ ${what} sent to the partner by ${form}` };
}

const OBSTACLES: Readonly<Record<string, Bilingual>> = {
  account: {
    ja: "同意の画面の代わりに、連携できない口座であることを表示",
    en: "no consent page: the customer is told that the account can't be linked",
  },
  grant: {
    ja: "同意の画面の代わりに、更新する認可が別のお客さまのものであることを表示",
    en: "no consent page: the customer is told that the grant to be changed is another customer's",
  },
  end: {
    ja: "同意の画面の代わりに、更新する認可が終わっていることを表示",
    en: "no consent page: the customer is told that the grant to be changed has ended",
  },
};

/** A form that is wrong is answered when the browser comes back: what was sent says nothing yet. */
function interaction({ method, status, detail }: SandboxEvent): Bilingual | undefined {
  const { prompt, obstacle } = detail;
  const page = prompt === "login" ? { ja: "ログイン", en: "login" } : { ja: "同意", en: "consent" };
  if (method === "POST")
    return status < 400 ? undefined : { ja: `${page.ja}の画面からの送信`, en: `${page.en} page sent` };
  if (status === 410) return { ja: "終わった手続きの画面へのアクセス", en: "back on a page of a journey that is over" };
  if (status >= 300 && status < 400) return { ja: "手続きの続きへ案内", en: "led on to where the journey is" };
  if (prompt === undefined) return { ja: "有効期限切れの画面へのアクセス", en: "on a page that has expired" };
  if (status === 401)
    return { ja: "ログイン失敗: ID かパスワードが違います", en: "login failed: wrong id or password" };
  if (status >= 400) return { ja: "同意の画面: 何も選ばれていません", en: "consent page: nothing was chosen" };
  return OBSTACLES[String(obstacle)] ?? { ja: `${page.ja}の画面を表示`, en: `${page.en} page shown` };
}

function token({ detail }: SandboxEvent): Bilingual {
  switch (detail["grantType"]) {
    case "authorization_code":
      return { ja: "code をトークンに交換", en: "code exchanged for tokens" };
    case "refresh_token":
      return detail["refresh"] === "reused"
        ? { ja: "使用済みの refresh token での更新", en: "refresh with a token that was used before" }
        : { ja: "トークンの更新(refresh)", en: "token refreshed" };
    default:
      return { ja: "トークンの要求", en: "tokens asked for" };
  }
}

function grant({ method, detail }: SandboxEvent): Bilingual {
  const until = detail["expiresAt"] === undefined ? "" : ` → ${detail["expiresAt"]}`;
  switch (method) {
    case "GET":
      return { ja: "認可の状態の確認", en: "grant looked up" };
    case "DELETE":
      return { ja: "認可の解除", en: "grant revoked" };
    default:
      return { ja: `認可の期限延長${until}`, en: `grant extended${until}` };
  }
}

const OPERATIONS: readonly (readonly [method: string, path: RegExp, words: Words])[] = [
  ["GET", /^\/v1\/accounts$/, () => ({ ja: "口座一覧", en: "accounts listed" })],
  ["GET", /\/balance$/, () => ({ ja: "残高照会", en: "balance read" })],
  ["GET", /\/transactions$/, ({ detail }) => both("入出金明細", "transactions read", rowsOf(detail))],
  ["GET", /\/deposits$/, ({ detail }) => both("入金明細", "deposits read", rowsOf(detail))],
  ["GET", /^\/v1\/identity$/, () => ({ ja: "本人確認済情報", en: "identity read" })],
  ["POST", /^\/v1\/direct-debits$/, ({ detail }) => both("口座振替", "debit posted", debitOf(detail))],
  ["GET", /^\/v1\/direct-debits/, ({ detail }) => both("口座振替の照会", "debit looked up", debitOf(detail))],
];

function api(event: SandboxEvent): Bilingual {
  const found = OPERATIONS.find(([method, path]) => event.method === method && path.test(event.path));
  return found?.[2](event) ?? { ja: "API(ここには何もありません)", en: "API (there is nothing here)" };
}

function rowsOf({ rows }: SandboxEvent["detail"]): Bilingual | undefined {
  return rows === undefined ? undefined : { ja: `${rows}行`, en: `${rows} rows` };
}

function debitOf({ amount, partnerTransactionId, debitStatus, failure, repeated }: SandboxEvent["detail"]): Bilingual {
  const yen = amount === undefined ? "" : Number(amount).toLocaleString("en-US");
  const reference = partnerTransactionId === undefined ? "" : `reference=${partnerTransactionId}`;
  const status = debitStatus === undefined ? "" : `→ ${debitStatus}${failure === undefined ? "" : ` (${failure})`}`;
  const line = (money: string, again: string) =>
    [money, reference, status, repeated === true ? again : ""].filter(part => part !== "").join(" ");
  return {
    ja: line(yen && `${yen}円`, "(同じ冪等キー: 前と同じ口座振替)"),
    en: line(yen && `${yen} yen`, "(same idempotency key: the same debit as before)"),
  };
}

function both(ja: string, en: string, ...more: readonly (Bilingual | undefined)[]): Bilingual {
  const parts = more.filter(part => part !== undefined);
  return {
    ja: [ja, ...parts.map(part => part.ja)].filter(part => part !== "").join(" "),
    en: [en, ...parts.map(part => part.en)].filter(part => part !== "").join(" "),
  };
}
