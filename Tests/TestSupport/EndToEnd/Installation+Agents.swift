import Foundation

/// A pool of a provider of its own, to which a test adds a host.
package struct AddedPool: Sendable {
    /// The provider's too.
    package let name: String
    let kind: String
    let region: String
    let standsBy: Bool

    /// - Parameter standsBy: Its weight is 0 from the beginning.
    package init(_ name: String, kind: String, region: String = "local", standsBy: Bool = false) {
        self.name = name
        self.kind = kind
        self.region = region
        self.standsBy = standsBy
    }
}

extension Installation {
    /// Joins a host to each of these pools, up to four, with a simulated runtime that serves the installation's model, lends their agents, and stops them.
    ///
    /// - Parameter environment: Added to their own, such as for another clock.
    package func withAgents(
        of pools: [AddedPool], environment: [String: String] = [:], _ body: ([String: ChildProcess]) async throws -> Void
    ) async throws {
        var agents: [String: ChildProcess] = [:]
        let result: Result<Void, any Error>
        do {
            for (index, pool) in pools.enumerated() { agents[pool.name] = try await addAgent(index, to: pool, environment) }
            for pool in pools { try await awaitWorker(of: pool.name) }
            result = .success(try await body(agents))
        } catch {
            result = .failure(error)
        }
        for agent in agents.values { agent.signal(SIGCONT) }
        for agent in agents.values { await agent.stop(grace: .seconds(10)) }
        try result.get()
    }

    private func addAgent(_ index: Int, to pool: AddedPool, _ environment: [String: String]) async throws -> ChildProcess {
        let name = pool.name
        try await made("/providers", #"{"name":"\#(name)","display_name":"\#(name)","kind":"independent"}"#)
        try await made("/pools", #"{"name":"\#(name)","provider":"\#(name)","region":"\#(pool.region)","kind":"\#(pool.kind)"}"#)
        if pool.standsBy { try await made("/routing-weights", #"{"scope":"pool","subject":"\#(name)","weight_ppm":0,"reason":"stands by"}"#) }
        let token = try await made("/enrolment-tokens", #"{"role":"agent","pool":"\#(name)"}"#).at("token") ?? ""
        let (folder, file) = ("\(state)/agents/\(name)", "\(state)/config/\(name).json")
        let release = try await rows("SELECT name FROM serving.releases").first ?? ""
        let command = [Checkout.program("plimsoll-simulated-runtime"), "--dialect", "vllm", "--socket", "\(folder).sock", "--model", model]
        let settings: [String: Any] = [
            "control_url": "https://127.0.0.1:\(portBase + 1)", "join_token": token, "state_dir": folder, "drain_limit": "1s",
            "operations": ["listen": "127.0.0.1:\(portBase + 222 + 10 * index)"],
            "runtimes": [
                ["name": name, "release": release, "dialect": "vllm", "address": "unix:\(folder).sock", "command": command, "stop_grace": "1s"]
            ],
        ]
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        try JSONSerialization.data(withJSONObject: settings).write(to: URL(filePath: file))
        return try ChildProcess(
            Checkout.program("plimsoll-agent"), ["serve", "--config", file], environment: environment, errors: "\(state)/logs/agent-\(name).log")
    }

    @discardableResult
    private func made(_ path: String, _ body: String) async throws -> HTTPCall {
        let answer = try await admin("POST", path, body)
        guard answer.status == 201 else { throw Waiting.Timeout(description: "\(path) made nothing: \(answer.status) \(answer.body)") }
        return answer
    }

    private func awaitWorker(of pool: String) async throws {
        try await Waiting.until("a worker of \(pool) is ready", within: .seconds(40)) {
            try await rows(
                """
                SELECT bool_or(worker.accepted AND worker.runtime_state = 'ready') FROM serving.workers AS worker
                JOIN serving.hosts ON hosts.id = worker.host_id WHERE hosts.pool = '\(pool)'
                """) == ["t"]
        }
    }
}
