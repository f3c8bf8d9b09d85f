import Cryptography
import FoundationEssentials
import Logging
import PlimsollWire
import ServiceLifecycle

/// Finds out which weights runtimes serve: their files are read once they are ready, and again only when they have changed.
///
/// A process keeps the weights that it has loaded. Whose files change while it runs has none that are known, until it is started again.
final class WeightsKeeper: Service {
    private struct Memory: Codable {
        struct Entry: Codable {
            var file: ModelFiles.File
            var digest: String
        }

        var entries: [Entry]
    }

    private let runtimes: [(status: RuntimeStatus, path: String)]
    private let cache: String
    private let interval: Duration
    private let pause: Int32
    private let logger: Logger

    /// - Parameters:
    ///   - cache: The file in which digests are kept over restarts.
    ///   - pause: Milliseconds of rest after each mebibyte that is read.
    init(runtimes: [RuntimeStatus], cache: String, interval: Duration = .seconds(60), pause: Int32 = 10, logger: Logger) {
        self.runtimes = runtimes.compactMap { status in
            RuntimeCommand(status.configuration.command, dialect: status.configuration.dialect).modelPath.map { (status, $0) }
        }
        self.cache = cache
        self.interval = interval
        self.pause = pause
        self.logger = logger
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var known = self.remembered
            var served: [String: (process: String, files: ModelFiles)] = [:]
            while !Task.isCancelled {
                for (status, path) in self.runtimes { await self.look(at: status, path, &known, &served) }
                // Cancellation ends the pause and the loop.
                try? await Task.sleep(for: self.interval)
            }
        }
    }

    private func look(
        at status: RuntimeStatus, _ path: String, _ known: inout [ModelFiles.File: String],
        _ served: inout [String: (process: String, files: ModelFiles)]
    ) async {
        let name = status.configuration.name
        guard let process = status.readyProcess else { return }
        // Until it has been looked at, another process may have loaded others.
        if served[name]?.process != process { status.publish(weights: nil) }
        guard let found = await read(path, known), status.readyProcess == process else {
            if served[name]?.process != process { served[name] = nil }
            return
        }
        remember(found, &known)
        if served[name]?.process != process { served[name] = (process, found.files) }
        status.publish(weights: served[name]?.files == found.files ? "sha256:" + found.files.digest(found.digests) : nil)
    }

    /// On a thread of its own, which a disk that does not answer may hold for ever.
    private func read(_ path: String, _ known: [ModelFiles.File: String]) async -> (files: ModelFiles, digests: [String])? {
        let (reading, answer) = (WeightsReading(pause: pause), SingleAnswer<(files: ModelFiles, digests: [String])>())
        guard ThreadWork({ answer.give(reading.read(path, known: known)) }).start() else { return nil }
        return await withTaskCancellationHandler {
            await answer.wait()
        } onCancel: {
            reading.stop()
        }
    }

    private func remember(_ found: (files: ModelFiles, digests: [String]), _ known: inout [ModelFiles.File: String]) {
        let before = known
        // Of the same files as they were, nobody asks any more.
        let paths = Set(found.files.files.map(\.path))
        known = known.filter { !paths.contains($0.key.path) }
        for (file, digest) in zip(found.files.files, found.digests) where file.named == nil { known[file] = digest }
        guard known != before else { return }
        do {
            let memory = Memory(entries: known.map { Memory.Entry(file: $0.key, digest: $0.value) })
            try SecretFile.write(try WireCoder.encode(memory), to: cache)
        } catch {
            logger.warning("digests of weights cannot be kept, they are read again at the next start", metadata: ["error.reason": "\(error)"])
        }
    }

    private var remembered: [ModelFiles.File: String] {
        guard let bytes = FileManager.default.contents(atPath: cache), let memory = try? WireCoder.decode(Memory.self, from: bytes) else {
            return [:]
        }
        return Dictionary(memory.entries.map { ($0.file, $0.digest) }, uniquingKeysWith: { first, _ in first })
    }
}
