import Cryptography
import Foundation
import HTTPWire
import PlimsollWire
import Testing

@testable import Gateway

/// A measurement, and so only where it is asked for: `PLIMSOLL_TIMING=1`, on an idle machine.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["PLIMSOLL_TIMING"] != nil), .serialized)
struct KeyTimingTests {
    private static let samples = 10_000

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

    private func directory() -> Directory {
        var table = TableContents(version: 1, issuedAtSeconds: 0)
        table.tiers["pro"] = GatewayFixture.Setup().tier
        for number in 0..<1000 {
            let tenant = "tenant-\(number)"
            table.tenants[tenant] = TenantEntry(id: tenant, tier: "pro", active: number != 7, allowedRegions: [], cacheSalt: "5a17")
            let hash = Hash.sha256("sk-key-\(1000 + number)").hex
            table.keys[hash] = KeyEntry(id: "key-\(number)", tenant: tenant, sha256Hex: hash, expiresAtSeconds: number == 8 ? 1 : nil)
        }
        return DirectoryBuilder(limits: LimitBook(), workers: WorkerBook(registry: nil), region: "r").build(table, now: 0)
    }

    private func nanoseconds(_ head: [UInt8], _ directory: Directory) throws -> Double {
        try head.withUnsafeBytes { bytes in
            let scanned = try RequestHead.scan(bytes)
            let start = ContinuousClock.now
            let known = PresentedKey.digest(of: scanned, in: bytes).flatMap { directory.key($0) }
            let isGood = known?.isValid(nowSeconds: 1_000_000) ?? false
            let taken = ContinuousClock.now - start
            #expect(!isGood)
            return Double(taken.components.attoseconds) / 1e9
        }
    }

    /// Welch's t (1947) of two kinds of refused keys is below 4.5, the bound of leakage assessment (Goodwill et al. 2011).
    @Test(arguments: [("suspended", "sk-key-1007"), ("expired", "sk-key-1008"), ("revoked, and so not in the table", "sk-key-0001")])
    func anUnknownKeyTakesAsLongAsOneThatIsRefused(kind: String, key: String) throws {
        let directory = directory()
        func head(_ key: String) -> [UInt8] { Array("GET /v1/models HTTP/1.1\r\nhost: t\r\nauthorization: Bearer \(key)\r\n\r\n".utf8) }
        let heads = [head("sk-key-0002"), head(key)]
        var samples = [Sample(), Sample()]
        for round in 0..<Self.samples * 2 + 2000 {
            let which = Bool.random() ? 1 : 0
            let taken = try nanoseconds(heads[which], directory)
            // The first ones warm caches; what takes a hundred times as long was interrupted.
            if round > 2000, taken < 100_000 { samples[which].add(taken) }
        }
        let error = (samples[0].variance / samples[0].count + samples[1].variance / samples[1].count).squareRoot()
        let t = (samples[0].mean - samples[1].mean) / error
        print("unknown \(samples[0].mean) ns, \(kind) \(samples[1].mean) ns, t \(t)")
        #expect(abs(t) < 4.5)
    }
}
