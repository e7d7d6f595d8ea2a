/** The page's only style sheet. Colours stand for outcomes, and for what needs a look; everything else is grey. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --back: #f6f7f9; --panel: #ffffff; --text: #1b2330; --quiet: #5a6575; --line: #dde2e9; --link: #1a56b0;
  --zerocopy: #2b8a6a; --copied: #c47f00; --retry: #8793a3; --refused: #d4521f; --denied: #9346b5; --failed: #b3213a;
  --fallbacks: #d4521f; --enter_eagain: #b3213a; --filled: #6f86a6; --alarm: #b3213a; --alarm-back: #fdecee; --warn: #8a5a00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #11151b; --panel: #191f27; --text: #e3e8ef; --quiet: #9aa6b6; --line: #2b3440; --link: #8ab8ff;
    --zerocopy: #46b38d; --copied: #e0a53a; --retry: #7c8898; --refused: #f0794b; --denied: #bd7fdc; --failed: #ec6378;
    --fallbacks: #f0794b; --enter_eagain: #ec6378; --filled: #7f9bc4; --alarm: #ff8494; --alarm-back: #34191f; --warn: #e6b45c;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 14px/1.45 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
header, main, footer { max-width: 1440px; margin: 0 auto; padding: 0 16px; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 16px; padding-top: 12px; padding-bottom: 8px; }
h1 { font-size: 20px; margin: 0; overflow-wrap: anywhere; }
h1 small { font-weight: 400; font-size: 14px; color: var(--quiet); }
header p { margin: 0; color: var(--quiet); }
#live { margin-left: auto; display: flex; gap: 10px; align-items: baseline; color: var(--quiet); }
h2 { font-size: 14px; margin: 0 0 6px; }
h3 { font-size: 13px; font-weight: 600; margin: 0; }
p { margin: 0; }
a { color: var(--link); }
a.warning { color: var(--warn); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
button { font: inherit; color: inherit; background: var(--panel); border: 1px solid var(--quiet); border-radius: 4px; padding: 1px 10px; cursor: pointer; }
.skip { position: absolute; left: -9999px; }
.skip:focus { position: static; }
section { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: 10px 12px; margin: 0 0 10px; min-width: 0; }
.pair { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 0 10px; align-items: start; }
.quiet, .rest, .meaning, .total, .unit, .zero, .remedy, figcaption, .state { color: var(--quiet); }
.rest { margin-top: 6px; font-size: 13px; }
#alerts { display: flex; flex-wrap: wrap; gap: 0 12px; align-items: baseline; }
#alerts h2 { margin: 0; }
.alerts { list-style: none; margin: 6px 0 0; padding: 0; flex: 1 0 100%; display: grid; gap: 6px; }
.alert { border-left: 4px solid var(--warn); padding: 4px 10px; overflow-wrap: anywhere; }
.alert.firing { border-color: var(--alarm); background: var(--alarm-back); }
.alert.firing strong, .fires { color: var(--alarm); }
.chart { margin: 0; position: relative; }
.chart svg { display: block; width: 100%; height: 120px; border-bottom: 1px solid var(--line); border-top: 1px dashed var(--line); }
.plot, .spark { shape-rendering: crispEdges; }
.chart .most { position: absolute; top: 3px; left: 4px; font-size: 12px; color: var(--quiet); background: var(--panel); padding: 0 3px; }
figcaption { display: flex; justify-content: space-between; gap: 8px; font-size: 12px; }
.tiles { list-style: none; margin: 10px 0 0; padding: 0; display: grid; grid-template-columns: repeat(8, minmax(0, 1fr)); gap: 10px; }
.tile { border-left: 1px solid var(--line); padding-left: 8px; min-width: 0; }
.tile .rate { font-size: 20px; line-height: 1.3; }
.tile.none .rate { color: var(--quiet); }
.tile small { font-size: 12px; color: var(--quiet); }
.tile svg { display: block; width: 100%; height: 28px; border-bottom: 1px solid var(--line); }
.tile .total, .tile .meaning { font-size: 12px; overflow-wrap: anywhere; }
.key { display: inline-block; width: 9px; height: 9px; border-radius: 2px; margin-right: 5px; }
.key.zerocopy { background: var(--zerocopy); } .key.copied { background: var(--copied); } .key.retry { background: var(--retry); }
.key.refused { background: var(--refused); } .key.denied { background: var(--denied); } .key.failed { background: var(--failed); }
.key.fallbacks { background: var(--fallbacks); } .key.enter_eagain { background: var(--enter_eagain); }
.zerocopy { fill: var(--zerocopy); } .copied { fill: var(--copied); } .retry { fill: var(--retry); }
.refused { fill: var(--refused); } .denied { fill: var(--denied); } .failed { fill: var(--failed); }
.fallbacks { fill: var(--fallbacks); } .enter_eagain { fill: var(--enter_eagain); }
.filled { fill: var(--filled); } .full { fill: var(--alarm); }
.bar { display: block; width: 90px; height: 9px; background: var(--line); border-radius: 2px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; }
th, td { text-align: left; vertical-align: baseline; padding: 3px 14px 3px 0; white-space: nowrap; border-top: 1px solid var(--line); font-weight: 400; }
thead th { border-top: 0; color: var(--quiet); font-size: 12px; }
tbody th { font-weight: 600; }
tbody th .unit { font-weight: 400; }
.number { text-align: right; }
td.wide { white-space: normal; min-width: 16em; width: 100%; }
td:last-child, th:last-child { padding-right: 0; }
td.wraps { white-space: normal; }
td.wraps > span, td code { display: inline-block; width: max-content; max-width: 26em; white-space: normal; overflow-wrap: anywhere; }
td.wraps > span, td code { vertical-align: top; }
code { font: 12px ui-monospace, monospace; }
.program.unavailable { color: var(--warn); font-weight: 600; }
.program.off { color: var(--quiet); }
dl { display: grid; grid-template-columns: auto 1fr; gap: 3px 14px; margin: 0; font-size: 13px; }
dt { color: var(--quiet); }
dd { margin: 0; }
footer { padding-bottom: 20px; color: var(--quiet); }
footer a { display: inline-block; min-height: 24px; }
footer ul { list-style: none; display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 0; padding: 0; }
@media (max-width: 1100px) { .pair { grid-template-columns: minmax(0, 1fr); } .tiles { grid-template-columns: repeat(4, minmax(0, 1fr)); } }
@media (max-width: 520px) { .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); } header, main, footer { padding-left: 8px; padding-right: 8px; } #live { margin-left: 0; } }
/* On a telephone who copies and what to do stand below the reason, not to its right where nobody looks. */
@media (max-width: 520px) {
  #why table, #why thead, #why tbody { display: grid; grid-template-columns: minmax(0, 1fr); }
  #why thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  #why tbody tr { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 1px 10px; padding: 5px 0; border-top: 1px solid var(--line); }
  #why tbody tr > * { grid-column: 1 / -1; border: 0; padding: 0; white-space: normal; overflow-wrap: anywhere; min-width: 0; width: auto; }
  #why tbody th { grid-area: 1 / 1; } #why tbody td:nth-child(3) { grid-area: 1 / 2; }
  #why tbody td:nth-child(4) { grid-area: 2 / 1; } #why tbody td:nth-child(2) { grid-area: 2 / 2; }
  #why td.wraps > span, #why td code { max-width: 100%; }
}
@media (forced-colors: active) { .key, .bar, svg { forced-color-adjust: none; } }
`;
