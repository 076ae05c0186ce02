/**
 * How the pages look, and what the browser may do with them.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** The only style there is; it is allowed by its hash. */
export const STYLE = `
:root { color-scheme: light dark; --ink: #1a1a1a; --soft: #55555a; --paper: #fff; --ground: #f3f3f0; --line: #d5d5d0; --edge: #767676; --tint: #f7f7f4; --alarm: #a3150d; --alarm-ground: #fdeeec; --focus: #0b57d0 }
@media (prefers-color-scheme: dark) { :root { --ink: #f2f2ef; --soft: #b9b9b5; --paper: #222224; --ground: #161617; --line: #48484b; --edge: #97979b; --tint: #2b2b2e; --alarm: #ffb4aa; --alarm-ground: #3d1a17; --focus: #9ec3ff } }
* { box-sizing: border-box }
html { font: 100%/1.75 -apple-system, "Hiragino Sans", "Noto Sans JP", "Noto Sans CJK JP", "Yu Gothic UI", Meiryo, system-ui, sans-serif; -webkit-text-size-adjust: 100%; text-size-adjust: 100% }
:lang(en) { line-height: 1.55 }
body { margin: 0; min-height: 100vh; display: flex; flex-direction: column; background: var(--ground); color: var(--ink); overflow-wrap: anywhere }
:lang(ja) { line-break: strict; word-break: auto-phrase }
h1, h2, p, ul, dl, dd { margin: 0; padding: 0 }
ul { list-style: none }
:lang(en) :is(p, li, dd) { text-wrap: pretty }
a { color: inherit }
.whole, .host { display: inline-block }
.soft { color: var(--soft); font-size: .875rem }
header { background: #1a1a1a; color: #fff }
.bar { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 0 1rem; max-width: 34rem; margin: 0 auto; padding: .375rem 1.25rem }
.brand { display: flex; flex-wrap: wrap; align-items: center; gap: .125rem .625rem; min-height: 2.75rem; font-weight: 700 }
.badge { padding: .0625rem .625rem; border: 1px solid #b9b9b5; border-radius: 1rem; font-size: .75rem; font-weight: 400; line-height: 1.5; white-space: nowrap }
nav ul { display: flex; margin: 0 -.5rem }
nav a { display: flex; align-items: center; justify-content: center; min-width: 2.75rem; min-height: 2.75rem; padding: 0 .5rem; color: #fff; font-size: .875rem; white-space: nowrap; text-underline-offset: .25em }
nav a[aria-current] { font-weight: 700; text-decoration: none }
main { flex: 1; width: 100%; max-width: 34rem; margin: 0 auto; padding: 1.75rem 1.25rem 2rem; background: var(--paper) }
footer { width: 100%; max-width: 34rem; margin: 0 auto; padding: 1rem 1.25rem 2rem; color: var(--soft); font-size: .8125rem }
@media (min-width: 36rem) { main { flex: none; margin-top: 2rem; padding: 2.25rem 2.5rem 2.5rem; border: 1px solid var(--line); border-radius: 1rem } .bar, footer { padding-left: 2.5rem; padding-right: 2.5rem } }
h1 { margin-bottom: .75rem; font-size: 1.5rem; line-height: 1.4; text-wrap: balance }
h2, legend { font-size: 1.0625rem; font-weight: 700; line-height: 1.5 }
section, form, details { margin-top: 1.75rem }
.field { margin-top: 1.25rem }
.field label { display: block; margin-bottom: .25rem; font-weight: 700 }
input[type=text], input[type=password] { width: 100%; min-height: 3rem; padding: .5rem .75rem; font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--edge); border-radius: .5rem }
input[aria-invalid=true] { border: 2px solid var(--alarm) }
button, .button { display: flex; align-items: center; justify-content: center; width: 100%; min-height: 3.25rem; padding: .5rem 1rem; font: inherit; font-weight: 700; line-height: 1.4; text-align: center; text-decoration: none; text-wrap: balance; border: 2px solid var(--ink); border-radius: 2rem; background: var(--paper); color: var(--ink); cursor: pointer }
.primary { background: var(--ink); color: var(--paper) }
button.plain { border-color: transparent; background: none; font-weight: 400; text-decoration: underline; text-underline-offset: .25em }
form > .primary { margin-top: 1.75rem }
form.cancel { margin-top: .75rem }
.decision { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 9rem), 1fr)); gap: .75rem; margin-top: 1.75rem }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px }
nav a:focus-visible { outline-color: #9ec3ff; outline-offset: -3px }
.alert { margin-top: 1.25rem; padding: .75rem 1rem; border-left: .25rem solid var(--alarm); border-radius: .25rem; background: var(--alarm-ground); color: var(--alarm); font-weight: 700 }
.facts { margin-top: 1.25rem; border-top: 1px solid var(--line) }
.facts > div { display: flex; flex-wrap: wrap; gap: 0 1rem; padding: .75rem 0; border-bottom: 1px solid var(--line) }
.facts dt { color: var(--soft); font-size: .875rem; line-height: 1.75rem }
.facts dt { flex: 1 1 6.5rem }
.facts dd { flex: 99 1 11rem; min-width: 0; font-weight: 700 }
.facts .soft { font-weight: 400 }
fieldset { min-width: 0; margin: 0; padding: 0; border: 0 }
legend { padding: 0 }
fieldset > .soft { margin-top: .125rem }
.choices { margin-top: .75rem; border: 1px solid var(--line); border-radius: .75rem }
.choices > li { position: relative; display: grid; grid-template-columns: 1.5rem 1fr; gap: 0 .875rem; padding: .875rem 1rem }
.choices > li + li { border-top: 1px solid var(--line) }
.choices > li:has(input):hover { background: var(--tint) }
.choices > li:first-child { border-radius: .75rem .75rem 0 0 }
.choices > li:last-child { border-radius: 0 0 .75rem .75rem }
.choices > li:only-child { border-radius: .75rem }
.choices input { position: relative; z-index: 1; width: 1.5rem; height: 1.5rem; margin: .125rem 0 0; accent-color: var(--ink) }
.choices label, .choices .item { font-weight: 700 }
.choices label::after { content: ""; position: absolute; inset: 0; cursor: pointer }
.choices p { grid-column: 2 }
.choices .money { color: var(--ink); font-weight: 700 }
.settled { background: var(--tint) }
.settled li::before { color: var(--soft); font-weight: 700; text-align: center }
.given li::before { content: "✓" / "" }
.ends li::before { content: "–" / "" }
.notes { margin-top: .5rem }
.notes li { position: relative; padding-left: 1.125rem; font-size: .9375rem }
.notes li + li { margin-top: .375rem }
.notes li::before { content: ""; position: absolute; left: .125rem; top: .7em; width: .3rem; height: .3rem; border-radius: 50%; background: var(--soft) }
details { border: 1px solid var(--line); border-radius: .75rem }
summary { min-height: 2.75rem; padding: .625rem 1rem; font-weight: 700; border-radius: .75rem; cursor: pointer }
details > p { padding: 0 1rem .75rem }
.samples > li { padding: .875rem 1rem 1rem; border-top: 1px solid var(--line) }
.samples form { margin-top: .625rem }
.samples button { min-height: 2.75rem; border-width: 1px; font-weight: 400 }
.samples .name { font-weight: 700 }
code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: .9375em; word-break: normal; overflow-wrap: anywhere }
@media (prefers-reduced-motion: no-preference) { button, .button { transition: opacity .15s } button:active, .button:active { opacity: .7 } }
@media (forced-colors: active) { .primary { border-width: 4px } }
`;

const STYLE_HASH = createHash("sha256").update(STYLE).digest("base64");

/**
 * What the browser may do with a page. A form that leads on to the partner needs the partner's origin too: browsers
 * hold the whole chain of redirects after a submission to `form-action`.
 */
export function pageHeaders(redirectUri?: string): Record<string, string> {
  const partner = redirectUri === undefined ? "" : ` ${new URL(redirectUri).origin}`;
  return {
    "content-security-policy": `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action 'self'${partner}; base-uri 'none'; frame-ancestors 'none'`,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    // A page depends on cookies and the preferred language, and holds a customer's name.
    "cache-control": "no-store",
  };
}
