import Cryptography
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Logging
import PlimsollWire
import Postgres

extension PeerAPI {
    func addGatewayRoutes(to router: Router<PeerContext>) {
        addFindingRoutes(to: router)
        router.get(RouterPath(GatewayPath.table)) { request, context in
            let gateway = try await admitted(context, role: .gateway)
            let since = request.uri.queryParameters.get("since", as: Int64.self) ?? request.headers[.ifNoneMatch].flatMap(Self.version)
            return try await table(since: since, wait: request.waitSeconds, gateway: gateway, logger: context)
        }
        router.get(RouterPath(GatewayPath.status)) { request, context in
            _ = try await admitted(context, role: .gateway)
            let since = request.uri.queryParameters.get("since", as: Int64.self) ?? request.headers[.ifNoneMatch].flatMap(Self.version)
            return try await status(since: since, wait: request.waitSeconds)
        }
        router.post(RouterPath(GatewayPath.usage)) { request, context in
            let gateway = try await admitted(context, role: .gateway)
            let batch = try await PeerMessages.read(UsageBatch.self, request, limit: 4 << 20)
            return try PeerMessages.answer(try await store(batch, from: gateway))
        }
        router.post(RouterPath(GatewayPath.minutes)) { request, context in
            let gateway = try await admitted(context, role: .gateway)
            return try PeerMessages.answer(try await takeMinutes(request, from: gateway))
        }
        router.post(RouterPath(GatewayPath.abuse)) { request, context in
            let gateway = try await admitted(context, role: .gateway)
            let report = try await PeerMessages.read(AbuseReport.self, request, limit: 1 << 20)
            return try PeerMessages.answer(try await AbuseIntake(pool: serving).store(report, from: gateway))
        }
        router.post(RouterPath(GatewayPath.captures)) { request, context in
            _ = try await admitted(context, role: .gateway)
            let call = try await PeerMessages.read(CaptureCall.self, request, limit: 1 << 16)
            return try PeerMessages.answer(try await captures.answer(call))
        }
        router.post(RouterPath(GatewayPath.captureRecords)) { request, context in
            _ = try await admitted(context, role: .gateway)
            let batch = try await PeerMessages.read(CaptureBatch.self, request, limit: 16 << 20)
            return try PeerMessages.answer(try await captures.store(batch))
        }
        router.post(RouterPath(GatewayPath.decisions)) { request, context in
            let gateway = try await admitted(context, role: .gateway)
            let batch = try await PeerMessages.read(DecisionBatch.self, request, limit: 4 << 20)
            return try PeerMessages.answer(try await decisions.store(batch, from: gateway))
        }
        router.post(RouterPath(GatewayPath.fleet)) { request, context in
            let gateway = try await admitted(context, role: .gateway)
            let report = try await PeerMessages.read(FleetReport.self, request, limit: 1 << 20)
            return try PeerMessages.answer(try await FleetIntake(pool: serving).store(report, from: gateway))
        }
        router.post(RouterPath(GatewayPath.leases)) { request, context in
            let gateway = try await admitted(context, role: .gateway)
            let message = try await PeerMessages.read(LeaseRequest.self, request, limit: 4 << 20)
            var answer = try await leases.exchange(message, from: gateway)
            if let reports = message.rates { answer.rates = try await rates.exchange(reports, from: gateway) }
            return try PeerMessages.answer(answer)
        }
    }

    /// What gateways found out about what they serve.
    private func addFindingRoutes(to router: Router<PeerContext>) {
        router.post(RouterPath(GatewayPath.probes)) { request, context in
            let gateway = try await admitted(context, role: .gateway)
            let batch = try await PeerMessages.read(ProbeBatch.self, request, limit: 2 << 20)
            return try PeerMessages.answer(try await probes.store(batch, from: gateway))
        }
        router.post(RouterPath(GatewayPath.answerScores)) { request, context in
            let gateway = try await admitted(context, role: .gateway)
            let batch = try await PeerMessages.read(AnswerScoreBatch.self, request, limit: 1 << 20)
            return try PeerMessages.answer(try await scores.store(batch, from: gateway))
        }
    }

    /// After a minute's end all gateways tell of it at once; whoever waits has not sent its counters yet.
    private func takeMinutes(_ request: Request, from gateway: UUID) async throws -> IntakeResponse {
        try await minuteTurns.pass {
            let batch = try await minutes.reading { try await minuteReads.pass { try await PeerMessages.minutes(request) } }
            return try await minutes.store(batch, from: gateway)
        }
    }

    private func store(_ batch: UsageBatch, from gateway: UUID) async throws -> IntakeResponse {
        let answer = try await usage.store(batch, from: gateway)
        if let ended = batch.ended { try await sources.noteRecorded(gateway, ended) }
        return answer
    }

    private func table(since: Int64?, wait: Duration, gateway: UUID, logger context: PeerContext) async throws -> Response {
        await noteSeen(gateway, version: since ?? 0, context)
        guard let answer = try await endingAtShutdown({ try await board.answer(since: since, wait: wait) }) else {
            guard board.version > 0 else { throw PeerRefusal(.unavailable, "no routing table has been published yet") }
            return Response(status: .notModified, headers: [.eTag: "\"\(board.version)\""])
        }
        return PeerMessages.answer(json: answer.body, headers: [.eTag: "\"\(answer.version)\""])
    }

    private func status(since: Int64?, wait: Duration) async throws -> Response {
        guard let page = try await endingAtShutdown({ try await statusPage.answer(since: since, wait: wait) }) else {
            // Who has none yet is not told that nothing is newer.
            guard since != nil, let current = statusPage.current else { throw PeerRefusal(.unavailable, "no status page has been made yet") }
            return Response(status: .notModified, headers: Self.fields(of: current))
        }
        return PeerMessages.answer(json: page.body, headers: Self.fields(of: page))
    }

    private static func fields(of page: StatusBoard.Page) -> HTTPFields {
        var fields: HTTPFields = [.eTag: "\"\(page.publication.version)\""]
        if let name = HTTPField.Name(StatusHeader.age) { fields[name] = String(page.ageSeconds) }
        return fields
    }

    /// For people who look which gateways are up to date; a table must go out although this cannot be written.
    private func noteSeen(_ gateway: UUID, version: Int64, _ context: PeerContext) async {
        do {
            try await serving.execute(
                "UPDATE serving.gateways SET table_version = greatest(\(version)::bigint, 0), last_seen_at = now() WHERE id = \(gateway)")
        } catch {
            context.logger.debug("Gateway's version could not be noted", metadata: ["error.code": "\(errorCode(error))"])
        }
    }

    /// The number of an entity tag such as `"17"`.
    private static func version(_ tag: String) -> Int64? {
        Int64(tag.drop { $0 == "W" || $0 == "/" }.filter { $0 != "\"" })
    }
}
