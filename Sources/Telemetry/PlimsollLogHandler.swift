import Glibc
import Logging

/// Writes each record as one line. Metadata whose name is not in `LogKeys` is named but its value is left out, secrets and personal data are
/// taken out of the others, and long values are cut.
struct PlimsollLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    var logLevel: Logger.Level
    private let label: String
    private let format: LogFormat
    private let sink: LogSink
    private let redact: LogSetup.Redaction

    init(
        label: String, level: Logger.Level, format: LogFormat, sink: LogSink, metadataProvider: Logger.MetadataProvider? = nil,
        redact: @escaping LogSetup.Redaction = { $0 }
    ) {
        self.label = label
        self.format = format
        self.sink = sink
        self.metadataProvider = metadataProvider
        self.redact = redact
        logLevel = level
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var all = metadataProvider?.get() ?? [:]
        all.merge(metadata) { _, new in new }
        if let own = event.metadata { all.merge(own) { _, new in new } }
        if let error = event.error { all[LogKeys.errorType] = "\(type(of: error))" }
        var line = LogLine(limit: LogSink.lineLimit)
        let record = LogRecord(
            time: LogTime.now(), level: event.level, label: label, message: redact(LogRecord.bounded(event.message.description)),
            fields: LogRecord.fields(all, redact: redact))
        switch format {
        case .json: line.appendJSON(record)
        case .text: line.appendText(record)
        }
        LogCanary.look(at: line.bytes)
        sink.write(line.bytes)
    }
}

/// What one line says, ready to be written.
struct LogRecord {
    /// Bytes of a metadata value that are written.
    static let valueLimit = 512
    /// Bytes of a text that are looked through. What is cut away must be looked at too: half a secret is not known for one.
    private static let scannedLimit = 16_384

    var time: String
    var level: Logger.Level
    var label: String
    var message: String
    /// In order of the names.
    var fields: [(name: String, value: String)]

    static func fields(_ metadata: Logger.Metadata, redact: LogSetup.Redaction) -> [(name: String, value: String)] {
        metadata.sorted { $0.key < $1.key }.map { name, value in
            let text = value.description
            return (name, LogKeys.all.contains(name) ? cut(redact(bounded(text))) : "<unlisted \(text.utf8.count) bytes>")
        }
    }

    static func bounded(_ text: String) -> String {
        text.utf8.count > scannedLimit ? String(decoding: text.utf8.prefix(scannedLimit), as: UTF8.self) : text
    }

    static func cut(_ text: String) -> String {
        guard text.utf8.count > valueLimit else { return text }
        return String(decoding: text.utf8.prefix(valueLimit), as: UTF8.self) + "…(\(text.utf8.count) bytes)"
    }
}

/// RFC 3339 in UTC with milliseconds.
enum LogTime {
    static func now() -> String {
        var moment = timespec()
        clock_gettime(CLOCK_REALTIME, &moment)
        return text(seconds: moment.tv_sec, milliseconds: moment.tv_nsec / 1_000_000)
    }

    static func text(seconds: Int, milliseconds: Int) -> String {
        var seconds = seconds
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func pad(_ number: Int, _ width: Int = 2) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let day = "\(pad(Int(parts.tm_year) + 1900, 4))-\(pad(Int(parts.tm_mon) + 1))-\(pad(Int(parts.tm_mday)))"
        return "\(day)T\(pad(Int(parts.tm_hour))):\(pad(Int(parts.tm_min))):\(pad(Int(parts.tm_sec))).\(pad(milliseconds, 3))Z"
    }
}
