#!/usr/bin/env python3
"""Fifty gateways tell of a minute of 10,000 tenants when it has ended, over mutual TLS: until all of it is stored, and until it is merged for reading.

    Deploy/bench --minutes [--gateways 50] [--tenants 10000] [--rounds 3] [--spreads 1,5,50] [--goal 5 --goal-rows 500000]
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

import goals
from control import Control
from machine import free_port


# Minutes in one batch; seconds that a round's reports take to write for each gateway that a tenant asks at.
MOST, PREPARATION = 10_000, 0.5


class Busy(Exception):
    """The control plane takes nothing now, and wants to be asked again after so many seconds."""


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
        self.refused = 0
        self.connection = http.client.HTTPSConnection("127.0.0.1", control.peers, context=context, timeout=300)

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
        if answer.status == 503:
            raise Busy(int(answer.headers.get("Retry-After", 1)))
        assert answer.status == 200, (answer.status, text)
        return json.loads(text)

    def connect(self):
        """Anew: who tells every five seconds has a connection, and one that was idle through a long round is closed."""
        self.connection.close()
        self.connection.connect()

    def batch(self, sequence, minutes):
        return json.dumps({"gateway": self.id, "boot": self.boot, "sequence": sequence, "minutes": minutes}).encode()

    def tell(self, body):
        """How many were newer than what is stored. What was not taken is told again when the control plane says, as gateways do it."""
        while True:
            try:
                return self.post(self.connection, "minutes", body)["stored"]
            except Busy as busy:
                self.refused += 1
                time.sleep(busy.args[0])


def counters(tenant, minute, good):
    return {
        "minute": minute, "tenant": tenant, "tier": "pro", "model": "tiny", "region": "eu", "provider": "alpha", "outcomes": {"good": good, "bad:5xx": 1},
        "first_token_samples": 40, "first_token_over": 2, "prompt_tokens": 9000, "completion_tokens": 8000, "rate_limited": 0, "disconnects": 0,
        "first_token_histogram": {str(1500 + bucket * 7): 2 for bucket in range(20)},
    }


def told(gateways, bodies, end):
    """Seconds from the minute's end until every gateway has its answers. They tell as `MinutePace` has them: one after the other within a second."""
    stored, lock = [], threading.Lock()

    def one(index, gateway, batches):
        time.sleep(max(0, end + 0.2 + index / len(gateways) - time.time()))
        for batch in batches:
            count = gateway.tell(batch)
            with lock:
                stored.append(count)

    threads = [threading.Thread(target=one, args=(index, *pair)) for index, pair in enumerate(zip(gateways, bodies))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.time() - end, sum(stored)


def batches(gateway, number, minute, tenants):
    """Of at most so many minutes as the control plane takes at once."""
    told = [counters(tenant, minute, number) for tenant in tenants]
    return [gateway.batch(100_000 * number + first, told[first:first + MOST]) for first in range(0, len(told), MOST)]


def round_of(control, gateways, tenants, spread, number):
    """Every tenant has asked at `spread` gateways in the minute that runs now; nothing of it has been told before its end, which is the worst case."""
    # Written out before the minute is over.
    minute = int(time.time() + PREPARATION * spread) // 60
    bodies = [
        batches(gateway, number, minute, [tenant for place, tenant in enumerate(tenants) if (index - place) % len(gateways) < spread])
        for index, gateway in enumerate(gateways)
    ]
    end = (minute + 1) * 60
    for gateway in gateways:
        gateway.connect()
    seconds, stored = told(gateways, bodies, end)
    query = f"SELECT count(*) FROM reliability.minute_total WHERE minute_at = to_timestamp({minute * 60}) AND good = {number * spread}"
    while True:
        # What a query finds was there when it was asked.
        merged = time.time() - end
        if int(control.database.sql(query)) >= len(tenants):
            break
        assert control.runs() and merged < 600, control.last_words()
        time.sleep(0.1)
    size = sum(len(body) for told in bodies for body in told) / 1e6
    again = sum(gateway.refused for gateway in gateways)
    print(f"  {stored:,} rows ({size:.0f} MB): stored {seconds:.2f} s after the minute's end, merged for reading {merged:.2f} s after it"
          f"{f', {again} batches were told again so far' if again else ''}", flush=True)
    return seconds, merged


def main():
    reader = argparse.ArgumentParser()
    reader.add_argument("--minutes", action="store_true")
    reader.add_argument("--gateways", type=int, default=50)
    reader.add_argument("--tenants", type=int, default=10_000)
    reader.add_argument("--rounds", type=int, default=3)
    reader.add_argument("--spreads", default="1,5,50", help="at how many gateways each tenant asks")
    reader.add_argument("--goal", type=float, default=5, help="seconds after the minute's end by which it is to be merged")
    reader.add_argument("--goal-rows", type=int, default=500_000, help="rows a minute up to which the goal is held")
    wish = reader.parse_args()
    control = Control((free_port(), free_port()))
    try:
        control.serve()
        with open(f"{control.folder}/pki/root.pem", encoding="ascii") as file:
            authority = file.read()
        gateways = [Gateway(control, index, authority) for index in range(wish.gateways)]
        tenants = [str(uuid.uuid4()) for _ in range(wish.tenants)]
        for spread in (min(int(spread), wish.gateways) for spread in wish.spreads.split(",")):
            print(f"{wish.gateways} gateways, {wish.tenants:,} tenants, each at {spread} of them:", flush=True)
            rounds = [round_of(control, gateways, tenants, spread, 100 * spread + number + 1) for number in range(wish.rounds)]
            stored, merged = (statistics.median(column) for column in zip(*rounds))
            print(f"  median: stored after {stored:.2f} s, merged for reading after {merged:.2f} s; at most {control.peak_memory()} MiB resident")
            rows = spread * wish.tenants
            if rows <= wish.goal_rows:
                goals.hold(f"a minute of {rows:,} rows merged for reading", merged, wish.goal, "s")
    finally:
        control.stop()
    goals.end()


main()
