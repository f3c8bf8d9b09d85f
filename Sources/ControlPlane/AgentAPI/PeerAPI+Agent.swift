import Cryptography
import FoundationEssentials
import HTTPTypes
import Hummingbird
import PlimsollWire
import Postgres
import ServiceLifecycle

extension PeerAPI {
    func addAgentRoutes(to router: Router<PeerContext>) {
        router.post(RouterPath(AgentPath.heartbeat)) { request, context in
            let host = try await admitted(context, role: .agent)
            let heartbeat = try await PeerMessages.read(Heartbeat.self, request, limit: 1 << 18)
            return try PeerMessages.answer(book.receive(heartbeat, from: host))
        }
        router.get(RouterPath(AgentPath.desiredState)) { request, context in
            let host = try await admitted(context, role: .agent)
            let known = request.uri.queryParameters.get("generation", as: Int64.self) ?? 0
            return try await desiredState(of: host, newerThan: known, wait: request.waitSeconds)
        }
        router.post(RouterPath(AgentPath.operationResults)) { request, context in
            let host = try await admitted(context, role: .agent)
            try await operations.record(PeerMessages.read(OperationResults.self, request, limit: 1 << 20), from: host)
            return PeerMessages.answer(json: Array("{}".utf8))
        }
    }

    private func desiredState(of host: UUID, newerThan known: Int64, wait: Duration) async throws -> Response {
        let state = try await endingAtShutdown {
            try await news.wait(for: .host(host.lowercased), atMost: wait) { try await desired.state(of: host, newerThan: known) }
        }
        guard let state else { return Response(status: .notModified) }
        book.note(generation: state.generation, of: host)
        return try PeerMessages.answer(state)
    }

    /// A long-poll must not hold up the program's end: it then answers as if nothing had come.
    func endingAtShutdown<Answer: Sendable>(_ poll: @escaping @Sendable () async throws -> Answer?) async throws -> Answer? {
        do {
            return try await cancelWhenGracefulShutdown { try await poll() }
        } catch is CancellationError {
            return nil
        } catch let error as PostgresError where error.code == .cancelled {
            return nil
        }
    }
}

extension Request {
    /// `wait` of a long-poll: at most 30 seconds, and a little less at random, so that those who began together do not come back together.
    var waitSeconds: Duration {
        let asked = min(max(uri.queryParameters.get("wait", as: Int.self) ?? 0, 0), 30)
        return .seconds(asked) * Double.random(in: 0.9...1)
    }
}
