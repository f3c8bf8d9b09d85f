import Domain
import HTTPWire
package import Logging
import NIOCore
package import PlimsollWire
import ServiceLifecycle

/// Redacts what was captured and sends it to the control plane, which seals it. Never on a request's path, and never to a disk of this gateway:
/// what cannot be sent is lost.
package struct CaptureShipper: Service {
    package typealias Send = @Sendable (CaptureBatch) async throws -> IntakeResponse

    private static let batch = 8
    /// Of texts sent at once, each of which JSON may make six times as long: the control plane takes 16 MiB.
    private static let mostBytes = 2 << 20
    /// For what requests that ended at the stop left behind.
    private static let lastTry = Duration.seconds(3)

    private let desk: CaptureDesk
    private let send: Send
    private let logger: Logger
    private let interval: Duration

    package init(desk: CaptureDesk, logger: Logger, interval: Duration = .seconds(1), send: @escaping Send) {
        self.desk = desk
        self.send = send
        self.logger = logger
        self.interval = interval
    }

    /// Ships until it is asked to stop, and then once more all there is: in a group of services it stands before what ends the requests.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                // Cancellation ends the pause and the loop.
                try? await Task.sleep(for: interval)
                await ship()
            }
        }
        guard !Task.isCancelled else { return }
        do {
            try await TimeLimit.run(Self.lastTry) { await ship() }
        } catch {
            logger.warning("captures not sent", metadata: ["error": "\(MeterError.describe(error))"])
        }
        desk.drop(desk.takeWaiting().count)
    }

    func ship() async {
        let waiting = desk.takeWaiting()
        guard !waiting.isEmpty else { return }
        var redaction = CaptureRedaction()
        for start in stride(from: 0, to: waiting.count, by: Self.batch) {
            // The last try, which is not cut off, takes them.
            guard !Task.isCancelled else { return desk.takeBack(waiting[start...]) }
            let exchanges = waiting[start..<min(start + Self.batch, waiting.count)]
            for records in Self.parts(exchanges.flatMap { redaction.records($0) }) { await ship(records) }
        }
    }

    private func ship(_ records: [CaptureRecord]) async {
        do {
            let answer = try await send(CaptureBatch(records: records))
            desk.drop(answer.quarantined)
        } catch {
            desk.drop(records.count)
            if !Task.isCancelled { logger.warning("captures not sent", metadata: ["error": "\(MeterError.describe(error))"]) }
        }
    }

    /// As many as the control plane takes at once: a request has a record for each capture that wants it.
    private static func parts(_ records: [CaptureRecord]) -> [[CaptureRecord]] {
        var (parts, bytes): ([[CaptureRecord]], Int) = ([], 0)
        for record in records {
            let size = record.request.utf8.count + record.answer.utf8.count
            if parts.isEmpty || bytes + size > mostBytes {
                parts.append([])
                bytes = 0
            }
            parts[parts.count - 1].append(record)
            bytes += size
        }
        return parts
    }
}

/// Takes secrets and personal data out of what was captured, and then what is beyond the bytes that are kept.
struct CaptureRedaction {
    private var scanner = SensitiveScanner()

    /// One record for each capture that wants the exchange.
    mutating func records(_ exchange: CapturedExchange) -> [CaptureRecord] {
        let asked = exchange.model == nil && !Self.isWhole(exchange) ? "" : json(Self.withoutPadding(exchange.request.readableBytesView))
        let answer = Array(exchange.answer.readableBytesView)
        let told = exchange.isEventStream ? events(answer) : json(answer)
        return exchange.captures.map { capture in
            CaptureRecord(
                capture: capture, requestId: exchange.requestId, key: exchange.key, model: exchange.model ?? "", acceptedAt: exchange.acceptedAt,
                status: exchange.status, request: asked, answer: told, isCut: exchange.isCut, requestBytes: exchange.requestBytes,
                answerBytes: exchange.answerBytes)
        }
    }

    /// Each string by itself, with its escapes resolved, and then the whole: what was cut is no JSON any more.
    private mutating func json(_ bytes: [UInt8]) -> String {
        let excess = max(0, bytes.count - CaptureDesk.mostBytes)
        let whole = excess > 0 ? Self.ended(bytes) : bytes
        return text(strings(whole), without: excess)
    }

    private mutating func strings(_ json: [UInt8]) -> [UInt8] {
        var scanner = scanner
        defer { self.scanner = scanner }
        return json.withUnsafeBytes { raw in StringRewriter.rewriteNested(raw) { Self.redacted($0, &scanner) } } ?? json
    }

    /// What was refused may be anything: where escapes end is known of JSON alone.
    private static func isWhole(_ exchange: CapturedExchange) -> Bool {
        !exchange.isCut && (try? JSONValue.parse(Array(exchange.request.readableBytesView))) != nil
    }

    /// Policy writes blanks over what it takes out at the beginning.
    private static func withoutPadding(_ request: ByteBufferView) -> [UInt8] {
        Array(request.prefix(1)) + request.dropFirst().drop { $0 == UInt8(ascii: " ") }
    }

    /// The last string of what was cut, with an end.
    private static func ended(_ bytes: [UInt8]) -> [UInt8] {
        let escape = bytes.suffix(6).lastIndex(of: UInt8(ascii: "\\"))
        return (escape.map { Array(bytes[..<$0]) } ?? bytes) + [UInt8(ascii: "\"")]
    }

    private mutating func events(_ bytes: [UInt8]) -> String {
        let all = told(bytes)
        guard bytes.count > CaptureDesk.mostBytes else { return text(all, without: 0) }
        return text(all, without: all.count - told(Array(bytes[..<CaptureDesk.mostBytes])).count)
    }

    /// Arguments of calls are JSON of their own.
    private mutating func told(_ bytes: [UInt8]) -> [UInt8] {
        Array(AnswerText(bytes).texts.map { $0.hasPrefix("{") ? strings(Array($0.utf8)) : Array($0.utf8) }.joined(separator: [0x0A]))
    }

    /// - Parameter excess: Bytes at the end that were looked through alone.
    private mutating func text(_ bytes: [UInt8], without excess: Int) -> String {
        let clean = Self.redacted(bytes, &scanner) ?? bytes
        return String(decoding: clean.dropLast(max(excess, clean.count - CaptureDesk.mostBytes, 0)), as: UTF8.self)
    }

    private static func redacted(_ bytes: [UInt8], _ scanner: inout SensitiveScanner) -> [UInt8]? {
        let findings = bytes.withUnsafeBytes { scanner.findings(in: $0) }
        return findings.isEmpty ? nil : Redactor.cover(bytes, findings)
    }
}
