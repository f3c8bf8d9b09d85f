"""Opens the status page in Chromium and looks at it as people do: on a phone, on a desk, in the dark. Exits with 1 and a list when something is wrong.

    status_browser.py PUBLICATIONS FOLDER     PUBLICATIONS: JSON {state: [{path, content_type, body}]}; pictures go to FOLDER
"""
import http.server
import json
import sys
import threading

import feedparser
from playwright.sync_api import sync_playwright

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

# What stands on the page: landmarks, headings in order, names of pictures, colours of text against what is behind it, width.
LOOK = """() => {
    const faults = [];
    for (const [name, count] of [['header', 1], ['main', 1], ['footer', 1], ['h1', 1]])
        if (document.querySelectorAll(name).length !== count) faults.push(name + ': not ' + count);
    if (!document.documentElement.lang) faults.push('no language');
    let level = 0;
    for (const heading of document.querySelectorAll('h1,h2,h3,h4')) {
        const own = Number(heading.tagName[1]);
        if (own > level + 1) faults.push('heading jumps to ' + heading.tagName + ': ' + heading.textContent);
        level = own;
    }
    for (const svg of document.querySelectorAll('svg'))
        if (svg.getAttribute('role') !== 'img' || !svg.getAttribute('aria-label')) faults.push('a chart without a text');
    const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
    for (const id of ids.filter((id, at) => ids.indexOf(id) !== at)) faults.push('id twice: ' + id);
    for (const link of document.querySelectorAll('a')) if (!link.textContent.trim()) faults.push('a link without words');
    const part = value => { value /= 255; return value <= .03928 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4 };
    const light = ([r, g, b]) => .2126 * part(r) + .7152 * part(g) + .0722 * part(b);
    const colour = text => (text.match(/[\\d.]+/g) || []).map(Number);
    const behind = element => {
        for (; element; element = element.parentElement) {
            const found = colour(getComputedStyle(element).backgroundColor);
            if (found.length === 3 || found[3] > 0) return found;
        }
        return [255, 255, 255];
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node; node = walker.nextNode();) {
        const element = node.parentElement;
        if (!node.textContent.trim() || element.closest('svg') || !element.getClientRects().length) continue;
        const [front, back] = [light(colour(getComputedStyle(element).color)), light(behind(element))];
        const contrast = (Math.max(front, back) + .05) / (Math.min(front, back) + .05);
        if (contrast < 4.5) faults.push('contrast ' + contrast.toFixed(2) + ': ' + node.textContent.trim().slice(0, 40));
    }
    const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    if (wide > 0) faults.push('scrolls sideways by ' + wide);
    if (document.querySelector('script,iframe,object,embed,form,[onclick]')) faults.push('active content');
    return faults;
}"""


def serve(documents):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            document = documents.get(self.path)
            self.send_response(200 if document else 404)
            if document:
                self.send_header("content-type", document["content_type"])
                self.send_header("content-security-policy", POLICY)
            self.end_headers()
            self.wfile.write(document["body"].encode() if document else b"")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def look(browser, state, documents, folder, faults):
    server = serve(documents)
    origin = f"http://127.0.0.1:{server.server_address[1]}"
    pages = [path for path in documents if path in ("/status", "/report") or path.startswith("/status/incidents/")]
    for name, size, scheme in [("phone", (390, 844), "light"), ("desk", (1280, 900), "light"), ("dark", (390, 844), "dark")]:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, java_script_enabled=True)
        page = context.new_page()
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: faults.append(f"{state} {name}: console: {message.text}"))
        for path in pages:
            page.goto(origin + path)
            faults += [f"{state} {name} {path}: {fault}" for fault in page.evaluate(LOOK)]
            if path == "/status":
                page.screenshot(path=f"{folder}/{state}-{name}.png", full_page=True)
                for details in page.query_selector_all("details"):
                    details.evaluate("element => element.open = true")
                faults += [f"{state} {name} open: {fault}" for fault in page.evaluate(LOOK)]
                if state == "degraded":
                    page.screenshot(path=f"{folder}/{state}-{name}-open.png", full_page=True)
            elif state == "incident" or path == "/report":
                page.screenshot(path=f"{folder}/{state}-{name}-page.png", full_page=True)
        faults += [f"{state} {name}: asked for {url}" for url in asked if not url.startswith((origin + "/status", origin + "/report")) and not url.startswith("data:")]
        context.close()
    server.shutdown()


def check_feed(state, documents, faults):
    feed = feedparser.parse(documents["/status/history.atom"]["body"])
    if feed.bozo or feed.version != "atom10":
        faults.append(f"{state}: feed: {feed.get('bozo_exception')} {feed.version}")
    wanted = sum(path.startswith("/status/incidents/") for path in documents)
    if len(feed.entries) != wanted or not all(e.id and e.title and e.updated_parsed and e.link and e.content for e in feed.entries):
        faults.append(f"{state}: feed: {len(feed.entries)} whole entries wanted {wanted}")


def main():
    states, folder, faults = json.load(open(sys.argv[1])), sys.argv[2], []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-dev-shm-usage"])
        for state, list_ in states.items():
            documents = {document["path"]: document for document in list_}
            look(browser, state, documents, folder, faults)
            if "/status" in documents:
                check_feed(state, documents, faults)
        browser.close()
    open(f"{folder}/faults.txt", "w").write("\n".join(faults))
    return 1 if faults else 0


sys.exit(main())
