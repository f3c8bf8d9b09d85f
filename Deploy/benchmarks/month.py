#!/usr/bin/env python3
"""A whole month of minutes into credits, evidence and reports, as the control plane does it after the month: every minute of every tenant has traffic.

    Deploy/bench --month [--tenants 1000] [--reports 20] [--goal-hours 1] [--goal-page 0.05]
"""
import argparse
import json
import statistics
import sys
import time

import goals
from control import Control
from machine import free_port

TENANT = "('00000000-0000-0000-0000-' || lpad(tenant::text, 12, '0'))::uuid"
FILL = """
INSERT INTO serving.tiers (name, display_name, capacity_policy, priority, max_prompt_tokens, max_output_tokens, max_body_bytes, requests_per_minute,
    tokens_per_minute, concurrent_requests, max_table_age_seconds, ttft_objective_microseconds, monthly_minimum_micro_usd)
VALUES ('pro', 'Pro', 'shared', 50, 1000, 1000, 100000, 100, 100000, 10, 3600, 1500000, 500000000);
INSERT INTO serving.tenants (id, name, display_name, tier) SELECT {tenant}, 'tenant-' || tenant, 'Tenant', 'pro' FROM generate_series(1, {tenants}) AS tenant;
INSERT INTO serving.tenants (id, name, display_name, tier) VALUES ('{long}', 'tenant-long', 'Tenant', 'pro');
INSERT INTO reliability.probe_minute SELECT 'tiny', 'eu', minute_at, 1, 0 FROM generate_series({first}, {last}, '1 minute') AS minute_at;
INSERT INTO reliability.minute_total (tenant_id, model, region, minute_at, tier, good, bad, excluded, server_errors, shed, over_quota,
    first_token_samples, first_token_over, disconnects)
SELECT {tenant}, 'tiny', 'eu', minute_at, 'pro', 5, (random() < 0.001)::int, 0, 0, 0, 0, 5, (random() < 0.05)::int, 0
FROM generate_series(1, {tenants}) AS tenant, generate_series({first}, {last}, '1 minute') AS minute_at;
INSERT INTO reliability.minute (tenant_id, model, region, minute_at, gateway_id, boot_id, sequence, tier, outcomes, good, bad, excluded,
    first_token_samples, first_token_over, prompt_tokens, completion_tokens, rate_limited, disconnects, first_token_histogram)
SELECT tenant_id, model, region, minute_at, gen_random_uuid(), 'boot', 1, tier, json_build_object('good', good, 'bad:5xx', bad)::jsonb, good, bad, 0,
    first_token_samples, first_token_over, 900, 800, 0, 0, '{{"1500": 2, "1507": 1, "1514": 1, "1521": 1}}'
FROM reliability.minute_total WHERE tenant_id IN (SELECT {tenant} FROM generate_series(1, {reports}) AS tenant);
SELECT upkeep.ensure_month('reliability.minute', date_trunc('month', now() - make_interval(days => days))::date) FROM unnest(ARRAY[91, 61, 31]) AS days;
INSERT INTO reliability.minute (tenant_id, model, region, minute_at, gateway_id, boot_id, sequence, tier, outcomes, good, bad, excluded,
    first_token_samples, first_token_over, prompt_tokens, completion_tokens, rate_limited, disconnects, first_token_histogram)
SELECT '{long}', 'tiny', 'eu', minute_at, '{long}', 'boot', 1, 'pro', '{{"good": 5}}', 5, 0, 0, 5, 0, 900, 800, 0, 0, '{{"1500": 5}}'
FROM generate_series(date_trunc('minute', now()) - interval '91 days', date_trunc('minute', now()) - interval '1 day', '1 minute') AS minute_at;
ANALYZE;
WITH made AS (INSERT INTO reliability.terms (name, version, title, tier, created_by) VALUES ('pro', 1, 'Pro', 'pro', 'bench') RETURNING id)
INSERT INTO reliability.agreement (tenant_id, terms_id, model, region, state, starts_at, monthly_minimum_micro_usd, evidence, requested_by)
SELECT {tenant}, made.id, 'tiny', 'eu', 'active', '2020-01-01', 500000000, '{{}}', 'bench' FROM made, generate_series(1, {tenants}) AS tenant;
INSERT INTO reliability.evidence_series (tenant_id, model, region, since_at, until_at, cause)
SELECT {tenant}, 'tiny', 'eu', {first}, {last} + interval '1 minute', 'subscription' FROM generate_series(1, {tenants}) AS tenant;
"""
LIMIT = 3600
LONG = "ffffffff-0000-0000-0000-000000000000"
MONTH = "date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'"


