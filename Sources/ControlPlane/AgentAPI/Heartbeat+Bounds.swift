import Domain
import PlimsollWire

/// A host may say anything; what is kept of it is bounded.
extension Heartbeat {
    static let maximumRuntimes = 64
    static let maximumGateways = 64
    /// Of an inventory as JSON; the schema takes 64 KiB of PostgreSQL's form of it, which is at most a third longer.
    static let maximumInventoryBytes = 48 << 10

    /// The same with numbers cut to what can be and texts to what is kept. Runtimes without a name or with one used twice are left out, and so is
    /// an inventory that is too long even then.
    var bounded: Heartbeat {
        var copy = self
        var names: Set<String> = []
        // Looked at after the cut, which may leave nothing of a name.
        copy.runtimes = runtimes.prefix(Self.maximumRuntimes).map(\.bounded)
            .filter { !$0.runtime.isEmpty && !$0.release.isEmpty && names.insert($0.runtime).inserted }
        copy.linkedGateways = Array(linkedGateways.prefix(Self.maximumGateways))
        copy.version = version.bounded(64)
        copy.bootId = bootId.bounded(64)
        copy.linkAddress = linkAddress.flatMap { PeerAddress.isValid($0) ? $0 : nil }
        copy.observedGeneration = max(0, observedGeneration)
        copy.inventory = inventory.map(\.bounded).flatMap { $0.encodedBytes <= Self.maximumInventoryBytes ? $0 : nil }
        return copy
    }
}

extension RuntimeReport {
    fileprivate var bounded: RuntimeReport {
        var copy = self
        copy.runtime = runtime.bounded(63)
        copy.release = release.bounded(127)
        copy.servedModel = servedModel.map { $0.bounded(255) }.flatMap { $0.isEmpty ? nil : $0 }
        copy.version = version?.bounded(64)
        copy.slots = min(max(slots, 1), 65_536)
        copy.contextTokens = min(max(contextTokens, 1), 10_000_000)
        copy.load = load.bounded
        copy.imageDigest = imageDigest.flatMap { $0.isDigest ? $0 : nil }
        copy.weightsDigest = weightsDigest.flatMap { $0.isDigest ? $0 : nil }
        copy.logTail = logTail.map { lines in
            PrivateKeyLines.covered(lines.suffix(20).newest(Self.mostLogScalars)).map { Redactor.standard.redact($0) }.newest(Self.mostLogScalars)
        }
        return copy
    }

    /// Of all lines of a log together: as JSON never more than the 64 KiB that the schema takes.
    private static let mostLogScalars = 16_000
}

extension RuntimeLoad {
    fileprivate var bounded: RuntimeLoad {
        RuntimeLoad(
            running: min(max(running, 0), 1_000_000), waiting: min(max(waiting, 0), 1_000_000),
            kvUsedRatio: kvUsedRatio.flatMap { $0.isFinite ? min(max($0, 0), 1) : nil }, promptTokensTotal: promptTokensTotal.map { max($0, 0) },
            generatedTokensTotal: generatedTokensTotal.map { max($0, 0) }, relaying: min(max(relaying, 0), 1_000_000),
            errorsTotal: max(errorsTotal, 0))
    }
}

extension Inventory {
    /// Greatest when it cannot be encoded.
    fileprivate var encodedBytes: Int { (try? WireCoder.encode(self))?.count ?? .max }

    fileprivate var bounded: Inventory {
        var copy = self
        copy.hostname = hostname.bounded(253)
        copy.operatingSystem = operatingSystem.bounded(200)
        copy.kernel = kernel.bounded(200)
        copy.processor = Processor(model: processor.model.bounded(200), cores: min(max(processor.cores, 0), 65_536))
        copy.memoryBytes = max(memoryBytes, 0)
        copy.memoryAvailableBytes = min(max(memoryAvailableBytes, 0), copy.memoryBytes)
        copy.diskFreeBytes = max(diskFreeBytes, 0)
        copy.accelerators = accelerators.prefix(64).map(\.bounded)
        copy.driverVersion = driverVersion?.bounded(64)
        copy.cudaVersion = cudaVersion?.bounded(64)
        copy.acceleratorFault = acceleratorFault?.bounded(500)
        return copy
    }
}

extension Inventory.Accelerator {
    fileprivate var bounded: Inventory.Accelerator {
        var copy = self
        copy.uuid = uuid.bounded(100)
        copy.name = name.bounded(200)
        copy.memoryBytes = min(max(memoryBytes, 0), 1 << 50)
        copy.memoryUsedBytes = memoryUsedBytes.map { min(max($0, 0), copy.memoryBytes) }
        copy.utilization = utilization.map { min(max($0, 0), 100) }
        copy.temperatureCelsius = temperatureCelsius.map { min(max($0, -100), 1_000) }
        copy.computeCapability = computeCapability?.bounded(16)
        return copy
    }
}

extension Sequence<String> {
    /// The last of them that have so many scalars together, none of them a control character; of the first one that is kept maybe its beginning alone.
    fileprivate func newest(_ most: Int) -> [String] {
        var (kept, left): ([String], Int) = ([], most)
        for line in reversed() where left > 0 {
            let text = line.bounded(left)
            left -= text.unicodeScalars.count
            kept.append(text)
        }
        return kept.reversed()
    }
}

extension String {
    fileprivate var isDigest: Bool {
        hasPrefix("sha256:") && utf8.count == 71 && utf8.dropFirst(7).allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }

    /// At most so many scalars, none of them a control character, which PostgreSQL would refuse or a terminal obey.
    fileprivate func bounded(_ count: Int) -> String {
        String(String.UnicodeScalarView(unicodeScalars.lazy.filter { $0.properties.generalCategory != .control }.prefix(count)))
    }
}
