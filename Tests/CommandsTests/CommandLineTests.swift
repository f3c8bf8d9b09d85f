import FoundationEssentials
import Glibc
import Postgres
import TestSupport
import Testing

/// The program as it was built, against a real server.
@Suite(.timeLimit(.minutes(3))) struct CommandLineTests {
    @Test func `what was made is listed as a table and as JSON`() async throws {
        try await AdminWorld.run { world in
            #expect(try await world.plimsoll("providers", "list").output == "no providers")
            let made = try await world.plimsoll("providers", "create", "name=2024", "display_name=true", "kind=independent")
            #expect(made.exit == 0 && made.output.contains("name          2024"))
            let lines = try await world.plimsoll("providers", "list").output.split(separator: "\n")
            #expect(lines[0].split(separator: " ").prefix(3) == ["NAME", "DISPLAY", "NAME"])
            #expect(lines[1].hasPrefix("2024  true"))
            let json = try await world.plimsoll("providers", "list", "--output", "json").output
            let rows = try JSONDecoder().decode(JSONTree.self, from: Data(json.utf8)).elements
            #expect(rows.map { $0["kind"].string } == ["independent"])
        }
    }

    @Test func `refusals, unreachable servers and wrong usage have their exit codes`() async throws {
        try await AdminWorld.run { world in
            let unknown = try await world.plimsoll("tenants", "get", "nobody")
            #expect(unknown.exit == 1 && unknown.output.isEmpty && unknown.errors.contains("not_found"))
            #expect(try await world.plimsoll("tenants", "list", "colour=red").exit == 64)
            #expect(try await world.plimsoll("tenants", "create", "name=acme").errors.contains("needs display_name, tier too"))
            let away = try await AdminWorld.plimsoll(["tiers", "list"], ["PLIMSOLL_ADMIN_URL": "http://127.0.0.1:1", "PLIMSOLL_ADMIN_TOKEN": "x"])
            #expect(away.exit == 3)
            let lost = try await AdminWorld.plimsoll(["tiers", "list"], ["PLIMSOLL_ADMIN_URL": world.url, "PLIMSOLL_ADMIN_TOKEN": ""])
            #expect(lost.exit == 1)
        }
    }

    @Test func `a list that goes on says so, and records come newest first`() async throws {
        try await AdminWorld.run { world in
            for number in 1...3 {
                _ = try await world.plimsoll("providers", "create", "name=p\(number)", "display_name=P", "kind=independent")
            }
            let some = try await world.plimsoll("providers", "list", "--limit", "2")
            #expect(some.errors == "2 shown, there are more: --limit N or --all\n")
            #expect(some.output.contains("p1") && !some.output.contains("p3"))
            #expect(try await world.plimsoll("providers", "list", "--all").errors.isEmpty)
            #expect(try await world.plimsoll("providers", "list", "--limit", "1", "--order", "desc").output.contains("p3"))
            let audit = try await world.plimsoll("audit", "list", "--limit", "1").output
            #expect(audit.split(separator: "\n").last?.hasPrefix("3 ") == true)
        }
    }

    @Test func `a drain waits for its own operation and tells how it went`() async throws {
        try await AdminWorld.run { world in
            _ = try await world.host("h1")
            async let drained = world.plimsoll("hosts", "drain", "h1", "--deadline", "60")
            try await Waiting.until("the order", within: .seconds(30)) {
                try await world.row("UPDATE serving.operations SET state = 'running' WHERE state = 'queued' RETURNING id") != nil
            }
            // An older operation of the same kind that ended is not this one's end.
            _ = try await world.row(
                """
                INSERT INTO serving.operations (host_id, kind, state, deadline, requested_by, created_at)
                SELECT host_id, kind, 'failed', deadline, 'test', now() + interval '1 second' FROM serving.operations RETURNING id
                """)
            _ = try await world.row("UPDATE serving.operations SET state = 'done' WHERE state = 'running' RETURNING id")
            let outcome = try await drained
            #expect(outcome.exit == 0 && outcome.errors.contains("draining h1: done"))
            #expect(outcome.output.contains("state          done"))
        }
    }

    /// Two workers, and what an earlier drill has not finished.
    private func drillable(_ world: AdminWorld) async throws {
        try await world.workers()
        _ = try await world.row(
            """
            INSERT INTO reliability.incident (key, rule, severity, provider, title, drill, began_at, opened_at, last_signal_at)
            VALUES ('k', 'provider_health', 'page', 'alpha', 'Drill', true, now(), now(), now())
            """)
    }

    private func settle(_ world: AdminWorld) async throws {
        _ = try await world.row("UPDATE reliability.incident SET step = 'resolved', resolved_at = now()")
    }

    @Test func `a drill that must wait says so, or waits with --wait, and Ctrl-C aborts it`() async throws {
        try await AdminWorld.run { world in
            try await drillable(world)
            let refused = try await world.plimsoll("drill", "worker-loss")
            #expect(refused.exit == 1 && refused.errors.contains("can begin at") && refused.errors.contains("--wait waits for that"), "\(refused)")
            let (child, errors) = try world.started(["drill", "worker-loss", "--wait"])
            func said() -> String { (try? String(contentsOfFile: errors, encoding: .utf8)) ?? "" }
            try await Waiting.until("the reason", within: .seconds(30)) { said().contains("waiting: incident 1 of an earlier drill is open") }
            #expect(child.isRunning)
            try await settle(world)
            try await Waiting.until("the drill", within: .seconds(30)) {
                try await world.row("SELECT 1 AS one FROM reliability.drill WHERE ended_at IS NULL") != nil
            }
            try await Waiting.until("it is known", within: .seconds(30)) { said().contains("waiting: it begins") }
            try await child.wait("it is told as it happens", within: .seconds(30)) { $0.contains { $0.contains("has begun: worker-loss") } }
            child.signal(SIGINT)
            #expect(try await child.ended(within: .seconds(30)) == 2)
            #expect(said().contains("interrupted; the drill is over"), "\(said())")
            #expect(try await world.row("SELECT end_reason FROM reliability.drill")?.value("end_reason") == "aborted")
        }
    }

    @Test func `Ctrl-C ends the wait for a drill, and none is begun`() async throws {
        try await AdminWorld.run { world in
            try await drillable(world)
            let (child, errors) = try world.started(["drill", "worker-loss", "--wait"])
            func said() -> String { (try? String(contentsOfFile: errors, encoding: .utf8)) ?? "" }
            try await Waiting.until("the reason", within: .seconds(30)) { said().contains("waiting:") }
            child.signal(SIGINT)
            #expect(try await child.ended(within: .seconds(30)) == 1)
            #expect(said().contains("interrupted; no drill was begun"))
            #expect(try await world.row("SELECT 1 AS one FROM reliability.drill") == nil)
        }
    }

    @Test func `an order that fails is exit code one, and one that is not waited for names its operation`() async throws {
        try await AdminWorld.run { world in
            _ = try await world.host("h1")
            let sent = try await world.plimsoll("hosts", "resume", "h1", "--no-wait", "-o", "json")
            let operation = try JSONDecoder().decode(JSONTree.self, from: Data(sent.output.utf8))["operation"].string
            #expect(try await world.row("SELECT id::text AS id FROM serving.operations")?.value("id") == operation)
            async let drained = world.plimsoll("hosts", "drain", "h1")
            try await Waiting.until("the order", within: .seconds(30)) {
                try await world.row(
                    "UPDATE serving.operations SET state = 'failed', message = 'no' WHERE state = 'queued' AND kind = 'drain' RETURNING id")
                    != nil
            }
            let outcome = try await drained
            #expect(outcome.exit == 1 && outcome.errors.contains("the host did not drain: no"))
        }
    }

    @Test func `a server that is away while a host drains is waited for`() async throws {
        let host = CannedServer.Answer(status: 200, body: #"{"id":"h","name":"h1","operation":"o"}"#)
        let done = CannedServer.Answer(status: 200, body: #"{"id":"o","state":"done"}"#)
        let server = CannedServer(answers: [host, .lost, .init(status: 502, body: "<html>"), done])
        let outcome = try await AdminWorld.plimsoll(
            ["hosts", "drain", "h1"], ["PLIMSOLL_ADMIN_URL": server.url, "PLIMSOLL_ADMIN_TOKEN": "x"])
        #expect(outcome.exit == 0 && outcome.errors.contains("waiting for the server"))
        #expect(server.asked.last?.hasPrefix("GET /admin/v1/hosts/h/operations/o ") == true)
    }

    @Test func `a hostname cannot steer the terminal, and a host that is silent looks like it`() async throws {
        try await AdminWorld.run { world in
            let id = try await world.host("evil\u{1b}[2J\u{9b}2J", heartbeat: "now() - interval '2 minutes'")
            for words in [["hosts", "list"], ["hosts", "get", id], ["hosts", "get", id, "-o", "json"], ["hosts", "drain", id, "--no-wait"]] {
                let outcome = try await AdminWorld.plimsoll(words, ["PLIMSOLL_ADMIN_URL": world.url, "PLIMSOLL_ADMIN_TOKEN": world.token])
                #expect(outcome.exit == 0)
                #expect(!(outcome.output + outcome.errors).unicodeScalars.contains { $0 == "\u{1b}" || $0 == "\u{9b}" })
            }
            #expect(try await world.plimsoll("hosts", "get", id).output.contains("reporting                silent"))
            #expect(try await world.plimsoll("hosts", "list", "reporting=yes").output == "no hosts")
        }
    }

    @Test func `an invitation says what to do with the token`() async throws {
        try await AdminWorld.run { world in
            _ = try await world.host("h1")
            let host = try await world.plimsoll("hosts", "invite", "--pool", "alpha-eu")
            #expect(host.exit == 0 && host.output.contains("PLIMSOLL_JOIN_TOKEN=jt1.") && host.output.contains("plimsoll-agent serve"))
            let gateway = try await world.plimsoll("gateways", "invite", "--region", "eu")
            #expect(gateway.output.contains("plimsoll-gateway serve") && gateway.output.contains("advertise"))
            #expect(try await world.plimsoll("hosts", "invite", "--pool", "nowhere").exit == 1)
            #expect(try await world.plimsoll("hosts", "invite").exit == 64)
        }
    }

    @Test func `the audit chain is verified, and a break of it is exit code one`() async throws {
        try await AdminWorld.run { world in
            _ = try await world.host("h1")
            #expect(try await world.plimsoll("audit", "verify").exit == 0)
            _ = try await world.row("ALTER TABLE audit.entry DISABLE TRIGGER USER")
            _ = try await world.row("UPDATE audit.entry SET action = 'other' WHERE sequence = 1 RETURNING sequence")
            #expect(try await world.plimsoll("audit", "verify").exit == 1)
        }
    }
}
