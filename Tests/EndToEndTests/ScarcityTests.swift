import Foundation
import Gateway
import PlimsollWire
import TestSupport
import Testing

/// The real gateway with too little memory or disk, and its answers to what is sent twice.
extension MachineTests {
    @Suite struct ScarcityTests {
        private static let memory = 192 << 20

        /// Bodies that want three times the memory that there is.
        @Test(.timeLimit(.minutes(3))) func nearItsMemoryLimitItRefusesAndGoesOnServing() async throws {
            try await StandaloneGateway.with(settings: ["memory_limit": "\(Self.memory >> 20)MiB"]) { gateway in
                let found = try await gateway.findings(of: "slow_clients.py", ["large", "100"])
                let peak = try Self.peak(of: gateway.process.pid)
                print("memory: \(found), at most \(peak >> 20) MiB of \(Self.memory >> 20)")
                #expect((found["refused"] as? Int ?? 0) + (found["reset"] as? Int ?? 0) > 0)
                #expect(peak < Self.memory / 8 * 9, "what is refused makes room before the kernel takes all")
                #expect(try await gateway.metric("plimsoll_gateway_memory_refusals_total") > 0)
                try await Waiting.until("memory to be given back", within: .seconds(30)) { try await gateway.ask() == 200 }
            }
        }

        private static func peak(of pid: pid_t) throws -> Int {
            let lines = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8).split(separator: "\n")
            let line = try #require(lines.first { $0.hasPrefix("VmHWM:") })
            return try #require(line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }) << 10
        }

        /// On a file system of four mebibytes, which something else fills.
        @Test(.timeLimit(.minutes(3)), .enabled(if: geteuid() == 0)) func onAFullDiskNothingIsAdmittedUntilThereIsRoom() async throws {
            let disk = "/tmp/plimsoll-disk-" + UUID().uuidString.prefix(8).lowercased()
            try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
            defer {
                umount2(disk, Int32(MNT_DETACH))
                rmdir(disk)
            }
            try #require(mount("tmpfs", disk, "tmpfs", 0, "size=4m") == 0)
            try await StandaloneGateway.with(settings: ["state_dir": disk + "/state", "loops": 1]) { gateway in
                #expect(try await gateway.ask() == 200)
                try Self.fill(disk + "/other")
                var served = 1
                try await Waiting.until("admission to stop", within: .seconds(60)) {
                    let status = try await gateway.ask()
                    if status == 200 { served += 1 }
                    return status == 503
                }
                #expect(try await gateway.ask() == 503 && gateway.process.isRunning)
                unlink(disk + "/other")
                try await Waiting.until("serving to go on by itself", within: .seconds(30)) { try await gateway.ask() == 200 }
                served += 1
                await gateway.process.stop()
                let records = try SpoolReader(directory: disk + "/state/spool").records()
                #expect(records.count { $0.outcome == "good" } == served && Set(records.map(\.requestId)).count == records.count)
            }
        }

        private static func fill(_ path: String) throws {
            let file = open(path, O_WRONLY | O_CREAT, 0o600)
            defer { close(file) }
            let piece = [UInt8](repeating: 0, count: 4_096)
            while write(file, piece, piece.count) > 0 {}
            #expect(errno == ENOSPC)
        }

        @Test(.timeLimit(.minutes(2))) func whatIsSentTwiceIsExecutedOnce() async throws {
            try await StandaloneGateway.with { gateway in
                let slow = #"{"model":"tiny","max_tokens":400,"messages":[{"role":"user","content":"[[tokens 400]]"}]}"#
                async let first = Self.send(slow, to: gateway)
                try await Waiting.until("the first to run", within: .seconds(20)) {
                    try await gateway.metric("plimsoll_gateway_requests_in_flight") == 1
                }
                let (same, other) = (try await Self.send(slow, to: gateway), try await Self.send(slow.replacing("400]]", with: "3]]"), to: gateway))
                #expect(same.status == 409 && same.at("error.code") == "idempotency_key_in_use", "\(same.body)")
                #expect(other.status == 422 && other.at("error.code") == "idempotency_key_mismatch", "\(other.body)")
                #expect(try await first.status == 200)
                let late = try await Self.send(slow, to: gateway)
                #expect(late.status == 409 && late.at("error.code") == "idempotency_key_used", "\(late.body)")
                await gateway.process.stop()
                #expect(try SpoolReader(directory: gateway.spool).records().map(\.outcome) == ["good"])
            }
        }

        private static func send(_ body: String, to gateway: StandaloneGateway) async throws -> HTTPCall {
            let headers = ["Authorization": "Bearer " + StandaloneGateway.key, "Idempotency-Key": "order-7"]
            return try await HTTPCall.send(
                "POST", "http://127.0.0.1:\(gateway.port)/v1/chat/completions", headers: headers, body: body, limit: 60)
        }
    }
}
