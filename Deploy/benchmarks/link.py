"""The link to hosts: a gateway that asks two agents over mutual TLS, beside nginx that asks another nginx over mutual TLS, to the same runtimes."""
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time
import urllib.request

import installation
from machine import cpu_seconds, free_port, wait_until_quiet

BUILD = pathlib.Path(".build/release")
KEY = "sk-bench-0123456789abcdef"
MODEL = "simulated"
CASES = {"whole": ["--connections", "64", "--seconds", "4"], "stream": ["--stream", "--connections", "100", "--seconds", "4", "--ramp-ms", "1000"]}
# Milliseconds to the first token and between tokens.
PACE = {"whole": (0, 0), "stream": (20, 20)}

NGINX = """
daemon off;
worker_processes 1;
pid {run}/{name}.pid;
error_log stderr error;
events {{ worker_connections 4096; multi_accept on; }}
http {{
    access_log off;
    keepalive_requests 100000000;
    client_body_temp_path {run}/b; proxy_temp_path {run}/p; fastcgi_temp_path {run}/f; uwsgi_temp_path {run}/u; scgi_temp_path {run}/s;
    upstream next {{ {servers} keepalive 1000; keepalive_requests 100000000; }}
    server {{
        listen 127.0.0.1:{port} {listen};
        location / {{
            proxy_pass {scheme}://next;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            {more}
        }}
    }}
}}
"""


def authority(folder):
    """An authority, and one certificate of it for both ends (P-256, as those of links)."""
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    run = lambda *words: subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)
    run("req", "-x509", *curve, "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem")
    run("req", *curve, "-subj", "/CN=peer", "-keyout", "peer.key", "-out", "peer.csr")
    run("x509", "-req", "-in", "peer.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-out", "peer.pem")


def nginx(folder, name, port, servers, scheme="http", listen="", more=""):
    text = NGINX.format(
        run=folder, name=name, port=port, scheme=scheme, listen=listen, more=more, servers="".join(f"server 127.0.0.1:{server};" for server in servers))
    path = folder / f"{name}.conf"
    path.write_text(text)
    return subprocess.Popen(["/usr/sbin/nginx", "-p", str(folder), "-c", str(path)], start_new_session=True)


def beside(folder, programs):
    """Runtimes, a back and a front; the port of the front and the process ids that count."""
    authority(folder)
    runtimes = [free_port(), free_port()]
    for port in runtimes:
        programs.append(
            subprocess.Popen(
                [BUILD / "plimsoll-simulated-runtime", "--port", str(port), "--slots", "64", "--model", MODEL, "--kv-tokens", "10000000"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    back, front = free_port(), free_port()
    pair = f"{folder}/peer.pem", f"{folder}/peer.key"
    tls = f"ssl; ssl_certificate {pair[0]}; ssl_certificate_key {pair[1]}; ssl_client_certificate {folder}/ca.pem; ssl_verify_client on; ssl_protocols TLSv1.3"
    client = (
        f"proxy_ssl_certificate {pair[0]}; proxy_ssl_certificate_key {pair[1]}; proxy_ssl_trusted_certificate {folder}/ca.pem; "
        "proxy_ssl_verify on; proxy_ssl_name peer; proxy_ssl_protocols TLSv1.3; proxy_ssl_session_reuse on;")
    programs += [nginx(folder, "back", back, runtimes, listen=tls), nginx(folder, "front", front, [back], "https", more=client)]
    return front, programs[-1].pid, [programs[-2].pid], [lambda order, port=port: post(f"http://127.0.0.1:{port}/_control", order) for port in runtimes]


def post(url, order):
    urllib.request.urlopen(urllib.request.Request(url, json.dumps(order).encode()), timeout=5).read()


def post_socket(path, order):
    subprocess.run(
        ["curl", "-sS", "--unix-socket", path, "-d", json.dumps(order), "http://runtime/_control"], check=True, stdout=subprocess.DEVNULL)


def whole_cpu(pid):
    """Of a process and its children: nginx works in one."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return cpu_seconds(pid) + sum(cpu_seconds(int(child)) for child in children)


def run(port, key, case, front, back):
    wait_until_quiet()
    before = whole_cpu(front), sum(whole_cpu(pid) for pid in back)
    text = subprocess.run(
        [BUILD / "plimsoll-bench", "load", "--port", str(port), "--key", key, "--model", MODEL, "--any-text", *CASES[case]], capture_output=True, text=True,
        check=True, timeout=120).stdout
    result = json.loads(text)
    after = whole_cpu(front), sum(whole_cpu(pid) for pid in back)
    result["front"], result["back"] = ((now - then) / max(result["completed"], 1) * 1000 for now, then in zip(after, before))
    return result


def sockets_of(state):
    """Of the runtimes of an installation."""
    found = []
    for name, pid in (pair.split("=") for pair in installation.demo(state)["PLIMSOLL_PIDS"].split()):
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if name.startswith("runtime") and b"--socket" in words:
            found.append(words[words.index(b"--socket") + 1].decode())
    return found


def report(case, results):
    print(f"\n{case}: medians, CPU seconds for 1,000 requests")
    base = {part: statistics.median(result[part] for result in results["nginx"]) for part in ("front", "back")}
    for name, runs in results.items():
        front, back = (statistics.median(result[part] for result in runs) for part in ("front", "back"))
        p50 = statistics.median(result["latency"]["p50"] for result in runs) / 1000
        wrong = sum(result["wrong"] + result["lost"] for result in runs)
        print(f"  {name:<10} front {front:.3f} ({front / base['front']:.2f}x)  back {back:.3f} ({back / base['back']:.2f}x)  p50 {p50:.2f} ms  wrong {wrong}")


def link(runs):
    programs = []
    with tempfile.TemporaryDirectory(prefix="plimsoll-link-") as name:
        state, folder = pathlib.Path(name, "state"), pathlib.Path(name, "nginx")
        state.mkdir(mode=0o755), folder.mkdir(mode=0o755)
        os.chmod(name, 0o755)
        installation.dev(str(state), 25300, "--runtime", "simulated", "--detach")
        try:
            values = installation.demo(state)
            agents = [installation.pid_of(state, word.split("=")[0]) for word in values["PLIMSOLL_PIDS"].split() if word.startswith("agent")]
            gateway = installation.pid_of(state, "gateway")
            front, front_pid, back_pids, controls = beside(folder, programs)
            controls += [lambda order, path=path: post_socket(path, order) for path in sockets_of(state)]
            port = int(values["PLIMSOLL_URL"].rsplit(":", 1)[1].split("/")[0])
            time.sleep(1)
            for case in CASES:
                for control in controls:
                    control({"first_token_ms": PACE[case][0], "token_gap_ms": PACE[case][1]})
                results = {"nginx": [], "plimsoll": []}
                for _ in range(runs):
                    results["nginx"].append(run(front, KEY, case, front_pid, back_pids))
                    results["plimsoll"].append(run(port, values["PLIMSOLL_API_KEY"], case, gateway, agents))
                report(case, results)
        finally:
            for program in programs:
                program.terminate()
            installation.dev(str(state), 25300, "--stop")
