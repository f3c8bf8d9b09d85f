import HTTPWire

/// What a drill has shown of the promise, as the server's `state` spells it.
enum DrillVerdict: String {
    case held, failed, unproven
}

/// A drill's report in words.
enum DrillText {
    /// What is broken, where, how, for how long, and whom that touches.
    static func target(_ drill: JSONValue) -> String {
        let subject = ["provider", "worker"].compactMap { drill[$0]?.string }.joined(separator: " ")
        let regions = (drill["regions"]?.array ?? []).map { AdminColumn.text($0) }.joined(separator: ", ")
        let parts = [
            text(drill, "kind") + (subject.isEmpty ? "" : " of \(subject)"), "in \(regions.isEmpty ? "all regions" : regions)",
            drill["delay_milliseconds"]?.integer.map { "by \($0) ms" }, "until \(text(drill, "until"))",
        ]
        let models = (drill["models"]?.array ?? []).map { AdminColumn.text($0) }.joined(separator: ", ")
        return PrintableText.clean(parts.compactMap(\.self).joined(separator: " ") + (models.isEmpty ? "" : "; models that are touched: \(models)"))
    }

    static func lines(_ report: JSONValue, _ verdict: DrillVerdict) -> [String] {
        let rows: [(String, String)] = [
            ("requests", "\(text(report, "requests")), of which \(text(report, "requests_lost")) lost and \(text(report, "requests_moved")) moved"),
            ("noticed", duration(report["detected_after_us"], none: "not") + (report["detected_by"]?.string.map { " by \(article($0))" } ?? "")),
            ("in force", duration(report["mitigated_after_us"], none: "no mitigation was needed")),
            ("taken back", duration(report["reverted_after_us"], none: "-")),
            ("bad minutes", text(report, "bad_minutes")), ("budget", budget(report["budgets"]?.array ?? [])),
            (
                "first tokens",
                report["first_tokens"]?.integer == 0
                    ? "none measured" : "\(text(report, "first_tokens")), of which \(text(report, "first_tokens_late")) later than the objective"
            ),
        ]
        let fallbacks = (report["fallbacks"]?.array ?? []).map { ("fallback", fallback($0)) }
        let facts = (rows + fallbacks).map { "\($0.0)\(String(repeating: " ", count: 13 - $0.0.count))\(PrintableText.clean($0.1))" }
        let reasons = (report[verdict == .failed ? "failures" : "gaps"]?.array ?? []).map { "  \(AdminColumn.text($0))" }
        return facts + [sentence(verdict)] + reasons
    }

    private static func sentence(_ verdict: DrillVerdict) -> String {
        switch verdict {
        case .held: "the promise held"
        case .failed: "the promise did not hold:"
        case .unproven: "not proven, neither that the promise held nor that it did not:"
        }
    }

    private static func text(_ report: JSONValue, _ name: String) -> String { AdminColumn.text(report[name]) }

    private static func article(_ noun: String) -> String { noun == "incident" ? "an incident" : "a \(noun)" }

    private static func duration(_ value: JSONValue?, none: String) -> String {
        guard let micros = value?.integer else { return none }
        return "after \(micros / 1_000_000).\(micros / 100_000 % 10) s"
    }

    /// The greatest part of a budget that it took.
    private static func budget(_ parts: [JSONValue]) -> String {
        guard let part = parts.first else { return "no objective of availability is about what it touched" }
        let names = ["tier", "model", "region"].compactMap { part[$0]?.string }.joined(separator: ", ")
        let whole = "\(text(part, "bad_minutes")) of \(text(part, "allowed_minutes")) minutes of \(text(part, "objective")) (\(names))"
        guard let percent = part["percent"]?.string else { return "\(whole), which has none to spend" }
        return "\(percent) % burned: \(whole)"
    }

    private static func fallback(_ use: JSONValue) -> String {
        let served = [("other_provider", "another provider"), ("backup_region", "the backup region"), ("fallback_model", "the fallback model")]
            .compactMap { name, words in use[name]?.integer.flatMap { $0 > 0 ? "\($0) by \(words)" : nil } }
        let whole = served.isEmpty ? "no request" : served.joined(separator: ", ")
        return "\(text(use, "sku")): \(whole)" + (use["tried"]?.bool == true ? "" : "; too few to prove it")
    }
}
