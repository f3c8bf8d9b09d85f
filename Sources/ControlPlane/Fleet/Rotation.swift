import Postgres

/// Who may be given customers' requests now: what stands by, is out of service or drained answers probes, too.
enum Rotation {
    /// Each `worker` with its `host`, `pool`, `provider`, `release` and `model`, as gateways' tables have them; further conditions may follow.
    static let workers: SQL = """
        serving.workers AS worker JOIN serving.hosts AS host ON host.id = worker.host_id
        JOIN serving.pools AS pool ON pool.name = host.pool JOIN serving.providers AS provider ON provider.name = pool.provider
        JOIN serving.releases AS release ON release.name = worker.release JOIN serving.models AS model ON model.name = release.model
        LEFT JOIN serving.current_routing_weights AS of_release ON of_release.scope = 'release' AND of_release.subject = release.name
        LEFT JOIN serving.current_routing_weights AS of_pool ON of_pool.scope = 'pool' AND of_pool.subject = pool.name
        LEFT JOIN serving.current_routing_weights AS of_provider ON of_provider.scope = 'provider' AND of_provider.subject = provider.name
        WHERE worker.accepted AND worker.retired_at IS NULL AND worker.runtime_state = 'ready' AND host.state = 'active' AND host.intent <> 'drain'
            AND pool.state = 'active' AND provider.state = 'active' AND release.state = 'active' AND model.state = 'active'
            AND coalesce(of_release.weight_ppm, 1) > 0 AND worker.weight_ppm > 0 AND coalesce(of_provider.weight_ppm, 1) > 0
            AND (coalesce(of_pool.weight_ppm, 1) > 0 OR \(isLifted)) AND NOT \(isDrained)
        """

    private static let inForce: SQL =
        "reliability.mitigation AS done WHERE done.state = 'active' AND done.mode <> 'dry_run' AND done.expires_at > now()"

    /// What stands by is called in: pools alone do.
    private static let isLifted: SQL =
        "EXISTS (SELECT 1 FROM \(inForce) AND done.action IN ('warm_pool', 'reserved_capacity') AND done.pool = pool.name)"

    private static let isDrained: SQL = """
        EXISTS (SELECT 1 FROM \(inForce) AND (done.action IN ('drain_worker', 'restart_worker') AND done.worker_id = worker.id
            OR done.action = 'drain_provider' AND done.provider = provider.name AND coalesce(done.region = host.region, true)))
        """
}
