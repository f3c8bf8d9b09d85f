import FoundationEssentials
import Glibc
import HTTPWire
import Program

/// Follows a drill to its report and tells what happens as it happens.
struct DrillWatch: Sendable {
    let client: AdminClient
    let options: AdminOptions
    let load: DrillLoad

    enum Ending: Sendable {
        case reported(DrillVerdict)
        case aborted
    }

    /// Until its report is there. A drill whose command is interrupted is aborted.
    func follow(_ drill: JSONValue) async throws -> Ending {
        guard let id = drill["id"]?.string else { throw CommandFailure(.refused, "the server's answer names no drill") }
        let models = drill["models"]?.array?.compactMap(\.string) ?? []
        say("drill \(AdminColumn.text(drill["number"])) has begun: \(DrillText.target(drill))")
        do {
            return .reported(try report(try await ending(of: id, model: models.first ?? "")))
        } catch {
            guard Task.isCancelled else { throw error }
            try await abort(id)
            return .aborted
        }
    }

    private func ending(of id: String, model: String) async throws -> JSONValue {
        try await withThrowingTaskGroup(of: JSONValue?.self) { group in
            group.addTask { [load] in
                await load.run(model: model)
                return nil
            }
            group.addTask { try await watch(id) }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw CancellationError()
        }
    }

    /// Waits for it, although itself is cancelled: the drill must not outlive its command unsaid.
    private func abort(_ id: String) async throws {
        let failure = await Task { [client] () async -> CommandFailure? in
            do throws(CommandFailure) {
                _ = try await client.change("POST", "drills/\(id)/abort")
                return nil
            } catch {
                return error
            }
        }.value
        // One that was over by then has its report, or is about to.
        guard let failure, failure.refusal != "over" else {
            return ProgramExit.complain("plimsoll: interrupted; the drill is over, and what it showed will stand in plimsoll drills get \(id)")
        }
        throw CommandFailure(failure.code, "interrupted, and the drill could not be aborted (it ends by itself): \(failure.message)", cause: failure)
    }

    /// At once, also into a pipe or a file: what happens is told as it happens.
    private func say(_ text: String) {
        guard options.output == .table else { return }
        print(text)
        fflush(nil)
    }

    private func watch(_ id: String) async throws -> JSONValue {
        let began = ContinuousClock.now
        var (told, state) = (Set<String>(), "running")
        while true {
            let drill = try await client.get("drills/\(id)")
            for event in try await events(drill) where told.insert(event).inserted {
                say("\(seconds(since: began))  \(event)")
            }
            let now = drill["state"]?.string ?? ""
            if now != "running" { load.end() }
            if now != state, now == "settling" { say("\(seconds(since: began))  the drill is over; what was done is taken back, and counts come in") }
            state = now
            if DrillVerdict(rawValue: state) != nil { return drill }
            try await Task.sleep(for: .seconds(1))
        }
    }

    private func seconds(since began: ContinuousClock.Instant) -> String {
        let text = "\((ContinuousClock.now - began).components.seconds) s"
        return String(repeating: " ", count: max(6 - text.count, 0)) + text
    }

    /// What has happened since its beginning, in words that stay the same.
    private func events(_ drill: JSONValue) async throws(CommandFailure) -> [String] {
        let since = drill["started_at"]?.string ?? ""
        let incidents = try await client.all("incidents", filters: [("since", since)], most: 50)
        let mitigations = try await client.all("mitigations", filters: [("since", since)], most: 50)
        let opened = incidents.sorted { ($0["number"]?.integer ?? 0) < ($1["number"]?.integer ?? 0) }.flatMap { incident -> [String] in
            let name = "incident \(AdminColumn.text(incident["number"])), \(AdminColumn.text(incident["title"]))"
            return ["\(name): opened"] + (incident["resolved_at"]?.string == nil ? [] : ["\(name): resolved"])
        }
        let acted = mitigations.reversed().flatMap { mitigation -> [String] in
            let (name, state) = ("mitigation \(AdminColumn.text(mitigation["action"]))", AdminColumn.text(mitigation["state"]))
            return ["\(name): \(AdminColumn.text(mitigation["mode"]))"] + (state == "active" || state == "proposed" ? [] : ["\(name): \(state)"])
        }
        return (opened + acted).map(PrintableText.clean)
    }

    private func report(_ drill: JSONValue) throws(CommandFailure) -> DrillVerdict {
        guard let verdict = drill["state"]?.string.flatMap(DrillVerdict.init) else {
            throw CommandFailure(.refused, "the server's answer has no verdict")
        }
        if options.output == .table {
            if let sent = load.summary { say(sent) }
            for line in DrillText.lines(drill["report"] ?? .null, verdict) { say(line) }
        } else {
            options.show(drill)
        }
        return verdict
    }
}
