import Foundation
import PlimsollWire

@testable import Gateway

/// A book of limits with a tenant and a key of it, on a clock that the test moves.
struct LimitFixture {
    static let day: Int64 = 86_400_000_000
    /// 2026-07-30 00:00 UTC.
    static let start: Int64 = 1_785_369_600_000_000

    let book: LimitBook
    var tier = TierEntry(
        name: "pro", maxPromptTokens: 1000, maxOutputTokens: 100, maxBodyBytes: 8192, requestsPerMinute: 1_000_000, tokensPerMinute: 1_000_000_000,
        concurrentRequests: 1_000_000, maxTableAgeSeconds: 3600, ttftObjectiveMicroseconds: 1_500_000)
    var key = KeyEntry(id: "k", tenant: "t", sha256Hex: "")
    /// Where less of it is left: see `LimitBook.limits`.
    var agreed: (key: KeyEntry, tier: TierEntry)?
    var tenant = TenantEntry(id: "t", tier: "pro", active: true, allowedRegions: [], cacheSalt: "")

    init(file: LimitFile? = nil, isLeased: Bool = false, wall: Int64 = start, monotonic: Int64 = 0) throws {
        book = try LimitBook(file: file ?? LimitFile(), isLeased: isLeased, wall: wall, monotonic: monotonic)
    }

    var limits: KeyLimits { limits() }

    func limits(_ share: GatewayShare = .whole, now: Int64 = 0) -> KeyLimits {
        book.limits(for: key, tenant: tenant, tier: tier, agreed: agreed, share: share, now: now)
    }

    /// Opened as the next process does. A program that another test starts in the same moment holds all files of this process, and their locks, until it runs.
    static func file(_ path: String) throws -> LimitFile {
        let end = ContinuousClock.now + .seconds(5)
        while ContinuousClock.now < end {
            if let file = try? LimitFile(path: path) { return file }
            sched_yield()
        }
        return try LimitFile(path: path)
    }

    /// A path of its own in the folder for temporary files.
    static var path: String { FileManager.default.temporaryDirectory.path + "/limits-test-\(UUID().uuidString)" }
}

extension KeyLimits {
    func take(_ tokens: Int, spend: Int64 = 0, now: Int64 = 0) -> (reservation: LimitReservation?, fault: LimitFault?) {
        switch reserve(LimitAsk(tokens: tokens, spend: spend, now: now)) {
        case .granted(let reservation, _): (reservation, nil)
        case .refused(let refusal): (nil, refusal.fault)
        }
    }
}
