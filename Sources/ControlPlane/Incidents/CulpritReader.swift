import Domain
import FoundationEssentials
import Postgres

/// Which release, provider or worker of a model is worse than the others, by what it answered within the last minutes and by probes.
struct CulpritReader: Sendable {
    /// What is known of one model.
    struct Findings: Sendable {
        /// A release whose share of the traffic rose within the hour.
        var release: Finding?
        /// By region: the one worker that is worse than the others there, where no release is.
        var workers: [String: Finding] = [:]
        /// By region: the one provider of whose workers all are worse than those of the others there, where no release is.
        var providers: [String: Finding] = [:]
    }

    struct Finding: Sendable {
        var name: String
        var verdict: FaultComparison.Verdict
        /// In figures, for operators.
        var text: String
    }

    /// Seconds of answers.
    private static let window: TimeInterval = 600
    private static let takeover: TimeInterval = 3_600

    let serving: PostgresPool
    let billing: PostgresPool
    let reliability: PostgresPool
    let now: Date

    private struct Worker: Hashable {
        var id: String
        var release: String
        var region: String
    }

    /// Of a worker.
    private struct Home {
        var release: String
        var provider: String
    }

    private struct Candidate {
        var release: String
        var since: Date
    }

    func read(_ models: Set<String>) async throws -> [String: Findings] {
        guard !models.isEmpty else { return [:] }
        let candidates = try await candidates(models)
        // What was answered before it took over says nothing of it.
        let starts = models.sorted().map { model in
            (model: model, from: max(now.addingTimeInterval(-Self.window), candidates[model]?.since ?? .distantPast))
        }
        var known = try await answers(starts)
        let homes = try await homes(models)
        var found: [String: Findings] = [:]
        for (model, from) in starts {
            try await addProbes(model, from: from, homes, to: &known[model, default: [:]])
            let (tallies, candidate) = (known[model] ?? [:], candidates[model])
            var findings = Findings()
            findings.release = candidate.map { release($0.release, tallies) }
            if findings.release?.verdict != .worse {
                findings.workers = workers(tallies)
                findings.providers = providers(tallies, homes)
            }
            found[model] = findings
        }
        return found
    }

    private func release(_ name: String, _ tallies: [Worker: FaultComparison.Tally]) -> Finding {
        // Region by region: what troubles one is no fault of the release that has most of its workers there.
        let comparison = FaultComparison(
            Dictionary(grouping: tallies, by: \.key.region).values.map { place in Self.beside(place) { $0.release == name } })
        return Finding(name: name, verdict: comparison.verdict, text: "release \(name): \(comparison.text)")
    }

    /// Where two are worse than the others it is not one worker's fault. One that has changed its release is the same worker.
    private func workers(_ tallies: [Worker: FaultComparison.Tally]) -> [String: Finding] {
        Dictionary(grouping: tallies, by: \.key.region).compactMapValues { place in
            let worse = Set(place.map(\.key.id)).compactMap { id -> Finding? in
                let comparison = FaultComparison([Self.beside(place) { $0.id == id }])
                guard comparison.verdict == .worse else { return nil }
                return Finding(name: id, verdict: .worse, text: "worker \(id): \(comparison.text)")
            }
            return worse.count == 1 ? worse.first : nil
        }
    }

    /// One with a single worker is judged as that worker, and where two are worse than the others it is neither's fault.
    private func providers(_ tallies: [Worker: FaultComparison.Tally], _ homes: [String: Home]) -> [String: Finding] {
        Dictionary(grouping: tallies, by: \.key.region).compactMapValues { place in
            let worse = Set(place.compactMap { homes[$0.key.id]?.provider }).compactMap { name -> Finding? in
                let own = Set(place.map(\.key.id).filter { homes[$0]?.provider == name })
                let comparison = FaultComparison([Self.beside(place) { own.contains($0.id) }])
                // A worker that is as good as others' shows that its provider is not what is bad.
                let isWhole = own.allSatisfy { id in
                    let besideOthers = place.filter { $0.key.id == id || !own.contains($0.key.id) }
                    return FaultComparison([Self.beside(besideOthers) { $0.id == id }]).verdict != .alike
                }
                guard own.count > 1, comparison.verdict == .worse, isWhole else { return nil }
                return Finding(name: name, verdict: .worse, text: "provider \(name): \(comparison.text)")
            }
            return worse.count == 1 ? worse.first : nil
        }
    }

    private static func beside(_ tallies: [(key: Worker, value: FaultComparison.Tally)], _ isSuspect: (Worker) -> Bool) -> FaultComparison.Place {
        var place = FaultComparison.Place()
        for (worker, tally) in tallies {
            if isSuspect(worker) { place.suspect = place.suspect + tally } else { place.rest = place.rest + tally }
        }
        return place
    }

