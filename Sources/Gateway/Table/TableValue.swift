import Cryptography
import Domain
import PlimsollWire

/// One entry, decoded and checked.
enum TableValue: Sendable {
    case tenant(TenantEntry)
    case key(KeyEntry)
    case tier(TierEntry)
    case model(ModelEntry)
    case worker(WorkerEntry)
    case gateway(GatewayEntry)
    case denied(DeniedEntry)
    case rule(RuleEntry)
    case capture(CaptureEntry)
    case price(PriceEntry)
    case mitigation(MitigationEntry)
    /// Of a kind that a later control plane introduced. It is covered by the digest and has no effect here.
    case unknown

    init(key: String, text: String) throws(TableRefusal) {
        let parts = key.split(separator: "/", maxSplits: 1)
        guard parts.count == 2 else { throw TableRefusal(.badEntry, "an entry's key has no kind") }
        guard let kind = TableEntryKind(rawValue: String(parts[0])) else {
            self = .unknown
            return
        }
        do {
            self = try Self.decode(kind, Array(text.utf8))
        } catch {
            throw TableRefusal(.badEntry, "\(kind.rawValue) entry \(parts[1]) cannot be decoded")
        }
        guard let name, name == parts[1] else { throw TableRefusal(.badEntry, "\(kind.rawValue) entry \(parts[1]) holds another one") }
        if let fault { throw TableRefusal(.badEntry, "\(kind.rawValue) entry \(parts[1]): \(fault)") }
    }

    func add(to contents: inout TableContents) {
        switch self {
        case .tenant(let entry): contents.tenants[entry.id] = entry
        case .key(let entry): Self.add(entry, to: &contents)
        case .tier(let entry): contents.tiers[entry.name] = entry
        case .model(let entry): contents.models[entry.name] = entry
        case .worker(let entry): contents.workers.append(entry)
        case .gateway(let entry): contents.gateways.append(entry)
        case .denied(let entry): contents.denied.append(entry)
        case .rule(let entry): contents.rules.append(entry)
        case .capture(let entry): contents.captures.append(entry)
        case .price(let entry): contents.prices.append(entry)
        case .mitigation(let entry): contents.mitigations.append(entry)
        case .unknown: break
        }
    }

    /// Until it expires, the secret from before a rotation is the same key.
    private static func add(_ entry: KeyEntry, to contents: inout TableContents) {
        contents.keys[entry.sha256Hex] = entry
        guard let previous = entry.previousSha256Hex, let until = entry.previousExpiresAtSeconds else { return }
        var old = entry
        old.sha256Hex = previous
        old.expiresAtSeconds = min(until, entry.expiresAtSeconds ?? until)
        contents.keys[previous] = old
    }

    private static func decode(_ kind: TableEntryKind, _ bytes: [UInt8]) throws -> TableValue {
        switch kind {
        case .tenant: .tenant(try WireCoder.decode(TenantEntry.self, from: bytes))
        case .key: .key(try WireCoder.decode(KeyEntry.self, from: bytes))
        case .tier: .tier(try WireCoder.decode(TierEntry.self, from: bytes))
        case .model: .model(try WireCoder.decode(ModelEntry.self, from: bytes))
        case .worker: .worker(try WireCoder.decode(WorkerEntry.self, from: bytes))
        case .gateway: .gateway(try WireCoder.decode(GatewayEntry.self, from: bytes))
        case .denied: .denied(try WireCoder.decode(DeniedEntry.self, from: bytes))
        case .rule: .rule(try WireCoder.decode(RuleEntry.self, from: bytes))
        case .capture: .capture(try WireCoder.decode(CaptureEntry.self, from: bytes))
        case .price: .price(try WireCoder.decode(PriceEntry.self, from: bytes))
        case .mitigation: .mitigation(try WireCoder.decode(MitigationEntry.self, from: bytes))
        }
    }

