import HTTPWire
import Testing

@testable import Commands

@Suite struct DrillTextTests {
    private func report(_ text: String) throws -> JSONValue { try JSONValue.parse(Array(text.utf8)) }

    @Test func `a report says what was seen, what it cost and which fallback served`() throws {
        let report = try report(
            #"""
            {"requests": 100, "requests_lost": 0, "requests_moved": 3, "detected_after_us": 2500000, "detected_by": "incident", "mitigated_after_us": 1200000,
            "reverted_after_us": null, "bad_minutes": 1, "budgets": [{"objective": "availability", "tier": "pro", "model": "tiny", "region": "eu",
            "bad_minutes": 1, "allowed_minutes": "43.2", "percent": "2.31"}], "first_tokens": 0, "first_tokens_late": 0,
            "fallbacks": [{"sku": "a", "other_provider": 12, "backup_region": 0, "fallback_model": 0, "tried": true},
                {"sku": "b", "other_provider": 0, "backup_region": 0, "fallback_model": 0, "tried": false}], "failures": ["1 minutes of tenants were bad"]}
            """#)
        let lines = DrillText.lines(report, .failed)
        for line in [
            "requests     100, of which 0 lost and 3 moved", "noticed      after 2.5 s by an incident", "in force     after 1.2 s",
            "budget       2.31 % burned: 1 of 43.2 minutes of availability (pro, tiny, eu)", "first tokens none measured",
            "fallback     a: 12 by another provider", "fallback     b: no request; too few to prove it", "the promise did not hold:",
            "  1 minutes of tenants were bad",
        ] { #expect(lines.contains(line), "\(line) in \(lines)") }
    }

    @Test func `what is not proven says why, and is neither held nor failed`() throws {
        let lines = DrillText.lines(try report(#"{"gaps": ["no request met it"], "failures": []}"#), .unproven)
        #expect(lines.suffix(2) == ["not proven, neither that the promise held nor that it did not:", "  no request met it"])
        #expect(!lines.contains("the promise held"))
    }
}