    /// Releases whose share rose within the hour, beside another one that serves or did, and that still have one; the newest of each model.
    private func candidates(_ models: Set<String>) async throws -> [String: Candidate] {
        let rows = try await serving.query(
            """
            SELECT DISTINCT ON (release.model) release.model, weight.subject, weight.created_at
            FROM serving.routing_weights AS weight JOIN serving.releases AS release ON release.name = weight.subject
            WHERE weight.scope = 'release' AND release.model = ANY(\(models.sorted())) AND release.state = 'active' AND weight.weight_ppm > 0
                AND weight.source <> 'default' AND weight.created_at > \(now.addingTimeInterval(-Self.takeover)) AND weight.created_at <= \(now)
                AND EXISTS (SELECT 1 FROM serving.current_routing_weights AS current
                    WHERE current.scope = 'release' AND current.subject = weight.subject AND current.weight_ppm > 0)
                AND \(ReleaseTakers.exist(beside: "release.name", of: "release.model"))
                AND weight.weight_ppm > coalesce((SELECT earlier.weight_ppm FROM serving.routing_weights AS earlier
                    WHERE earlier.scope = 'release' AND earlier.subject = weight.subject AND earlier.version < weight.version
                    ORDER BY earlier.version DESC LIMIT 1), 0)
            ORDER BY release.model, weight.version DESC
            """)
        return try rows.reduce(into: [:]) {
            $0[try $1.value("model")] = Candidate(release: try $1.value("subject"), since: try $1.value("created_at"))
        }
    }

    /// By model: rows of ten seconds, which are counted as records come. Those in which a release took over are left out.
    private func answers(_ starts: [(model: String, from: Date)]) async throws -> [String: [Worker: FaultComparison.Tally]] {
        let rows = try await billing.query(
            """
            SELECT known.model, known.worker_id, known.release, known.region, sum(known.answers)::bigint AS answers,
                sum(known.failed)::bigint AS failed, sum(known.samples)::bigint AS samples, sum(known.late)::bigint AS late
            FROM unnest(\(starts.map(\.model))::text[], \(starts.map(\.from))::timestamptz[]) AS asked (model, since)
            JOIN billing.answer_count AS known ON known.model = asked.model AND known.at >= asked.since
            WHERE known.at > \(now.addingTimeInterval(-Self.window)) AND known.at <= \(now)
            GROUP BY known.model, known.worker_id, known.release, known.region
            """)
        return try rows.reduce(into: [:]) { tallies, row in
            let worker = Worker(id: try row.id("worker_id"), release: try row.value("release"), region: try row.value("region"))
            tallies[try row.value("model"), default: [:]][worker] = FaultComparison.Tally(
                failures: FaultComparison.Share(bad: try row.value("failed"), total: try row.value("answers")),
                late: FaultComparison.Share(bad: try row.value("late"), total: try row.value("samples")))
        }
    }

    /// Of workers of these models, by their ids; also of those that went within the time that is looked at.
    private func homes(_ models: Set<String>) async throws -> [String: Home] {
        let rows = try await serving.query(
            """
            SELECT worker.id, worker.release, pools.provider FROM serving.workers AS worker
            JOIN serving.releases AS releases ON releases.name = worker.release
            JOIN serving.hosts AS hosts ON hosts.id = worker.host_id JOIN serving.pools AS pools ON pools.name = hosts.pool
            WHERE releases.model = ANY(\(models.sorted())) AND coalesce(worker.retired_at, \(now)) >= \(now.addingTimeInterval(-Self.window))
            """)
        return try rows.reduce(into: [:]) { $0[try $1.id("id")] = Home(release: try $1.value("release"), provider: try $1.value("provider")) }
    }

    /// A request that a second worker answered does not show the first one's failure; probes do.
    private func addProbes(_ model: String, from: Date, _ homes: [String: Home], to tallies: inout [Worker: FaultComparison.Tally]) async throws {
        let rows = try await reliability.query(
            """
            SELECT worker_id, region, count(*) AS asked, count(*) FILTER (WHERE fault IN ('runtime', 'answer', 'timeout')) AS failed
            FROM reliability.probe
            WHERE kind = 'worker' AND model = \(model) AND NOT drill AND at > \(from) AND at <= \(now) AND coalesce(fault, '') NOT IN ('gateway', 'link', 'host')
            GROUP BY worker_id, region
            """)
        for row in rows {
            let id = try row.id("worker_id")
            let worker = Worker(id: id, release: homes[id]?.release ?? "", region: try row.value("region"))
            tallies[worker, default: FaultComparison.Tally()].failures =
                (tallies[worker] ?? FaultComparison.Tally()).failures
                + FaultComparison.Share(bad: try row.value("failed"), total: try row.value("asked"))
        }
    }
}
