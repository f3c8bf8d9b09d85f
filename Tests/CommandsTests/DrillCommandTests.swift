import ArgumentParser
import FoundationEssentials
import Glibc
import HTTPWire
import Postgres
import TestSupport
import Testing

@testable import Commands

@Suite(.timeLimit(.minutes(3))) struct DrillCommandTests {
    private func wish(_ words: String...) throws -> JSONObject { try DrillCommand.parse(words).wish }

    @Test func `without haste a drill takes two minutes at the usual pace`() throws {
        let wish = try wish("provider-loss")
        #expect(wish["kind"] == .string("provider-loss") && wish["seconds"] == .integer(120) && wish["compression"] == nil)
    }

    @Test func `--compress is twelve times as fast and forty seconds long`() throws {
        let wish = try wish("provider-loss", "--compress")
        #expect(wish["compression"] == .integer(12) && wish["seconds"] == .integer(40))
    }

    @Test func `what is said goes before what is usual`() throws {
        let both = try wish("worker-loss", "--compress", "--compression", "24", "--seconds", "75")
        #expect(both["compression"] == .integer(24) && both["seconds"] == .integer(75))
        let alone = try wish("worker-loss", "--compression", "2")
        #expect(alone["compression"] == .integer(2) && alone["seconds"] == .integer(40))
    }

    @Test(arguments: [
        ["--compression", "1"], ["--compression", "61"], ["--compression", "fast"], ["--compress", "12"], ["--compression"], ["--compressed"],
    ]) func `haste that there is none of is refused`(words: [String]) {
        #expect(throws: (any Error).self) { try DrillCommand.parse(["provider-loss"] + words) }
    }

    @Test func `a drill with --compress is begun so`() async throws {
        try await AdminWorld.run { world in
            try await world.workers()
            let (child, _) = try world.started(["drill", "worker-loss", "--compress"])
            try await child.wait("it has begun", within: .seconds(30)) { $0.contains { $0.contains("has begun: worker-loss") } }
            let row = try await world.row(
                "SELECT compression, extract(epoch FROM until_at - started_at)::bigint AS seconds FROM reliability.drill WHERE ended_at IS NULL")
            #expect(try row?.value("compression", as: Int.self) == 12)
            #expect(try row?.value("seconds", as: Int.self) == 40)
            child.signal(SIGINT)
            #expect(try await child.ended(within: .seconds(30)) == 2)
        }
    }
}
