import Foundation
import Gateway
import PlimsollWire
import TestSupport
import Testing

/// The real gateway on a disk and beside a clock that fail it.
extension MachineTests {
    @Suite struct StandaloneTests {
        /// Of every answer whose end the client saw there is one record, and no request has two (I2, I3).
        private func check(_ endings: [LoadClient.Ending], _ records: [UsageRecord]) {
            let ids = records.map(\.requestId)
            #expect(Set(ids).count == ids.count, "I3: a request stands in two records")
            let missing = endings.filter { $0.outcome == "finished" }.compactMap(\.id).filter { !ids.contains($0) }
            #expect(missing.isEmpty, "I2: \(missing.count) answers that were seen have no record")
        }

        @Test(.timeLimit(.minutes(3))) func aSyncThatFailsOnceLosesNothing() async throws {
            let tracer = [
                "/usr/bin/strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=2",
            ]
            try await StandaloneGateway.with(wrapper: tracer) { gateway in
                let load = try gateway.load(customers: 4, turns: 10)
                try await load.waitForEndings(40)
                let endings = try await load.finish()
                #expect(endings.count("finished") == 40, "\(endings.summary)")
                await gateway.process.stop()
                check(endings, try SpoolReader(directory: gateway.spool).records())
                let segments = try FileManager.default.contentsOfDirectory(atPath: gateway.spool).filter { $0.hasSuffix(".seg") }
                #expect(segments.count > 1, "the segment that was not confirmed was left for another one")
            }
        }

        /// A process without our care is the witness that this machine does write such files.
        @Test(.timeLimit(.minutes(2)), .enabled(if: geteuid() == 0)) func aCrashWritesNothingOfTheMemory() async throws {
            let unbounded = ["/usr/bin/prlimit", "--core=unlimited"]
            try await StandaloneGateway.with(wrapper: unbounded) { gateway in
                #expect(try await gateway.ask() == 200)
                let bound = try String(contentsOfFile: "/proc/\(gateway.process.pid)/limits", encoding: .utf8).split(separator: "\n")
                #expect(bound.first { $0.hasPrefix("Max core file size") }?.split(separator: " ").dropFirst(4).prefix(2) == ["0", "0"])
                gateway.process.signal(SIGSEGV)
                #expect(try await gateway.process.ended(within: .seconds(30)) == SIGSEGV)
                #expect(!gateway.process.dumpedCore && gateway.log.split(separator: "\n").allSatisfy { $0.hasPrefix("{") })
                let witness = try ChildProcess(unbounded[0], [unbounded[1], "/bin/sh", "-c", "cd \(gateway.folder) && kill -SEGV $$"])
                _ = try await witness.ended(within: .seconds(30))
                #expect(witness.dumpedCore, "without a witness this test shows nothing: look at /proc/sys/kernel/core_pattern")
            }
        }

        /// A refusal costs others what it asks of the system: a tracer tells each call.
        @Test(.timeLimit(.minutes(2)), .enabled(if: geteuid() == 0)) func aRefusalAsksNobodyAndWritesNothing() async throws {
            let (customers, turns) = (10, 30)
            try await StandaloneGateway.with(settings: ["tiers": [StandaloneGateway.tier(requestsPerMinute: 1)]]) { gateway in
                #expect(try await gateway.ask() == 200)
                try await Waiting.until("its record to be in a segment", within: .seconds(20)) {
                    try SpoolReader(directory: gateway.spool).records().count == 1
                }
                let file = gateway.folder + "/trace"
                let tracer = try ChildProcess("/usr/bin/strace", ["-f", "-y", "-qq", "-o", file, "-p", "\(gateway.process.pid)"])
                try await Waiting.until("the tracer", within: .seconds(20)) { try Self.isTraced(gateway.process.pid) }
                let load = try gateway.load(customers: customers, turns: turns)
                try await load.waitForEndings(customers * turns)
                let endings = try await load.finish()
                tracer.signal(SIGINT)
                try await tracer.ended(within: .seconds(20))
                #expect(endings.count { $0.status == 429 } == customers * turns, "\(endings.summary)")
                let calls = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
                func count(_ name: String, of kind: String) -> Int { calls.count { $0.contains(" \(name)(") && $0.contains(kind) } }
                let (reads, writes) = (count("recvfrom", of: "<socket:"), count("sendto", of: "<socket:"))
                print("of \(endings.count) refusals, each on a connection of its own: \(reads) reads, \(writes) writes")
                // The second read is the end of the connection.
                #expect(writes == endings.count && reads <= 2 * endings.count + customers)
                #expect(count("write", of: ".seg>") == 0 && count("connect", of: "") == 0)
            }
        }

        private static func isTraced(_ pid: pid_t) throws -> Bool {
            let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")
            let states = try threads.map { try String(contentsOfFile: "/proc/\(pid)/task/\($0)/status", encoding: .utf8) }
            return states.allSatisfy { !$0.contains("TracerPid:\t0\n") }
        }

        @Test(.timeLimit(.minutes(3))) func aClockThatJumpsMovesNoLimitAndNoDuration() async throws {
            try await MovableClock.with { clock in
                let settings: [String: any Sendable] = ["tiers": [StandaloneGateway.tier(requestsPerMinute: 6)]]
                let environment = clock.environment
                try await StandaloneGateway.with(environment: { _ in environment }, settings: settings) { gateway in
                    try await jump(clock, gateway)
                }
            }
        }

        private func jump(_ clock: MovableClock, _ gateway: StandaloneGateway) async throws {
            let (hour, decade): (TimeInterval, TimeInterval) = (3_600, 3_650 * 86_400)
            let start = ContinuousClock.now
            var served = 0
            for jump in [0, hour, -2 * hour, decade + hour, -2 * decade, decade] {
                try clock.move(by: jump)
                for _ in 0..<4 where try await gateway.ask() == 200 { served += 1 }
            }
            let minutes = Double((ContinuousClock.now - start).components.seconds + 1) / 60
            #expect(served >= 6 && Double(served) <= 6 + 6 * minutes + 1, "\(served) served in \(minutes) minutes")
            await gateway.process.stop()
            let records = try SpoolReader(directory: gateway.spool).records()
            #expect(records.count == served)
            let moments = records.map(\.acceptedAt)
            #expect((moments.max() ?? 0) - (moments.min() ?? 0) > 3_500_000_000, "the clock has jumped")
            #expect(records.allSatisfy { (0...60_000_000).contains($0.finishedAfter) && $0.outcome == "good" })
        }
    }
}