    private var name: String? {
        switch self {
        case .tenant(let entry): entry.id
        case .key(let entry): entry.id
        case .tier(let entry): entry.name
        case .model(let entry): entry.name
        case .worker(let entry): entry.id
        case .gateway(let entry): entry.id
        case .denied(let entry): entry.identity
        case .rule(let entry): entry.id
        case .capture(let entry): entry.id
        case .price(let entry): "\(entry.version)"
        case .mitigation(let entry): entry.id
        case .unknown: nil
        }
    }

    private var fault: String? {
        switch self {
        case .key(let entry): Self.fault(of: entry)
        case .tier(let entry): Self.fault(of: entry)
        case .model(let entry):
            entry.contextTokens < 1 || entry.releaseWeights.values.contains { $0 < 0 }
                || entry.formerShares?.values.contains { $0.weightPpm < 0 } ?? false ? "a number is out of range" : nil
        case .worker(let entry): Self.fault(of: entry)
        case .denied(let entry): PeerIdentity(entry.identity) == nil ? "not an identity" : nil
        case .price(let entry):
            [entry.promptPicoUsd, entry.cachedPromptPicoUsd, entry.completionPicoUsd].allSatisfy(TokenPrices.range.contains)
                ? nil : "a price is out of range"
        case .tenant(let entry):
            Self.isRanges(entry.allowedAddresses)
                ? Self.fault(of: [entry.tokensPerDay, entry.tokensPerMonth, entry.spendPerMonthMicroUsd]) : "not a range of addresses"
        case .rule(let entry): entry.kind != .address || AddressRange(entry.pattern) != nil ? nil : "not a range of addresses"
        // One that cannot be carried out has no effect: a table with revocations in it must not be refused for its sake.
        case .gateway, .capture, .mitigation, .unknown: nil
        }
    }

    private static func fault(of entry: KeyEntry) -> String? {
        guard SHA256Digest(hex: entry.sha256Hex)?.hex == entry.sha256Hex else { return "not a lower-case SHA-256" }
        if let previous = entry.previousSha256Hex, SHA256Digest(hex: previous)?.hex != previous { return "not a lower-case SHA-256" }
        guard isRanges(entry.allowedAddresses) else { return "not a range of addresses" }
        let limits = [
            entry.requestsPerMinute, entry.tokensPerMinute, entry.concurrentRequests, entry.burstRequests, entry.burstTokens,
        ].compactMap(\.self)
        guard limits.allSatisfy({ $0 > 0 }) else { return "a limit is not above 0" }
        return fault(of: [entry.tokensPerDay, entry.tokensPerMonth, entry.spendPerMonthMicroUsd])
    }

    private static func fault(of quotas: [Int64?]) -> String? {
        quotas.allSatisfy { ($0 ?? 1) > 0 } ? nil : "a quota is not above 0"
    }

    private static func isRanges(_ texts: [String]?) -> Bool {
        texts?.allSatisfy { AddressRange($0) != nil } ?? true
    }

    private static func fault(of entry: TierEntry) -> String? {
        let caps = [
            entry.maxPromptTokens, entry.maxOutputTokens, entry.maxBodyBytes, entry.requestsPerMinute, entry.tokensPerMinute,
            entry.concurrentRequests,
        ]
        guard caps.allSatisfy({ $0 > 0 }) else { return "a cap or quota is not above 0" }
        if let fault = fault(of: [entry.tokensPerDay, entry.tokensPerMonth, entry.spendPerMonthMicroUsd]) { return fault }
        return entry.maxTableAgeSeconds >= 0 && entry.ttftObjectiveMicroseconds > 0 ? nil : "a time is out of range"
    }

    private static func fault(of entry: WorkerEntry) -> String? {
        guard entry.weight >= 0, entry.standbyWeight ?? 0 >= 0, entry.slots > 0, entry.contextTokens > 0 else { return "a number is out of range" }
        return entry.link == .direct && entry.address == nil && entry.url == nil ? "a direct link without an address" : nil
    }
}
