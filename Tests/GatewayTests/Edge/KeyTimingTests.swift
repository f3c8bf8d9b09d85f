import Cryptography
import Foundation
import Glibc
import NIOCore
import PlimsollWire
import TestSupport
import Testing

@testable import Gateway

/// Which of two keys a request carries is drawn for each, so that what else the machine does makes both times worse alike: it hides a difference, and makes none.
@Suite(.serialized) struct KeyTimingTests {
    private static let samples = 5_000
    /// A difference is there each time; chance is not.
    private static let rounds = 3

    private struct Sample {
        var count = 0.0
        var mean = 0.0
        var squares = 0.0

        mutating func add(_ value: Double) {
            count += 1
            let difference = value - mean
            mean += difference / count
            squares += difference * (value - mean)
        }

        var variance: Double { squares / (count - 1) }
    }

    /// A blocking connection: the quickest clock that a stranger has.
    private final class Wire {
        private let descriptor: Int32

        init(port: Int) throws {
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            let address = try SocketAddress(ipAddress: "127.0.0.1", port: port)
            let status = address.withSockAddr { connect(descriptor, $0, socklen_t($1)) }
            try #require(status == 0)
        }

        deinit { close(descriptor) }

        /// Microseconds to the answer, which comes in one piece.
        func time(_ request: [UInt8]) throws -> Double {
            var answer = [UInt8](repeating: 0, count: 4096)
            let start = ContinuousClock.now
            try #require(write(descriptor, request, request.count) == request.count)
            let count = read(descriptor, &answer, answer.count)
            let taken = ContinuousClock.now - start
            try #require(count > 12 && answer[9..<12].elementsEqual("401".utf8))
            return Double(taken.components.attoseconds) / 1e12
        }
    }

    /// Welch's t (1947) of two kinds of refused keys is below 4.5, the bound of leakage assessment (Goodwill et al. 2011).
    @Test(arguments: [("suspended", "sk-key-suspended"), ("expired", "sk-key-is-overdue"), ("another unknown one", "sk-key-not-there")])
    func anUnknownKeyTakesAsLongAsOneThatIsRefused(kind: String, key: String) async throws {
        var setup = GatewayFixture.Setup(edit: { table in
            table.tenants["gone"] = TenantEntry(id: "gone", tier: "pro", active: false, allowedRegions: [], cacheSalt: "5a17")
            for (id, secret, tenant, expires) in [("s", "sk-key-suspended", "gone", nil), ("e", "sk-key-is-overdue", "tenant-1", 1 as Int64?)] {
                let hash = Hash.sha256(secret).hex
                table.keys[hash] = KeyEntry(id: id, tenant: tenant, sha256Hex: hash, expiresAtSeconds: expires)
            }
        })
        // Where addresses are not known nobody is locked.
        setup.settings.isBehindProxy = true
        try await GatewayFixture.run([], setup) { gateway in
            var welch = Double.infinity
            for _ in 0..<Self.rounds where abs(welch) >= 4.5 {
                welch = try await Self.measured(port: gateway.port, kind, key)
            }
            #expect(abs(welch) < 4.5)
        }
    }

    /// On a thread of its own: its calls block, and other tests are to go on.
    private static func measured(port: Int, _ kind: String, _ key: String) async throws -> Double {
        try await withCheckedThrowingContinuation { done in
            Thread.detachNewThread { done.resume(with: Result { try measure(Wire(port: port), kind, key) }) }
        }
    }

    /// Welch's t of the times to the refusal of an unknown key and of this one.
    private static func measure(_ wire: Wire, _ kind: String, _ key: String) throws -> Double {
        func request(_ key: String) -> [UInt8] { Array("GET /v1/models HTTP/1.1\r\nhost: t\r\nauthorization: Bearer \(key)\r\n\r\n".utf8) }
        let requests = [request("sk-key-unknown-x".prefix(key.count) + String(repeating: "y", count: max(0, key.count - 16))), request(key)]
        var samples = [Sample(), Sample()]
        for round in 0..<samples.count * Self.samples + 1000 {
            let which = Bool.random() ? 1 : 0
            let taken = try wire.time(requests[which])
            // The first ones warm caches; what takes a hundred times as long was interrupted.
            if round > 1000, taken < 10_000 { samples[which].add(taken) }
        }
        let error = (samples[0].variance / samples[0].count + samples[1].variance / samples[1].count).squareRoot()
        let welch = (samples[0].mean - samples[1].mean) / error
        print("unknown \(samples[0].mean) us, \(kind) \(samples[1].mean) us, t \(welch)")
        return welch
    }
}
