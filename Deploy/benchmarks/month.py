#!/usr/bin/env python3
"""Computes the credits of a whole month of minutes, as the control plane does on the fourth day: every minute of every tenant has traffic.

    Deploy/bench --month [--tenants 1000] [--build release]
"""
import argparse
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time

POSTGRES = max(f"/usr/lib/postgresql/{name}/bin" for name in os.listdir("/usr/lib/postgresql"))

FILL = """
INSERT INTO serving.tiers (name, display_name, capacity_policy, priority, max_prompt_tokens, max_output_tokens, max_body_bytes, requests_per_minute,
    tokens_per_minute, concurrent_requests, max_table_age_seconds, ttft_objective_microseconds, monthly_minimum_micro_usd)
VALUES ('pro', 'Pro', 'shared', 50, 1000, 1000, 100000, 100, 100000, 10, 3600, 1500000, 500000000);
INSERT INTO reliability.probe_minute SELECT 'tiny', 'eu', minute_at, 1, 0 FROM generate_series({first}, {last}, '1 minute') AS minute_at;
INSERT INTO reliability.minute_total
SELECT ('00000000-0000-0000-0000-' || lpad(tenant::text, 12, '0'))::uuid, 'tiny', 'eu', minute_at, 'pro', 5, (random() < 0.001)::int, 0, 0, 0, 0, 5,
    (random() < 0.05)::int, 0
FROM generate_series(1, {tenants}) AS tenant, generate_series({first}, {last}, '1 minute') AS minute_at;
ANALYZE;
WITH made AS (INSERT INTO reliability.terms (name, version, title, tier, created_by) VALUES ('pro', 1, 'Pro', 'pro', 'bench') RETURNING id)
INSERT INTO reliability.agreement (tenant_id, terms_id, model, region, state, starts_at, monthly_minimum_micro_usd, evidence, requested_by)
SELECT ('00000000-0000-0000-0000-' || lpad(tenant::text, 12, '0'))::uuid, made.id, 'tiny', 'eu', 'active', '2020-01-01', 500000000, '{{}}', 'bench'
FROM made, generate_series(1, {tenants}) AS tenant;
"""


class Database:
    """A PostgreSQL of this run's own."""

    def __init__(self, folder):
        self.folder = folder
        self.owner = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        os.chmod(folder, 0o755)
        os.mkdir(f"{folder}/pg")
        if os.getuid() == 0:
            shutil.chown(f"{folder}/pg", self.owner)
        self.tool("initdb", "-D", f"{folder}/pg/data", "-U", "bench", "--auth=trust", "--no-sync", "--locale=C.UTF-8", "-E", "UTF8")
        settings = f"-c listen_addresses= -c unix_socket_directories={folder}/pg -c shared_buffers=512MB -c max_wal_size=8GB -c jit=off"
        self.tool("pg_ctl", "-D", f"{folder}/pg/data", "-w", "-s", "-l", f"{folder}/pg/log", "-o", settings, "start")
        self.url = f"host={folder}/pg user=bench dbname=postgres"

    def tool(self, name, *arguments):
        prefix = ["setpriv", f"--reuid={self.owner}", f"--regid={self.owner}", "--clear-groups", "--"] if os.getuid() == 0 else []
        subprocess.run(prefix + [f"{POSTGRES}/{name}", *arguments], check=True, stdout=subprocess.DEVNULL)

    def sql(self, text):
        command = [f"{POSTGRES}/psql", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", self.url, "-c", text]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def stop(self):
        self.tool("pg_ctl", "-D", f"{self.folder}/pg/data", "-w", "-s", "-m", "immediate", "stop")


def peak_memory(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM"))


def main():
    reader = argparse.ArgumentParser()
    reader.add_argument("--month", action="store_true")
    reader.add_argument("--tenants", type=int, default=1000)
    reader.add_argument("--build", default="release")
    wish = reader.parse_args()
    folder = tempfile.mkdtemp(prefix="plimsoll-month-")
    database = Database(folder)
    program = f".build/{wish.build}/plimsoll-control"
    environment = dict(
        os.environ, PLIMSOLL_DATABASE_URL=database.url, PLIMSOLL_PKI_DIR=f"{folder}/pki", PLIMSOLL_ADMIN_LISTEN="127.0.0.1:0",
        PLIMSOLL_PEERS_LISTEN="127.0.0.1:0")
    server = None
    try:
        for command in (["migrate"], ["init"]):
            subprocess.run([program, *command], env=environment, check=True, stdout=subprocess.DEVNULL)
        month = "date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'"
        started = time.monotonic()
        database.sql(FILL.format(tenants=wish.tenants, first=f"{month} - interval '1 month'", last=f"{month} - interval '1 minute'"))
        minutes = int(database.sql("SELECT count(*) FROM reliability.minute_total"))
        print(f"{minutes} minutes of {wish.tenants} tenants written in {time.monotonic() - started:.0f} s", flush=True)
        server = subprocess.Popen([program, "serve"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        began = time.monotonic()
        while int(database.sql("SELECT count(*) FROM reliability.credit")) < wish.tenants:
            if server.poll() is not None or time.monotonic() - began > 3600:
                sys.exit("the control plane did not compute every credit")
            time.sleep(0.5)
        print(f"credits of all of them in {time.monotonic() - began:.1f} s, at most {peak_memory(server.pid)} MiB resident")
        print(database.sql("SELECT 'issued: ' || count(*) || ', cents: ' || sum(amount_cents) FROM reliability.credit WHERE status = 'issued'"))
    finally:
        if server:
            server.send_signal(signal.SIGTERM)
            server.wait()
        database.stop()
        shutil.rmtree(folder)


main()
