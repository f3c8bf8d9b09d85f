import Postgres

/// Scores of providers: as they are now, and the last of each day.
enum ProviderScoreResource {
    private static let current = Listing(
        document: """
            json_build_object('provider', r.provider, 'computed_at', serving.wire_time(r.computed_at), 'points', r.points,
                'admitted', r.admitted, 'low', r.low, 'admitted_changed_at', serving.wire_time(r.admitted_changed_at), 'availability', r.availability,
                'latency', r.latency, 'preemption', r.preemption, 'price', r.price, 'success', r.success, 'probes', r.probes,
                'clean_probes', r.clean_probes, 'round_trip', r.round_trip_us, 'losses', r.losses, 'undrained_losses', r.undrained_losses,
                'last_probe_at', serving.wire_time(r.last_probe_at), 'last_incident_at', serving.wire_time(r.last_incident_at))
            """,
        source: "reliability.provider_score AS r", order: "r.provider", orderType: "text", id: "r.provider", idType: "text",
        filters: [.text("provider", "r.provider"), .choice("admitted", "r.admitted::text", ["true", "false"])])

    static let list = AdminRoute.read("provider-scores") { call, databases in try await current.page(call, databases.reliability) }

    private static let days = Listing(
        document: "json_build_object('provider', r.provider, 'day', r.day, 'points', r.points, 'admitted', r.admitted)",
        source: "reliability.provider_score_day AS r", order: "r.day", orderType: "date", id: "r.provider", idType: "text",
        usualOrder: .descending, filters: [.text("provider", "r.provider")])

    static let history = AdminRoute.read("provider-score-days") { call, databases in try await days.page(call, databases.reliability) }
}
