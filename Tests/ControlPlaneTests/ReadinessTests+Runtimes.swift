import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// Lines about what runs on hosts: its logs, its images and its weights.
extension ReadinessTests {
    /// Lines of a log, and whether a probe's prompt is in them.
    private static let logs: [([String], Bool)] = [
        ([#"prompt: Say "ready" or it's\not"#], true), ([#"{"prompt":"Say \"ready\" or it's\\not"}"#], true),
        ([#"params: 'Say "ready" or it\'s\\not'"#], true), ([#"{"log":"{\"prompt\":\"Say \\\"ready\\\" or it's\\\\not\"}"}"#], true),
        (["Say ready", "loaded"], false), ([], false),
    ]

    @Test(arguments: logs) func `a probe's prompt is found in a log however it is written there`(lines: [String], isTelling: Bool) async throws {
        try await AdminFixture.run(now: Self.noon) { admin in
            _ = try await admin.tenant()
            try await seed(admin)
            _ = try await admin.row("UPDATE serving.models SET probe_prompt = \(#"Say "ready" or it's\not"#)")
            _ = try await admin.row("UPDATE serving.workers SET log_tail = to_jsonb(\(lines)::text[])")
            let found = try await line("prompt-logging", admin)
            #expect(found["proven"] == .bool(!isTelling), "\(found)")
        }
    }

    @Test func `a prompt over several lines, and the beginning of a long one, are found`() async throws {
        try await AdminFixture.run(now: Self.noon) { admin in
            _ = try await admin.tenant()
            try await seed(admin)
            let long = String(repeating: "What is ready? ", count: 20)
            for (prompt, lines) in [("one\ntwo", ["one", "two"]), ("one\ntwo", [#"'one\ntwo'"#]), (long, ["chat: " + String(long.prefix(100))])] {
                _ = try await admin.row("UPDATE serving.models SET probe_prompt = \(prompt)")
                _ = try await admin.row("UPDATE serving.workers SET log_tail = to_jsonb(\(lines)::text[])")
                #expect(try await line("prompt-logging", admin)["proven"] == .bool(false), "\(lines)")
            }
        }
    }

    @Test func `one runtime of which no log was told leaves it unproven that prompts are not logged, and is named`() async throws {
        try await AdminFixture.run(now: Self.noon) { admin in
            _ = try await admin.tenant()
            try await seed(admin)
            #expect(try await line("prompt-logging", admin)["proven"] == .bool(true))
            _ = try await admin.row(
                """
                UPDATE serving.workers SET log_tail = NULL, log_tail_at = NULL
                WHERE host_id = (SELECT id FROM serving.hosts WHERE pool = 'beta-eu')
                """)
            let found = try await line("prompt-logging", admin)
            #expect(found["proven"] == .bool(false) && found["finding"].string?.contains("of: h-beta-eu main;") == true, "\(found)")
            _ = try await admin.row("UPDATE serving.hosts SET intent = 'drain' WHERE pool = 'beta-eu'")
            #expect(try await line("prompt-logging", admin)["proven"] == .bool(true), "it answers nobody")
        }
    }

    @Test func `gateways look into their own logs, and one that found a prompt or does not look leaves it unproven`() async throws {
        try await AdminFixture.run(now: Self.noon) { admin in
            _ = try await admin.tenant()
            try await seed(admin)
            _ = try await admin.row(
                """
                INSERT INTO serving.gateways (id, name, region, boot_id, last_seen_at, prompts_logged) VALUES (gen_random_uuid(), 'gw-1', 'eu', 'b', now(), 0),
                    (gen_random_uuid(), 'gw-2', 'eu', 'b', now() - interval '1 hour', NULL)
                """)
            let well = try await line("prompt-logging", admin)
            #expect(well["proven"] == .bool(true), "one that is gone is not asked")
            #expect(well["finding"].string?.contains("in no line of 1 gateways and this control plane") == true, "\(well)")
            for (found, words) in [(Int64?.none, "does not look into its own log: gw-1"), (2, "in the log of gateways: gw-1 (2 lines)")] {
                _ = try await admin.row("UPDATE serving.gateways SET prompts_logged = \(found) WHERE name = 'gw-1'")
                let line = try await line("prompt-logging", admin)
                #expect(line["proven"] == .bool(false) && line["finding"].string?.contains(words) == true, "\(line)")
            }
        }
    }

    @Test func `a digest that somebody recorded proves nothing until all hosts tell that they run it, and is as old as its record`() async throws {
        try await AdminFixture.run(now: Self.noon) { admin in
            _ = try await admin.tenant()
            try await seed(admin)
            let digest = "sha256:" + String(repeating: "0", count: 64)
            _ = try await admin.row(
                "UPDATE serving.workers SET image_digest = NULL WHERE host_id = (SELECT id FROM serving.hosts WHERE pool = 'beta-eu')")
            _ = try await admin.row("UPDATE serving.releases SET updated_at = now() - interval '300 days'")
            let unknown = try await line("image-hash", admin)
            #expect(unknown["proven"] == .bool(false) && unknown["age_seconds"].number ?? 0 >= 299 * 86_400, "\(unknown)")
            #expect(unknown["finding"].string?.hasPrefix("tiny-1 as recorded by nobody that is known, not seen on hosts (1 of 2 runtimes") == true)
            #expect(try await admin.patch("releases/tiny-1", "{\"image_digest\": \"\(digest)\"}").status == 200)
            let recorded = try await line("image-hash", admin)
            #expect(recorded["proven"] == .bool(false) && recorded["age_seconds"].number ?? .infinity < 600, "\(recorded)")
            #expect(recorded["finding"].string?.hasPrefix("tiny-1 as recorded by token:") == true, "\(recorded)")
            _ = try await admin.row("UPDATE serving.workers SET image_digest = \(digest)")
            #expect(try await line("image-hash", admin)["proven"] == .bool(true))
            _ = try await admin.row(
                """
                UPDATE serving.workers SET image_digest = 'sha256:' || repeat('1', 64)
                WHERE host_id = (SELECT id FROM serving.hosts WHERE pool = 'beta-eu')
                """)
            let other = try await line("image-hash", admin)
            #expect(other["proven"] == .bool(false) && other["finding"].string?.contains("tiny-1 on h-beta-eu main (sha256:11") == true, "\(other)")
        }
    }

    @Test func `weights that hosts tell stand beside the image, and others than are recorded leave it unproven`() async throws {
        try await AdminFixture.run(now: Self.noon) { admin in
            _ = try await admin.tenant()
            try await seed(admin)
            #expect(try await line("image-hash", admin)["finding"].string?.contains("weights") == false)
            let (digest, other) = ("sha256:" + String(repeating: "a", count: 64), "sha256:" + String(repeating: "b", count: 64))
            _ = try await admin.row(
                "UPDATE serving.workers SET weights_digest = \(digest) WHERE host_id = (SELECT id FROM serving.hosts WHERE pool = 'beta-eu')")
            let told = try await line("image-hash", admin)
            #expect(told["proven"] == .bool(true), "\(told)")
            #expect(told["finding"].string?.hasSuffix("; weights: tiny-1 unrecorded, told by 1 of 2 (\(digest))") == true, "\(told)")
            #expect(try await admin.patch("releases/tiny-1", "{\"weights_digest\": \"\(digest)\"}").status == 200)
            let recorded = try await line("image-hash", admin)
            #expect(recorded["finding"].string?.hasSuffix("; weights: tiny-1 as recorded, told by 1 of 2") == true, "\(recorded)")
            _ = try await admin.row("UPDATE serving.workers SET weights_digest = \(other)")
            let wrong = try await line("image-hash", admin)
            #expect(wrong["proven"] == .bool(false), "\(wrong)")
            #expect(
                wrong["finding"].string
                    == "other weights run than are recorded: tiny-1 on h-alpha-eu main (\(other)), h-beta-eu main (\(other))", "\(wrong)")
            #expect(try await admin.get("workers").json["data"][0]["weights_digest"].string == other)
        }
    }
}