def wait(control, query, count, what):
    """Seconds until the query counts so many."""
    began, turn = time.monotonic(), 0
    while int(control.database.sql(query)) < count:
        if not control.runs() or time.monotonic() - began > LIMIT:
            sys.exit(f"the control plane did not make {what}: {control.last_words()}")
        # The kernel walks all pages of all processes for it: not each time.
        if turn % 10 == 0:
            control.database.note_memory()
        turn += 1
        time.sleep(0.5)
    return time.monotonic() - began


def memory(control):
    return f"at most {control.peak_memory()} MiB resident, and {control.database.note_memory()} MiB in all processes of PostgreSQL (Pss)"


def report_times(control, tenants):
    month = control.database.sql(f"SELECT to_char({MONTH} - interval '1 day', 'YYYY-MM')")
    times = []
    for tenant in range(1, tenants + 1):
        began = time.monotonic()
        report = json.loads(control.ask(f"/admin/v1/tenants/00000000-0000-0000-0000-{tenant:012}/report?month={month}"))
        times.append(time.monotonic() - began)
        assert report["complete"] and report["series"][0]["requests"]["good"] > 0, report
    return times


def page_times(control):
    """Pages of a tenant's minutes, newest first, out of the 129,600 of 90 days."""
    times, newest = [], int(time.time()) - 86_400
    for _ in range(20):
        began = time.monotonic()
        query = f"tenant={LONG}&model=tiny&region=eu&since={stamp(newest - 90 * 86_400)}&until={stamp(newest)}&limit=100"
        page = json.loads(control.ask(f"/admin/v1/minutes?{query}"))
        times.append(time.monotonic() - began)
        assert len(page["data"]) == 100, page
    return times


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def main():
    reader = argparse.ArgumentParser()
    reader.add_argument("--month", action="store_true")
    reader.add_argument("--tenants", type=int, default=1000)
    reader.add_argument("--reports", type=int, default=20, help="tenants whose reports are read, with the gateways' own rows behind them")
    reader.add_argument("--goal-hours", type=float, default=1, help="within which every credit, every tree and every report are to be there")
    reader.add_argument("--goal-page", type=float, default=0.05, help="seconds that the longest page of minutes may take")
    wish = reader.parse_args()
    wish.reports = min(wish.reports, wish.tenants)
    control = Control((free_port(), free_port()))
    try:
        began = time.monotonic()
        control.database.sql(FILL.format(
            tenant=TENANT, tenants=wish.tenants, reports=wish.reports, long=LONG, first=f"{MONTH} - interval '1 month'", last=f"{MONTH} - interval '1 minute'"))
        minutes = int(control.database.sql("SELECT count(*) FROM reliability.minute_total"))
        print(f"{minutes:,} minutes of {wish.tenants} tenants written in {time.monotonic() - began:.0f} s", flush=True)
        began = time.monotonic()
        control.serve()
        wait(control, "SELECT count(*) FROM reliability.credit", wish.tenants, "every credit")
        print(f"credits of all of them after {time.monotonic() - began:.1f} s, {memory(control)}", flush=True)
        wait(control, f"SELECT count(*) FROM reliability.evidence_tree WHERE leaves * {wish.tenants} = {minutes}", wish.tenants, "every tree")
        closed = time.monotonic() - began
        print(f"trees of all {minutes:,} leaves after {closed:.1f} s, {memory(control)}", flush=True)
        times = report_times(control, wish.reports)
        print(f"a tenant's report in {statistics.median(times):.2f} s (median of {len(times)}, longest {max(times):.2f} s), {memory(control)}")
        month_end = (closed + statistics.mean(times) * wish.tenants) / 3600
        times = page_times(control)
        print(f"a page of 100 out of 90 days of a tenant's minutes in {statistics.median(times) * 1e3:.1f} ms (longest of {len(times)}: {max(times) * 1e3:.1f} ms)")
        goals.hold(f"a month's end of {wish.tenants} tenants, with a report of each", month_end, wish.goal_hours, "h")
        goals.hold("the longest page of a tenant's minutes", max(times), wish.goal_page, "s")
        print(control.database.sql("SELECT 'issued: ' || count(*) || ', cents: ' || sum(amount_cents) FROM reliability.credit WHERE status = 'issued'"))
    finally:
        control.stop()
    goals.end()


main()
