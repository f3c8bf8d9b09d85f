import Postgres

extension APIContract {
    /// Rows that only hosts and gateways write, with every column filled that a document shows.
    static let seeds: [SQL] = [
        """
        INSERT INTO reliability.budget_subject (tenant_id, tier, model, region, first_minute_at) SELECT id, 'pro', 'tiny', 'eu', now() FROM serving.tenants
        """,
        """
        INSERT INTO reliability.budget_entry (subject_id, minute_at, amount, status, cause, detail)
        SELECT id, date_trunc('minute', now()), 1, 'bad', 'deployment', 'release tiny-q8' FROM reliability.budget_subject
        """,
        """
        INSERT INTO reliability.budget_state (subject_id, kind, objective_id, period_from, period_until, total, bad, consumed_numerator,
            consumed_denominator, rolling_total, rolling_bad, rolling_consumed_numerator, rolling_consumed_denominator, verdict, freeze_state, causes,
            evaluated_at)
        SELECT subject.id, 'availability', objective.id, now(), now(), 43200, 1, 10, 432, 43200, 1, 10, 432, 'met', 'normal', '{"deployment": 1}', now()
        FROM reliability.budget_subject AS subject, reliability.objective WHERE objective.name = 'availability'
        """,
        """
        INSERT INTO reliability.burn_alert (subject_id, kind, objective_id, severity, long_seconds, short_seconds, burn, threshold, bad, total,
            opened_at, closed_at)
        SELECT subject_id, kind, objective_id, 'page', 3600, 300, 20, 14.4, 5, 100, now(), now() FROM reliability.budget_state
        """,
        "UPDATE reliability.agreement SET state = 'active'",
        """
        INSERT INTO reliability.credit (agreement_id, tenant_id, terms_id, month, version, status, amount_cents, arithmetic, computed_by)
        SELECT id, tenant_id, terms_id, '2026-01', 1, 'issued', 5, '{"month": "2026-01"}', 'test' FROM reliability.agreement
        """,
        """
        INSERT INTO reliability.credit_recheck (agreement_id, month) SELECT id, '2026-01' FROM reliability.agreement
        """,
        """
        INSERT INTO reliability.credit_fault (agreement_id, month, reason) SELECT id, '2026-01', 'decoding: leaves that are none' FROM reliability.agreement
        """,
        """
        INSERT INTO reliability.incident (key, rule, severity, tier, model, region, provider, worker_id, tenant_id, title, began_at, opened_at,
            last_signal_at, impact_from, snapshot)
        VALUES ('pro/tiny/eu/server_errors', 'server_errors', 'page', 'pro', 'tiny', 'eu', 'alpha', gen_random_uuid(),
            (SELECT id FROM serving.tenants ORDER BY created_at LIMIT 1), 'Server errors have risen',
            now(), now(), now(), now(), '{"fleet": {}}')
        """,
        """
        INSERT INTO reliability.incident_event (incident_id, at, kind, actor, text)
        SELECT id, now(), 'opened', 'policy', 'Server errors have risen' FROM reliability.incident
        """,
        """
        INSERT INTO reliability.mitigation (action, tier, model, region, value, incident_id, cause, cost_micro_usd_per_hour, mode, state,
            requested_by, created_at, expires_at)
        SELECT 'cap_output', 'pro', 'tiny', 'eu', 256, id, 'Server errors have risen', 5, 'automatic', 'active', 'policy',
            now() + interval '1 second', now() + interval '1 hour' FROM reliability.incident
        """,
        """
        INSERT INTO reliability.fallback_score (mitigation_id, model, tier, region, hour_at, answers, score_ppm, failures)
        SELECT id, 'tiny', 'pro', 'eu', date_trunc('hour', now()), 4, 3500000, '{"cut_off": 1}' FROM reliability.mitigation
        """,
        """
        INSERT INTO reliability.page (channel_id, incident_id, event, state, attempts, next_attempt_at, last_error, created_at, ended_at)
        SELECT channel.id, incident.id, 'opened', 'dead', 3, now(), 'answered 400', now(), now()
        FROM reliability.page_channel AS channel, reliability.incident AS incident
        """,
        """
        INSERT INTO reliability.capacity_order (mitigation_id, scaler_id, event, workers, expires_at, state, attempts, next_attempt_at, last_error,
            created_at, ended_at)
        SELECT mitigation.id, scaler.id, 'release', 2, now(), 'dead', 50, now(), 'answered 503', now(), now()
        FROM reliability.mitigation AS mitigation, reliability.scaler AS scaler
        """,
        """
        INSERT INTO serving.quota_budgets (holder, kind, period) SELECT 'tenant/' || id, 'tokens_per_day', 20000 FROM serving.tenants
        """,
        """
        INSERT INTO serving.hosts (id, name, pool, region, boot_id, certificate_not_after, link, link_address, agent_state, inventory,
            linked_gateways, clock_skew_milliseconds, last_heartbeat_at)
        VALUES (gen_random_uuid(), 'h1', 'alpha-eu', 'eu', 'b1', now() + interval '1 day', 'direct', 'h1:7900', 'serving', '{"cores": 8}',
            ARRAY[gen_random_uuid()], 3, now())
        """,
        """
        INSERT INTO serving.workers (host_id, runtime, release, dialect, served_model, runtime_version, runtime_state, slots, context_tokens,
            accepted, load, last_reported_at, restartable)
        SELECT id, 'main', 'tiny-q8', 'llamacpp', 'tiny.gguf', 'b1', 'ready', 4, 2048, true, '{"running": 1, "waiting": 0, "relaying": 2}', now(), true
        FROM serving.hosts
        """,
        """
        INSERT INTO serving.gateways (id, name, region, advertise, boot_id, certificate_not_after, last_seen_at)
        VALUES (gen_random_uuid(), 'g1', 'eu', 'g1:7801', 'b1', now() + interval '1 day', now())
        """,
        """
        INSERT INTO serving.quota_leases (holder, kind, period, gateway_id, boot_id, sequence, granted, spent, expires_at)
        SELECT holder, kind, period, id, 'b1', 1, 100, 7, now() + interval '1 hour' FROM serving.quota_budgets, serving.gateways
        """,
        "INSERT INTO serving.operations (host_id, kind, deadline, requested_by) SELECT id, 'drain', now() + interval '1 hour', 'test' FROM serving.hosts",
        """
        INSERT INTO billing.usage_event (tenant_id, request_id, accepted_at, key_id, tier, model, release, region, worker_id, provider, gateway_id,
            boot_id, sequence, stream, status, outcome, finish_reason, error_code, first_token_after_us, finished_after_us, queued_for_us,
            prompt_tokens, cached_prompt_tokens, completion_tokens, reasoning_tokens, billable_prompt_tokens, billable_completion_tokens, estimated,
            attempts, payload_sha256, price_version)
        SELECT id, gen_random_uuid(), now(), gen_random_uuid(), 'pro', 'tiny', 'tiny-q8', 'eu', gen_random_uuid(), 'alpha', gen_random_uuid(),
            'b', 1, true, 200, 'good', 'stop', 'none', 1, 10, 0, 5, 0, 7, 0, 5, 7, false, 1, sha256('x'), 1 FROM serving.tenants
        """,
        """
        INSERT INTO serving.abuse_events (kind, tenant_id, rule_id, gateway_id, count, detail)
        SELECT 'rule', tenant_id, id, gen_random_uuid(), 3, '{"minute": 1}' FROM serving.rules
        """,
        """
        INSERT INTO reliability.request_decision (request_id, gateway_id, accepted_at, decision)
        SELECT request_id, gateway_id, accepted_at, '{"request_id": "00000000-0000-7000-8000-000000000001", "accepted_at": 1, "queued_for": 0, "prompt_tokens": 9, "cached_tokens": 0,
            "candidates": [{"worker": "w", "role": "owner", "cost": 5, "price_micro_usd": 1}],
            "attempts": [{"worker": "w", "reason": "first", "started_after": 1, "first_token_after": 2, "ended_after": 3, "result": "answered"}]}'
        FROM billing.usage_event
        """,
        // Two candidates of four workers, of which one was full; the first was taken and answered.
        """
        INSERT INTO billing.request_routing (request_id, routing)
        SELECT request_id, decode('0103090401040801121111111111111111000501222222222222222202070001000001020a', 'hex') FROM billing.usage_event
        """,
        """
        INSERT INTO serving.captures (tenant_id, key_id, key_only, models, record_limit, sealed_key, expires_at)
        SELECT tenant_id, id, true, '{tiny}', 5, decode('07', 'hex'), now() + interval '1 hour' FROM serving.api_keys
        """,
        """
        INSERT INTO billing.usage_quarantine (gateway_id, reason, request_id, payload_sha256, payload)
        VALUES (gen_random_uuid(), 'other_content', 'r1', sha256('x'), '{"request_id": "r1"}')
        """,
        """
        INSERT INTO reliability.minute (tenant_id, model, region, minute_at, gateway_id, boot_id, sequence, tier, outcomes, good, bad, excluded,
            first_token_samples, first_token_over, prompt_tokens, completion_tokens, rate_limited, disconnects, first_token_histogram, provider)
        SELECT id, 'tiny', 'eu', date_trunc('minute', now()), gen_random_uuid(), 'b', 1, 'pro', '{"good": 1}', 1, 0, 0, 1, 0, 5, 7, 0, 0, '{"3": 1}', 'alpha'
        FROM serving.tenants
        """,
        """
        INSERT INTO reliability.probe (id, at, kind, gateway_id, worker_id, provider, model, region, succeeded, fault, status, ttft_us, ttlt_us,
            name_lookup_us, connect_us, tls_us, link_rtt_us, prompt_tokens, completion_tokens)
        VALUES (gen_random_uuid(), now(), 'worker', gen_random_uuid(), gen_random_uuid(), 'alpha', 'tiny', 'eu', false, 'runtime', 503, 1, 2, 3, 4, 5, 6,
            7, 8)
        """,
        """
        INSERT INTO reliability.provider_score (provider, computed_at, points, availability, latency, preemption, price, success, probes, clean_probes,
            round_trip_us, losses, undrained_losses, last_probe_at, last_incident_at, admitted, admitted_changed_at)
        VALUES ('alpha', now(), 81.5, 0.9, 0.8, 0.7, 0.6, 0.99, 100, 30, 900, 2, 1, now(), now(), true, now())
        """,
        "INSERT INTO reliability.provider_score_day VALUES ('alpha', now()::date, 81.5, true)",
        "INSERT INTO reliability.probe_minute VALUES ('tiny', 'eu', date_trunc('minute', now()), 1, 1)",
        "INSERT INTO reliability.probe_cost VALUES (current_date, 'worker', 'alpha', 'tiny', 'eu', 1, 7, 8, 1500000)",
        """
        INSERT INTO reliability.evidence_tree (tenant_id, month, salt, next_at, leaves, peaks)
        SELECT id, date_trunc('month', now() AT TIME ZONE 'UTC')::date, decode(repeat('07', 16), 'hex'), date_trunc('minute', now()), 1, sha256('leaf')
        FROM serving.tenants
        """,
        """
        INSERT INTO reliability.evidence_day (tenant_id, day, model, region, since_at, minutes, leaves)
        SELECT id, (now() AT TIME ZONE 'UTC')::date, 'tiny', 'eu', date_trunc('day', now(), 'UTC'), 1, '0|0|0|0|0|good:idle' FROM serving.tenants
        """,
    ]
}
