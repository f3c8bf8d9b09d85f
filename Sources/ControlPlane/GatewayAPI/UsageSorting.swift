import Cryptography
import Domain
import FoundationEssentials
import PlimsollWire

/// A batch of usage records by what becomes of them, as far as that can be told without the database.
struct UsageSorting {
    private(set) var arrivals: [UsageIntake.Arrival] = []
    private(set) var quarantined: [UsageIntake.Quarantined] = []
    private(set) var duplicates = 0
    /// Arrivals that turned out to be known.
    private(set) var repeated = 0

    init(_ records: [UsageRecord], at moment: Date) throws {
        let now = Int64(moment.timeIntervalSince1970 * 1_000_000)
        var hashes: [UsageIntake.UsageKey: String] = [:]
        for record in records {
            let hash = Hash.sha256(try WireCoder.encode(record.billed))
            guard let arrival = Self.arrival(record, hash: hash.bytes) else {
                quarantined.append(UsageIntake.Quarantined(record: record, hash: hash.bytes, reason: "malformed"))
                continue
            }
            if let reason = Self.timeFault(record, now: now) {
                quarantined.append(UsageIntake.Quarantined(record: record, hash: hash.bytes, reason: reason))
                continue
            }
            switch UsageLedger.arrival(stored: hashes[arrival.key], arriving: hash.hex) {
            case .stored:
                hashes[arrival.key] = hash.hex
                arrivals.append(arrival)
            case .duplicate: duplicates += 1
            case .conflict: quarantined.append(UsageIntake.Quarantined(record: record, hash: hash.bytes, reason: "conflict"))
            }
        }
    }

    /// Sorts arrivals whose keys were stored before.
    mutating func add(again: [UsageIntake.Arrival], known: [UsageIntake.UsageKey: [UInt8]]) {
        for arrival in again {
            repeated += 1
            if known[arrival.key] == arrival.hash {
                duplicates += 1
            } else {
                quarantined.append(UsageIntake.Quarantined(record: arrival.record, hash: arrival.hash, reason: "conflict"))
            }
        }
    }

    private static func timeFault(_ record: UsageRecord, now: Int64) -> String? {
        switch UsageDisposition(acceptedAt: record.acceptedAt, receivedAt: now) {
        case .invoice, .late: nil
        case .quarantineFuture: "future"
        case .reviewOld: "too_old"
        }
    }

    private static func arrival(_ record: UsageRecord, hash: [UInt8]) -> UsageIntake.Arrival? {
        guard let tenant = UUID(uuidString: record.tenant), let request = UUID(uuidString: record.requestId),
            let key = UUID(uuidString: record.key), let gateway = UUID(uuidString: record.gateway),
            record.worker.map({ UUID(uuidString: $0) != nil }) ?? true, record.isStorable
        else { return nil }
        return UsageIntake.Arrival(
            record: record, key: UsageIntake.UsageKey(tenant: tenant, request: request), hash: hash, keyId: key, gateway: gateway)
    }
}

extension UsageRecord {
    /// What two records of one request must agree in.
    fileprivate var billed: UsageRecord {
        var copy = self
        copy.routing = nil
        return copy
    }

    /// How it was routed; nil where it cannot be stored, which must cost no bill.
    var storableRouting: [UInt8]? {
        guard let routing, routing.utf8.count <= 4 * Self.largestRouting / 3, let bytes = Base64.decode(routing) else { return nil }
        return (1...Self.largestRouting).contains(bytes.count) ? bytes : nil
    }

    private static var largestRouting: Int { 2_048 }

    /// True when every field fits its column.
    fileprivate var isStorable: Bool {
        let tokens = [
            promptTokens, cachedPromptTokens, completionTokens, reasoningTokens, billablePromptTokens, billableCompletionTokens,
        ]
        let texts = [(tier, 63), (model, 127), (release ?? "", 127), (region, 63), (provider ?? "", 63), (boot, 64)]
        let words = [outcome, finishReason ?? "", errorCode ?? ""]
        let durations = [finishedAfter, queuedFor, firstTokenAfter ?? 0, leasedFor ?? 0]
        return tokens.allSatisfy { (0...Int(Int32.max)).contains($0) } && texts.allSatisfy { $0.0.unicodeScalars.count <= $0.1 }
            && words.allSatisfy { $0.unicodeScalars.count <= 64 } && (0...599).contains(status) && (0...1_000).contains(attempts)
            && (priceVersion ?? 1) > 0 && durations.allSatisfy(Self.times.contains)
            && (0...Self.longestRetrieval).contains(retrieval ?? 0) && Outcome.Verdict(code: outcome) != nil
            && (-62_000_000_000_000_000...200_000_000_000_000_000).contains(acceptedAt)
            && (texts.map(\.0) + words).allSatisfy { !$0.unicodeScalars.contains("\0") }
    }

    /// Microseconds, up to more than a hundred years: they are added to others.
    private static let times: ClosedRange<Int64> = 0...4_000_000_000_000_000

    /// Microseconds; gateways take no longer ones.
    private static var longestRetrieval: Int64 { 600_000_000 }

    /// With texts cut so that a row of the quarantine can hold it.
    var bounded: UsageRecord {
        var copy = billed
        copy.requestId = requestId.plain(128)
        copy.tenant = tenant.plain(128)
        copy.key = key.plain(128)
        copy.tier = tier.plain(128)
        copy.model = model.plain(256)
        copy.release = release?.plain(256)
        copy.region = region.plain(128)
        copy.worker = worker?.plain(128)
        copy.provider = provider?.plain(128)
        copy.gateway = gateway.plain(128)
        copy.boot = boot.plain(128)
        copy.outcome = outcome.plain(128)
        copy.finishReason = finishReason?.plain(128)
        copy.errorCode = errorCode?.plain(128)
        return copy
    }
}

extension String {
    fileprivate func plain(_ count: Int) -> String {
        String(String.UnicodeScalarView(unicodeScalars.filter { $0.value >= 0x20 }.prefix(count)))
    }
}
