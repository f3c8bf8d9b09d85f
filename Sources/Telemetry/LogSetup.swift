package import Logging

/// Shape of a log line.
package enum LogFormat: String, Sendable, CaseIterable {
    /// One JSON object a line.
    case json
    /// One line for people.
    case text
}

/// Sets logging up for a program.
package enum LogSetup {
    /// Takes what must not be told out of one text.
    package typealias Redaction = @Sendable (String) -> String

    /// Sends every log record of this process to standard error. Call once, first thing in `main`.
    ///
    /// - Parameter redact: Run on the message and on every value of each record: others' words stand in errors of libraries, hosts and peers.
    package static func bootstrap(level: Logger.Level, format: LogFormat, redact: @escaping Redaction = { $0 }) {
        let sink = LogSink.standardError
        LoggingSystem.bootstrap { label in
            PlimsollLogHandler(label: label, level: level, format: format, sink: sink, redact: redact)
        }
    }

    /// Records that were dropped because standard error did not take them in time.
    package static var dropped: Int { LogSink.standardError.dropped }
}
