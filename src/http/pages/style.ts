/** The pages' only style sheet: system fonts, two colour schemes, nothing from elsewhere. */
export const STYLE = `
:root{color-scheme:light;--back:#fbfbfa;--card:#fff;--text:#1c2024;--soft:#5a6470;--line:#e2e4e7;--accent:#0b62c4;--accent-text:#fff;
--code:#f3f4f6;--good:#176b3a;--bad:#b3261e;--warn:#8a5a00;--bar:#5b9bea;--bar-soft:#c7defa}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){color-scheme:dark;--back:#14171a;--card:#1b1f24;--text:#e8eaed;--soft:#a3adb8;
--line:#30363d;--accent:#7db4f5;--accent-text:#0d1117;--code:#22272e;--good:#6fce94;--bad:#ff9086;--warn:#e6b450;--bar:#5b9bea;--bar-soft:#27415f}}
:root[data-theme=dark]{color-scheme:dark;--back:#14171a;--card:#1b1f24;--text:#e8eaed;--soft:#a3adb8;--line:#30363d;--accent:#7db4f5;
--accent-text:#0d1117;--code:#22272e;--good:#6fce94;--bad:#ff9086;--warn:#e6b450;--bar:#5b9bea;--bar-soft:#27415f}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--text);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
a{color:var(--accent)}a:hover{text-decoration-thickness:2px}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:4px}
.skip{position:absolute;left:-99em}.skip:focus{left:1rem;top:1rem;background:var(--card);padding:.5rem 1rem;z-index:9}
header{background:var(--card);border-bottom:1px solid var(--line)}
header>div,main,footer{max-width:72rem;margin:0 auto;padding:.75rem 1rem}
header>div{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:center}
.brand{font-weight:700;color:var(--text);text-decoration:none;font-size:1.1rem;margin-right:auto}
nav{display:flex;flex-wrap:wrap;gap:.25rem 1rem}nav a{text-decoration:none;padding:.25rem 0}nav a[aria-current]{font-weight:600;border-bottom:2px solid}
main{padding-top:1.5rem;padding-bottom:3rem}
h1{font-size:1.6rem;line-height:1.2;margin:0 0 .25rem;overflow-wrap:anywhere}h2{font-size:1.15rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:1rem 0 .25rem}
.kind{color:var(--soft);font-size:.85rem;text-transform:uppercase;letter-spacing:.05em;margin:0 0 .25rem}
.lead{font-size:1.05rem;margin:.25rem 0 1rem;max-width:60ch}.soft{color:var(--soft)}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1rem;margin:.75rem 0}
.grid{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,17rem),1fr))}
.grid .card{margin:0}.scroll+.grid,.card+.grid{margin-top:1rem}.grid+details{margin-top:1rem}.card>:first-child{margin-top:0}.card>:last-child{margin-bottom:0}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:10px;background:var(--card)}
table{border-collapse:collapse;width:100%;font-size:.95rem}
th,td{text-align:left;padding:.5rem .75rem;border-bottom:1px solid var(--line);vertical-align:top}
tr:last-child>td{border-bottom:0}td :is(p,form){margin:0}td code{overflow-wrap:normal}th{color:var(--soft);font-weight:600;font-size:.85rem;white-space:nowrap}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums}
code,pre,.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.88em}
code{background:var(--code);padding:.1em .35em;border-radius:4px;overflow-wrap:anywhere}
pre{background:var(--code);padding:.75rem 1rem;border-radius:8px;overflow-x:auto;margin:.5rem 0}pre code{background:none;padding:0}
.tag{display:inline-block;border:1px solid var(--line);border-radius:99px;padding:0 .6em;font-size:.85rem;margin:.1rem .25rem .1rem 0;background:var(--card)}
.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}.status{font-weight:600}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;margin:.5rem 0}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
form.search,search{margin:0}form.row{display:flex;flex-wrap:wrap;gap:.5rem;align-items:end}label{font-size:.9rem;color:var(--soft)}
input,select,textarea,button{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.4rem .7rem;max-width:100%}
input[type=search]{min-width:min(22rem,70vw)}label>input,label>select{display:block;color:var(--text)}
button,.button{background:var(--accent);color:var(--accent-text);border-color:transparent;cursor:pointer;text-decoration:none;display:inline-block;border-radius:8px;padding:.4rem .9rem}
button.plain{background:transparent;color:var(--accent);border-color:var(--line)}
progress{width:100%;height:.7rem;accent-color:var(--accent)}
svg{max-width:100%;height:auto;display:block}svg.wide{max-width:none}svg text{fill:var(--text);font:12px system-ui,sans-serif}svg .soft{fill:var(--soft)}
svg .bar{fill:var(--bar)}svg .line{stroke:var(--line);fill:none}svg .edge{stroke:var(--soft);fill:none;stroke-width:1.5}
svg .node{fill:var(--card);stroke:var(--line)}svg .here{stroke:var(--accent);stroke-width:2.5}svg a:focus-visible .node,svg a:hover .node{stroke:var(--accent);stroke-width:2.5}
footer{color:var(--soft);font-size:.85rem;border-top:1px solid var(--line);display:flex;flex-wrap:wrap;gap:.5rem 1rem;justify-content:space-between}footer form.row{align-items:center}
.results{list-style:none;padding:0;margin:0}.results li{padding:.75rem 0;border-bottom:1px solid var(--line)}.results p{margin:.15rem 0}
ul.diffs{margin:0;padding-left:1rem}.diffs del{color:var(--bad)}.diffs ins{color:var(--good);text-decoration:none}.diffs :is(del,ins){overflow-wrap:anywhere}
.added{color:var(--good)}.removed{color:var(--bad)}
@media (max-width:40rem){table,tbody,tr{display:block}thead{position:absolute;left:-99em}tr{padding:.5rem 0;border-bottom:1px solid var(--line)}tr:last-child{border-bottom:0}
td{display:grid;grid-template-columns:7rem 1fr;gap:.75rem;border:0;padding:.2rem .75rem}td::before{content:attr(data-label);color:var(--soft);font-size:.85rem}
td:empty,td:has(>div:empty){display:none}td>div{min-width:0;overflow-wrap:anywhere}
dl{grid-template-columns:1fr}dt{margin-top:.5rem}input[type=search]{min-width:0;width:100%}search,form.search{width:100%}}
`
