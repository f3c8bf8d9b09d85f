import Domain

/// Area SLI: what a request counts as, its latency sample and what it bills.
enum OutcomeCases {
    static let shapes = [
        CaseShape(
            required: ["status"],
            optional: [
                "ttft_us", "finish_reason", "prompt_tokens", "completion_tokens", "stream_broken", "within_quota", "client_abort", "elapsed_us",
                "prompt_over_limit", "in_maintenance", "attempts", "prohibited_content", "prohibited",
            ],
            compute: outcome)
    ]

    private static func outcome(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let evidence = try evidence(inputs)
        let billable = BillableTokens(evidence)
        let sample = FirstTokenSample(evidence, objectiveMicroseconds: 1_500_000)
        return [
            "availability": .text(Outcome(evidence).rawValue),
            "ttft_sample": sample.map { .object(["us": .integer($0.microseconds), "censored": .bool($0.censored)]) } ?? .null,
            "billable_prompt_completion": .integers([Int64(billable.prompt), Int64(billable.completion)]),
        ]
    }

    private static func evidence(_ inputs: CaseInputs) throws -> RequestEvidence {
        var evidence = RequestEvidence(status: Int(try inputs.integer("status")))
        evidence.inMaintenance = try inputs.bool("in_maintenance", default: false)
        evidence.promptOverLimit = try inputs.bool("prompt_over_limit", default: false)
        let prohibited = try inputs.bool("prohibited", default: false)
        evidence.prohibitedContent = try prohibited || inputs.bool("prohibited_content", default: false)
        // Who was refused without proof of excess was refused by us.
        evidence.withinQuota = try inputs.bool("within_quota", default: true)
        evidence.clientAborted = try inputs.bool("client_abort", default: false)
        evidence.streamBroken = try inputs.bool("stream_broken", default: false)
        evidence.hasFinishReason = (inputs.values["finish_reason"] ?? .null) != .null
        evidence.promptTokens = Int(try inputs.integer("prompt_tokens", default: 0))
        evidence.completionTokens = Int(try inputs.integer("completion_tokens", default: 0))
        evidence.firstTokenAfter = inputs.values["ttft_us"] == nil ? nil : try inputs.integer("ttft_us")
        evidence.finishedAfter = try inputs.integer("elapsed_us", default: 0)
        return evidence
    }
}
