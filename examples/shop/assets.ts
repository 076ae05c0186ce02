/** What the pages load: no markup of theirs holds a style or a script, so that the content security policy can forbid them. */

export const STYLE = `
:root { color-scheme: light; --ink: #1d2327; --soft: #596066; --line: #d9dcd6; --paper: #fff; --ground: #f3f4ef; --leaf: #1f5f4a; --leaf-soft: #e6f0eb; --warn: #8a4b00; --warn-soft: #fdf1df; --stop: #a3261d; --stop-soft: #fbeae8;
  font: 100%/1.7 system-ui, "Hiragino Sans", "Noto Sans JP", "Noto Sans CJK JP", sans-serif }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; background: var(--ground); color: var(--ink) }
a { color: var(--leaf) }
:focus-visible { outline: 3px solid #0b57d0; outline-offset: 2px }
header { background: var(--paper); border-bottom: 1px solid var(--line) }
.bar { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem 1.25rem; max-width: 60rem; margin: 0 auto; padding: .75rem 1rem }
.brand { font-weight: 700; font-size: 1.15rem; color: inherit; text-decoration: none; margin-right: auto }
.brand small { margin-left: .5rem; padding: .1rem .5rem; border: 1px solid var(--soft); border-radius: 1rem; font-size: .7rem; font-weight: 400; color: var(--soft) }
nav { order: 1; display: flex; flex-wrap: wrap; align-items: center; gap: .25rem 1.25rem; width: 100% }
.who { color: var(--soft); font-size: .9rem }
@media (min-width: 48rem) { nav { order: 0; width: auto } .bar .who { margin-left: 1rem } }
nav a { padding: .4rem 0; text-decoration: none; color: var(--ink) }
nav a[aria-current] { font-weight: 700; box-shadow: inset 0 -3px var(--leaf) }
.quiet { padding: .4rem 0; border: 0; background: none; font: inherit; color: var(--soft); text-decoration: underline; cursor: pointer }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem } main.narrow { max-width: 42rem }
h1, .state, .button, button { word-break: auto-phrase } p { text-wrap: pretty }
h1 { margin: 0 0 1rem; font-size: 1.6rem; line-height: 1.35 }
h2 { margin: 2rem 0 .75rem; font-size: 1.15rem }
.card { padding: 1.25rem; background: var(--paper); border: 1px solid var(--line); border-radius: .75rem }
.card > :first-child { margin-top: 0 } .card > :last-child { margin-bottom: 0 }
.card + .card { margin-top: 1rem } .accounts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(15rem, 100%), 1fr)); gap: 1rem } .accounts .card { margin: 0 }
.goods { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(16rem, 100%), 1fr)); gap: 1rem; padding: 0; margin: 1rem 0; list-style: none }
.goods li { display: flex; flex-direction: column; padding: 1.25rem; background: var(--paper); border: 1px solid var(--line); border-radius: .75rem }
.sign { display: grid; place-items: center; height: 7rem; margin-bottom: 1rem; border-radius: .5rem; background: var(--leaf-soft); color: var(--leaf); font-size: 3rem; font-family: serif }
.goods h2 { margin: 0; font-size: 1.05rem } .price { margin: 0 0 1rem; font-size: 1.25rem; font-weight: 700 }
.goods form, .goods .waiting { margin-top: auto }
.button, .card button, .goods button { display: inline-block; width: 100%; padding: .8rem 1.25rem; border: 2px solid var(--leaf); border-radius: .5rem; background: var(--leaf); color: #fff; font: inherit; font-weight: 700; line-height: 1.4; text-align: center; text-decoration: none; cursor: pointer }
.button.second, .card button.second { background: var(--paper); color: var(--leaf) }
.card button.danger { border-color: var(--stop); background: var(--paper); color: var(--stop) }
.row { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: 1.25rem } .row > * { flex: 1 1 12rem }
.stack > * + * { margin-top: .75rem }
.note { margin: 0 0 1.25rem; padding: .8rem 1rem; border-left: .3rem solid var(--leaf); border-radius: .25rem; background: var(--leaf-soft) }
.note.warn { border-color: var(--warn); background: var(--warn-soft) } .note.stop { border-color: var(--stop); background: var(--stop-soft) }
.note a { font-weight: 700 }
.money { font-size: 2rem; font-weight: 700; line-height: 1.3; font-variant-numeric: tabular-nums }
.soft { color: var(--soft); font-size: .9rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .35rem 1.25rem; margin: 1rem 0 0 } dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere } .id { font-size: .85rem }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; gap: 0 } dd { margin-bottom: .6rem } }
.state { display: flex; align-items: center; gap: .75rem; margin: 0 0 .5rem; font-size: 1.35rem; font-weight: 700; line-height: 1.35 }
.state::before { content: ""; flex: none; width: 1rem; height: 1rem; border-radius: 50%; background: var(--leaf) }
.state.wait::before { border: 3px solid var(--warn); border-right-color: transparent; background: none; animation: turn 1.2s linear infinite }
.state.stop::before { background: var(--stop) }
@keyframes turn { to { transform: rotate(1turn) } }
@media (prefers-reduced-motion: reduce) { .state.wait::before { animation: none; border-right-color: var(--warn) } }
details { margin-top: 1.5rem } summary { padding: .4rem 0; color: var(--soft); cursor: pointer } details .card { margin-top: .5rem }
.orders { margin: 0; padding: 0; list-style: none; border: 1px solid var(--line); border-radius: .75rem; background: var(--paper) }
.orders li { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; padding: .75rem 1.25rem } .orders li + li { border-top: 1px solid var(--line) }
`;

/** Loads an order's page anew once there is news of it. Without scripts there is a link to do the same. */
export const WATCH = `
const order = document.querySelector("[data-watch]");
const look = async () => {
  const answer = await fetch(order.dataset.watch, { headers: { accept: "application/json" } }).catch(() => undefined);
  const { state } = answer?.ok ? await answer.json() : order.dataset;
  if (state !== order.dataset.state) location.reload();
  else setTimeout(look, 2000);
};
if (order) setTimeout(look, 1000);
`;
