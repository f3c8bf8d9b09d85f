import Domain
import FoundationEssentials
import Glibc
import NIOCore
import NIOPosix

@testable import Gateway

/// A folder that is removed with the value's last use, if it was made for it.
final class ScratchFolder: Sendable {
    let path: String
    private let isOwn: Bool

    /// One that is there.
    init(at path: String) { (self.path, isOwn) = (path, false) }

    init() throws {
        (path, isOwn) = (FileManager.default.temporaryDirectory.appending(path: "plimsoll-\(UUID().uuidString)").path, true)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { if isOwn { try? FileManager.default.removeItem(atPath: path) } }

    func files(_ suffix: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(suffix) }.sorted()
    }

    func bytes(_ file: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: "\(path)/\(file)"))) }

    func write(_ bytes: [UInt8], to file: String) throws { try Data(bytes).write(to: URL(filePath: "\(path)/\(file)")) }
}

/// Waits for one record and says whether the disk took it.
final class WrittenRecord: MeterWaiter {
    private let promise: EventLoopPromise<Bool>

    init(_ promise: EventLoopPromise<Bool>) {
        self.promise = promise
    }

    func meterWrote(tag: UInt32, succeeded: Bool) { promise.succeed(succeeded) }
}

/// A spool with one real event loop.
struct SpoolStand: Sendable {
    let spool: Spool
    let loop: any EventLoop
    let meter: NIOLoopBound<LoopMeter>
    /// Kept for as long as the spool uses it.
    private let folder: ScratchFolder?
    static let subject = UsageSubject(tenant: "t-1", key: "k-1", tier: "pro", model: "mock", region: "eu", firstTokenObjective: 1_500_000)
    static let target = UsageTarget(release: "mock-q4", worker: "w-1", provider: "p-1")

    init(_ settings: SpoolSettings, in folder: ScratchFolder? = nil) async throws {
        self.folder = folder
        spool = try Spool(settings)
        loop = MultiThreadedEventLoopGroup.singleton.next()
        meter = try await spool.makeMeter(on: loop).get()
    }

    /// Every turn is written at once: what was told stands in a segment.
    init(_ folder: ScratchFolder) async throws {
        try await self.init(SpoolSettings(directory: folder.path, gateway: "gw-1", tailBytes: 0), in: folder)
    }

    /// The admission's sequence, or nil when it was refused.
    func admit(_ number: Int = 1) async throws -> Int64? { try await admit(Self.admission(number)) }

    func admit(_ admission: Admission) async throws -> Int64? {
        let (sequence, succeeded) = try await loop.flatSubmit {
            let promise = loop.makePromise(of: Bool.self)
            let sequence = meter.value.admit(admission, waiter: WrittenRecord(promise), tag: 7)
            return promise.futureResult.map { (sequence, $0) }
        }.get()
        return succeeded ? sequence : nil
    }

    func finish(_ number: Int = 1, sequence: Int64, completionTokens: Int = 5) async throws -> Bool {
        let completion = { @Sendable in Self.completion(number, sequence: sequence, completionTokens: completionTokens) }
        return try await loop.flatSubmit {
            let promise = loop.makePromise(of: Bool.self)
            meter.value.finish(completion(), waiter: WrittenRecord(promise), tag: 8)
            return promise.futureResult.map { isWritten in
                if isWritten { meter.value.count(completion()) } else { meter.value.countUnrecorded(completion().admission) }
                return isWritten
            }
        }.get()
    }

    /// Admits and ends requests 1 to `count`.
    func serve(_ count: Int) async throws {
        for number in 1...count {
            guard let sequence = try await admit(number) else { throw MeterError(.refused, "not admitted") }
            guard try await finish(number, sequence: sequence) else { throw MeterError(.refused, "end not written") }
        }
    }

    /// As `serve`, but with all records in one write, however busy the machine is; they are counted in no minute.
    func serveAtOnce(_ count: Int) async throws {
        let written = try await loop.flatSubmit {
            var told: [EventLoopFuture<Bool>] = []
            func waiter() -> WrittenRecord {
                let promise = loop.makePromise(of: Bool.self)
                told.append(promise.futureResult)
                return WrittenRecord(promise)
            }
            for number in 1...count {
                let sequence = meter.value.admit(Self.admission(number), waiter: waiter(), tag: 7)
                meter.value.finish(Self.completion(number, sequence: sequence), waiter: waiter(), tag: 8)
            }
            return EventLoopFuture.whenAllSucceed(told, on: loop)
        }.get()
        guard written.allSatisfy({ $0 }) else { throw MeterError(.refused, "not written") }
    }

    static func admission(_ number: Int) -> Admission {
        Admission(
            requestId: RequestId(high: 0x0190_0000_0000_7000, low: 0x8000_0000_0000_0000 | UInt64(number)), subject: subject,
            acceptedAt: 1_800_000_000_000_000 + Int64(number), stream: true)
    }

    static func completion(_ number: Int, sequence: Int64, completionTokens: Int = 5) -> Completion {
        var evidence = RequestEvidence(status: 200)
        evidence.hasFinishReason = true
        evidence.promptTokens = 11
        evidence.completionTokens = completionTokens
        evidence.firstTokenAfter = 640_000
        evidence.finishedAfter = 900_000
        let completion = Completion(admission: admission(number), sequence: sequence, target: target, evidence: evidence)
        completion.finishReason = "stop"
        return completion
    }
}
