/// The style of all pages: one column that fits a phone, dark and light by the reader's own wish, colours that tell apart without red and green.
enum StatusStyle {
    static let sheet: HTML = """
        :root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#14181f;--dim:#525c6b;--rule:#dfe3e9;--good:#1d7f5b;--bad:#c4302b;\
        --warn:#a05a00;--none:#8a93a1;--fix:#2f5fc4;--empty:#e3e7ed}\
        @media(prefers-color-scheme:dark){:root{--bg:#0f1217;--card:#181c23;--ink:#eceff4;--dim:#a5afbe;--rule:#2b313b;--good:#3fb68a;--bad:#f2716b;\
        --warn:#e3a13c;--none:#7c8696;--fix:#7fa6f8;--empty:#2a303a}}\
        *{box-sizing:border-box}\
        body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;\
        -webkit-text-size-adjust:100%;overflow-wrap:anywhere}\
        header,main,footer{max-width:860px;margin:0 auto;padding:0 16px}\
        header{padding-top:28px;padding-bottom:8px}h1{font-size:1.05rem;font-weight:650;margin:0}h1 a{color:inherit;text-decoration:none}\
        h2{font-size:1.1rem;margin:36px 0 12px}h3{font-size:1rem;margin:0}\
        a{color:var(--fix)}a:focus-visible,summary:focus-visible{outline:3px solid var(--fix);outline-offset:2px;border-radius:4px}\
        .skip{position:absolute;left:-9999px}.skip:focus{left:16px;top:8px;background:var(--card);padding:8px 12px;z-index:1}\
        .now{border-radius:14px;padding:22px 20px;margin:14px 0 0;color:#fff;background:#4d5563}.now p{margin:0}\
        .now .headline{font-size:1.45rem;font-weight:680;line-height:1.25;margin:0;letter-spacing:-.01em}.now .when{margin-top:6px;font-size:.92rem}\
        .now.operational{background:#17694b}.now.major_outage{background:#a92722}.now.partial_outage{background:#a83c14}\
        .now.degraded_performance{background:#85500a}.now.under_maintenance{background:#2a55b0}\
        .card{background:var(--card);border:1px solid var(--rule);border-radius:14px;padding:16px;margin:0 0 12px}\
        .top-line{display:flex;flex-wrap:wrap;gap:4px 12px;justify-content:space-between;align-items:baseline}\
        .region{color:var(--dim);font-weight:450}.state{font-size:.92rem;font-weight:600;white-space:nowrap}\
        .state.operational{color:var(--good)}.state.major_outage,.state.partial_outage{color:var(--bad)}.state.degraded_performance{color:var(--warn)}\
        .state.under_maintenance{color:var(--fix)}.state.unmeasured{color:var(--dim)}\
        .history{display:block;width:100%;height:34px;margin:12px 0 6px}.g{fill:var(--good)}.b{fill:var(--bad)}.u{fill:var(--none)}.x{fill:var(--fix)}\
        .n{fill:var(--empty)}.scale{display:flex;justify-content:space-between;gap:12px;font-size:.8rem;color:var(--dim);margin:0}\
        .sum{font-size:.88rem;color:var(--dim);margin:6px 0 0}details{margin-top:10px}summary{cursor:pointer;font-size:.9rem;color:var(--fix);padding:4px 0}\
        .charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,260px),1fr));gap:16px;margin-top:12px}\
        .chart{margin:0;min-width:0}.chart figcaption{font-size:.85rem;font-weight:600}.chart svg{display:block;width:100%;height:60px;margin:6px 0 4px}\
        .axis{stroke:var(--rule);stroke-width:1;fill:none;vector-effect:non-scaling-stroke}\
        .line{stroke:var(--fix);stroke-width:2;fill:none;stroke-linecap:round;stroke-linejoin:round;vector-effect:non-scaling-stroke}\
        .second{stroke:var(--good);stroke-dasharray:5 4}.told{font-size:.8rem;color:var(--dim);margin:0}.top{display:block}\
        .key{display:flex;flex-wrap:wrap;gap:4px 16px;list-style:none;padding:0;margin:0 0 12px;font-size:.82rem;color:var(--dim)}\
        .key i{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:6px}\
        .updates{list-style:none;margin:12px 0 0;padding:0 0 0 14px;border-left:2px solid var(--rule)}.updates li{margin:0 0 12px}\
        .updates p{margin:2px 0 0;white-space:pre-line}.updates time,.meta{font-size:.85rem;color:var(--dim)}.corrected p{text-decoration:line-through;color:var(--dim)}\
        .tag{font-size:.78rem;font-weight:600;border:1px solid currentColor;border-radius:999px;padding:1px 8px;color:var(--dim);white-space:nowrap}\
        .incident{border-left:4px solid var(--warn)}.incident.critical,.incident.major{border-left-color:var(--bad)}.incident.over{border-left-color:var(--rule)}\
        .work{border-left:4px solid var(--fix)}.work.over{border-left-color:var(--rule)}.days{list-style:none;margin:8px 0 0;padding:0;font-size:.88rem}\
        .days li{padding:4px 0;border-bottom:1px solid var(--rule)}.quiet{color:var(--dim);margin:0}\
        dl{margin:12px 0 0}dt{font-weight:600;font-size:.9rem;margin-top:10px}dd{margin:0;white-space:pre-line}\
        table{border-collapse:collapse;width:100%;font-size:.88rem}th,td{text-align:left;padding:6px 8px 6px 0;border-bottom:1px solid var(--rule);vertical-align:top}\
        td.number,th.number{text-align:right}\
        footer{padding-top:28px;padding-bottom:40px;font-size:.88rem;color:var(--dim)}footer p{margin:0 0 6px}\
        .wide{overflow-x:auto}.wide table{min-width:560px;overflow-wrap:normal}.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,150px),1fr));gap:12px 16px;margin:12px 0 0}\
        .figures div{min-width:0}.figures dt{margin:0;font-weight:450;color:var(--dim);font-size:.85rem}.figures dd{font-size:1.15rem;font-weight:650}\
        .downloads{display:flex;flex-wrap:wrap;gap:8px 20px;list-style:none;margin:10px 0 0;padding:0;font-size:.92rem}.downloads a{display:inline-block;padding:4px 0}\
        pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:.82rem;margin:8px 0 0}\
        @media print{.downloads{display:none}:root{color-scheme:light;--bg:#fff;--card:#fff;--ink:#000;--dim:#444;--rule:#bbb}.card,.chart,tr{break-inside:avoid}}
        """
}
