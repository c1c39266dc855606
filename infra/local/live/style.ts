/** The page's only style sheet; nothing moves in it, so there is nothing to still for those who ask for less motion. */
export const STYLE = `
:root{color-scheme:light dark;--paper:#f6f7f7;--card:#fff;--ink:#1b2225;--soft:#55606a;--line:#d5dbdf;--bad:#a8201a;
--badpaper:#fdecea;--good:#17663a;--goodpaper:#e7f4ec;--work:#7a4b00;--workpaper:#fff3dc;--focus:#0b57d0;
--s1:#1f6fb4;--s2:#b34a00;--s3:#17714f;--s4:#8b3fa8;--s5:#a8201a;--s6:#5f5b00}
@media (prefers-color-scheme:dark){:root{--paper:#12171a;--card:#1a2124;--ink:#e6eaec;--soft:#a3afb6;--line:#37424a;
--bad:#ff8a80;--badpaper:#3a2220;--good:#7fd6a0;--goodpaper:#17301f;--work:#f2c063;--workpaper:#33290f;--focus:#8ab4ff;
--s1:#6fb3f2;--s2:#f4a25c;--s3:#5fd0a2;--s4:#cf94ea;--s5:#ff8a80;--s6:#d6cf52}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:88rem;padding:1.2rem clamp(1rem,3vw,2.5rem) 3rem;background:var(--paper);color:var(--ink);
font:1rem/1.45 system-ui,sans-serif}
h1{font-size:1.4rem;margin:0 0 .6rem}h2{font-size:1.15rem;margin:2rem 0 .6rem}h3{font-size:1rem;margin:1.2rem 0 .4rem}
p{margin:.35rem 0}a{color:var(--focus)}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.5rem;background:var(--card);padding:.5rem 1rem;z-index:1}
:focus-visible{outline:3px solid var(--focus);outline-offset:2px}
.soft,caption{color:var(--soft)}.bad{color:var(--bad);font-weight:600}.good{color:var(--good)}
.verdict{font-size:1.2rem;padding:.8rem 1rem;border:1px solid var(--line);border-left-width:.5rem;border-radius:.5rem;overflow-wrap:anywhere}
.verdict.right{border-color:var(--good);background:var(--goodpaper)}
.verdict.working{border-color:var(--work);background:var(--workpaper)}
.verdict.wrong{border-color:var(--bad);background:var(--badpaper)}
.badge{display:inline-block;font-weight:700;margin-right:.6rem;white-space:nowrap}
.right .badge{color:var(--good)}.working .badge{color:var(--work)}.wrong .badge{color:var(--bad)}
.problems{padding-left:1.4rem;overflow-wrap:anywhere}.problems li{margin:.3rem 0}
#connection:not(:empty){background:var(--badpaper);color:var(--bad);font-weight:600;padding:.5rem 1rem;border-radius:.5rem}
.buttons{display:flex;flex-wrap:wrap;gap:.6rem;margin:.6rem 0}
button{font:inherit;padding:.5rem .9rem;min-height:2.75rem;border:1px solid var(--soft);border-radius:.4rem;background:var(--card);color:var(--ink);cursor:pointer}
button:hover{border-color:var(--focus)}button[aria-busy=true]{border-style:dashed}
#said{min-height:1.5rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.7rem;margin:1rem 0;padding:0;list-style:none}
.tiles li,figure,.wide{background:var(--card);border:1px solid var(--line);border-radius:.5rem}
.tiles li{padding:.6rem .9rem;color:var(--soft);font-size:.9rem}
.tiles b{display:block;font-size:1.35rem;color:var(--ink);font-variant-numeric:tabular-nums}
.wide{overflow-x:auto;padding:.3rem 1rem;margin:.4rem 0}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:.92rem}
caption{text-align:left;padding:.4rem 0}th{font-weight:500;text-align:left;color:var(--soft)}
th,td{padding:.35rem .9rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top}
tr:last-child>*{border-bottom:0}td.n,th.n{text-align:right;white-space:nowrap}
tbody th{color:var(--ink);overflow-wrap:anywhere;min-width:9rem}
#part-ways td{min-width:5.2rem}
#part-plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1rem}
figure{margin:0;padding:.8rem 1rem;min-width:0}figcaption{font-weight:600;margin-bottom:.3rem}
figure>svg{display:block;width:100%;height:auto}
svg text{fill:var(--soft);font:12px system-ui,sans-serif;font-variant-numeric:tabular-nums}
svg .grid{stroke:var(--line)}svg .line{fill:none;stroke-width:2;stroke-linejoin:round}
svg .s1{stroke:var(--s1)}svg .s2{stroke:var(--s2);stroke-dasharray:7 3}svg .s3{stroke:var(--s3);stroke-dasharray:2 3}
svg .s4{stroke:var(--s4);stroke-dasharray:10 3 2 3}svg .s5{stroke:var(--s5);stroke-dasharray:4 2}svg .s6{stroke:var(--s6);stroke-dasharray:12 4}
svg.key{width:28px;height:8px;margin-right:.5rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:.4rem 0;overflow-wrap:anywhere}dt{color:var(--soft)}dd{margin:0}
code{font-size:.92em}
@media (max-width:40rem){svg text{font-size:17px}svg.key{width:20px}
#part-ways :is(th,td):nth-child(n+2):nth-child(-n+4){display:none}}
@media (forced-colors:active){.verdict{border-left-width:1rem}}
`;
