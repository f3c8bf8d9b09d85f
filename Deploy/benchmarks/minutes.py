#!/usr/bin/env python3
"""Fifty gateways tell of the same minute of 10,000 tenants at once, over mutual TLS: until all of it is stored, and until it is merged for reading.

    Deploy/bench --minutes [--gateways 50] [--tenants 10000] [--rounds 3]
"""
import argparse
import http.client
import json
import ssl
import statistics
import subprocess
import threading
import time
import uuid

from control import Control
from machine import free_port


class Gateway:
    """One that is enrolled and holds a connection."""

    def __init__(self, control, index, authority):
        self.key, self.chain = f"{control.folder}/{index}.key", f"{control.folder}/{index}.pem"
        made = ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=gateway", "-keyout", self.key]
        request = subprocess.run(made, check=True, capture_output=True, text=True).stdout
        token = json.loads(control.ask("/admin/v1/enrolment-tokens", b'{"role":"gateway","region":"eu"}'))["token"]
        wish = {"token": token, "certificate_request_pem": request, "hostname": f"gateway-{index}", "version": "bench", "boot_id": str(uuid.uuid4()),
                "advertise": f"127.0.0.1:{10000 + index}"}
        answer = self.post(http.client.HTTPSConnection("127.0.0.1", control.peers, context=self.context(authority)), "enrol", wish)
        credentials = answer["credentials"]
        self.id, self.boot = credentials["id"], uuid.uuid4().hex
        with open(self.chain, "w", encoding="ascii") as file:
            file.write(credentials["certificate_chain_pem"])
        context = self.context(credentials["authorities_pem"])
        context.load_cert_chain(self.chain, self.key)
        self.connection = http.client.HTTPSConnection("127.0.0.1", control.peers, context=context, timeout=60)

    @staticmethod
    def context(authority):
        context = ssl.create_default_context(cadata=authority)
        context.check_hostname = False
        return context

    @staticmethod
    def post(connection, path, message):
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        connection.request("POST", f"/gateway/v1/{path}", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == 200, (answer.status, text)
        return json.loads(text)

    def batch(self, sequence, minutes):
        return json.dumps({"gateway": self.id, "boot": self.boot, "sequence": sequence, "minutes": minutes}).encode()

    def tell(self, body):
        return self.post(self.connection, "minutes", body)["stored"]


def counters(tenant, minute, good):
    return {
        "minute": minute, "tenant": tenant, "tier": "pro", "model": "tiny", "region": "eu", "provider": "alpha", "outcomes": {"good": good, "bad:5xx": 1},
        "first_token_samples": 40, "first_token_over": 2, "prompt_tokens": 9000, "completion_tokens": 8000, "rate_limited": 0, "disconnects": 0,
        "first_token_histogram": {str(1500 + bucket * 7): 2 for bucket in range(20)},
    }


def told(gateways, bodies):
    """Seconds until every gateway has its answer."""
    stored, lock = [], threading.Lock()

    def one(gateway, body):
        count = gateway.tell(body)
        with lock:
            stored.append(count)

    threads = [threading.Thread(target=one, args=pair) for pair in zip(gateways, bodies)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - began, sum(stored)


def round_of(control, gateways, tenants, spread, number):
    """Every tenant asks at `spread` gateways. The minute that is running: its reports are cumulative, so each round replaces the one before."""
    minute = int(time.time()) // 60
    bodies = [
        gateway.batch(number, [counters(tenant, minute, number) for place, tenant in enumerate(tenants)
                               if any((place + copy * 17) % len(gateways) == index for copy in range(spread))])
        for index, gateway in enumerate(gateways)
    ]
    seconds, stored = told(gateways, bodies)
    began = time.monotonic()
    query = f"SELECT count(*) FROM reliability.minute_total WHERE minute_at = to_timestamp({minute * 60}) AND good = {number * spread}"
    while int(control.database.sql(query)) < len(tenants):
        assert control.runs() and time.monotonic() - began < 60, control.last_words()
        time.sleep(0.1)
    merged = seconds + time.monotonic() - began
    print(f"  {stored:,} rows ({sum(map(len, bodies)) / 1e6:.0f} MB): stored after {seconds:.2f} s, merged for reading after {merged:.2f} s", flush=True)
    return seconds, merged


def main():
    reader = argparse.ArgumentParser()
    reader.add_argument("--minutes", action="store_true")
    reader.add_argument("--gateways", type=int, default=50)
    reader.add_argument("--tenants", type=int, default=10_000)
    reader.add_argument("--rounds", type=int, default=3)
    wish = reader.parse_args()
    control = Control((free_port(), free_port()))
    try:
        control.serve()
        with open(f"{control.folder}/pki/root.pem", encoding="ascii") as file:
            authority = file.read()
        gateways = [Gateway(control, index, authority) for index in range(wish.gateways)]
        tenants = [str(uuid.uuid4()) for _ in range(wish.tenants)]
        for spread in (1, 5):
            print(f"{wish.gateways} gateways, {wish.tenants:,} tenants, each at {spread} of them:", flush=True)
            rounds = [round_of(control, gateways, tenants, spread, 100 * spread + number) for number in range(wish.rounds)]
            stored, merged = (statistics.median(column) for column in zip(*rounds))
            print(f"  median: stored after {stored:.2f} s, merged for reading after {merged:.2f} s; at most {control.peak_memory()} MiB resident")
    finally:
        control.stop()


main()
