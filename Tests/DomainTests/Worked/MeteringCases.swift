import Domain

/// Area MTR: events that come twice, late, early; reconciliation; what a retried request bills.
enum MeteringCases {
    static let shapes = [
        CaseShape(required: ["events"], compute: events),
        CaseShape(required: ["accepted_at", "received_at", "grace_hours"], compute: disposition),
        CaseShape(required: ["gateway", "rows", "tolerance"], compute: reconciliation),
        CaseShape(required: ["seen", "watermark"], compute: gaps),
        CaseShape(required: ["prompt", "attempt_completion"], compute: attempts),
    ]

    private static func events(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        var ledger = UsageLedger()
        var (accepted, tokens, duplicates) = (Int64(0), Int64(0), Int64(0))
        var conflicts: [String] = []
        for event in try inputs.array("events") {
            let fields = try event.array()
            guard fields.count == 3 else { throw CaseFault("an event has three fields") }
            let request = try fields[0].text()
            switch ledger.receive(.init(tenant: "t", request: request, kind: "final"), payloadHash: try fields[1].text()) {
            case .stored:
                accepted += 1
                tokens += try fields[2].integer()
            case .duplicate: duplicates += 1
            case .conflict: conflicts.append(request)
            }
        }
        return [
            "accepted": .integer(accepted), "tokens": .integer(tokens), "duplicates": .integer(duplicates), "conflicts": .texts(conflicts),
        ]
    }

    private static func disposition(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let disposition = UsageDisposition(
            acceptedAt: try inputs.instant("accepted_at"), receivedAt: try inputs.instant("received_at"),
            graceHours: try inputs.integer("grace_hours"))
        return ["disposition": .text(disposition.description)]
    }

    private static func totals(_ inputs: CaseInputs) throws -> Reconciliation.Totals {
        .init(requests: try inputs.integer("requests"), tokens: try inputs.integer("tokens"))
    }

    private static func reconciliation(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let result = Reconciliation(
            gateway: try totals(try inputs.inputs("gateway")), rows: try totals(try inputs.inputs("rows")),
            tolerance: try inputs.integer("tolerance"))
        return [
            "missing_requests": .integer(result.missingRequests), "missing_tokens": .integer(result.missingTokens),
            "drift_ppm": result.driftPartsPerMillion.map { .text($0) } ?? .null, "status": .text(result.isMatch ? "match" : "mismatch"),
        ]
    }

    private static func gaps(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let gaps = SequenceGaps.find(seen: try inputs.integers("seen"), watermark: try inputs.integer("watermark"))
        return ["gaps": .integers(gaps), "period_may_close": .bool(gaps.isEmpty)]
    }

    private static func attempts(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let tokens = AttemptTokens(
            prompt: Int(try inputs.integer("prompt")), completions: try inputs.integers("attempt_completion").map { Int($0) })
        return [
            "billable": .integers([Int64(tokens.billable.prompt), Int64(tokens.billable.completion)]),
            "worker_tokens": .integer(Int64(tokens.worker)), "waste_tokens": .integer(Int64(tokens.waste)),
        ]
    }
}
