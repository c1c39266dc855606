/** The page's only style sheet. Its variables colour the plots too. */
export const STYLE = `
:root{color-scheme:light dark;--paper:#fcfcfb;--card:#fff;--ink:#1d2326;--soft:#5a6469;--line:#d9dee1;--bad:#b3261e;
--badpaper:#fdecea;--good:#1b6e3c;
--s1:#1f6fb4;--s2:#c4560a;--s3:#1a7f5a;--s4:#8b3fa8;--s5:#b3261e;--s6:#6f6a00;--s7:#0b7f92;--s8:#a03068}
@media (prefers-color-scheme:dark){:root{--paper:#14181a;--card:#1c2225;--ink:#e6eaec;--soft:#9fabb1;--line:#384247;
--bad:#ff8a80;--badpaper:#3a2220;--good:#7fd6a0;
--s1:#6fb3f2;--s2:#f4a25c;--s3:#5fd0a2;--s4:#cf94ea;--s5:#ff8a80;--s6:#d6cf52;--s7:#63d3e6;--s8:#f08ac0}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:84rem;padding:1.5rem clamp(1rem,3vw,2.5rem) 3rem;background:var(--paper);color:var(--ink);
font:1rem/1.45 system-ui,sans-serif;overflow-wrap:anywhere}
table{overflow-wrap:normal}
h1{font-size:1.6rem;margin:0}h2{font-size:1.2rem;margin:2.2rem 0 .7rem}h3{font-size:1rem;margin:0 0 .4rem}
p{margin:.3rem 0}.soft,caption,th{color:var(--soft)}.bad{color:var(--bad);font-weight:600}.good{color:var(--good)}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));gap:.8rem;margin:1.2rem 0;padding:0;list-style:none}
.tiles li,figure,.wide{background:var(--card);border:1px solid var(--line);border-radius:.5rem}
.tiles li{padding:.7rem .9rem}.tiles b{display:block;font-size:1.45rem;font-variant-numeric:tabular-nums}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,30rem),1fr));gap:1rem;margin-bottom:1rem}
figure{margin:0;padding:.8rem 1rem;min-width:0}figure svg{display:block;width:100%;height:auto}
.wide{overflow-x:auto;padding:.3rem 1rem}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
caption{text-align:left;padding:.4rem 0}th{font-weight:500;text-align:left}
th,td{padding:.35rem .9rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top}
tr:last-child>*{border-bottom:0}td.n,th.n{text-align:right}td.n{white-space:nowrap}
tbody th{min-width:7rem}figure i{display:inline-block;width:.8em;height:.8em;border-radius:.2em;margin-right:.5em}tbody th{color:var(--ink);overflow-wrap:anywhere}
figure table{margin-top:.4rem;font-size:.85rem}
.errors{background:var(--badpaper);border-radius:.5rem;padding:.6rem 1rem .6rem 2rem;overflow-wrap:anywhere}
code{font-size:.9em;overflow-wrap:anywhere}
`;
