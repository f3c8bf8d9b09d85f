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
    /// Sends every log record of this process to standard error. Call once, first thing in `main`.
    package static func bootstrap(level: Logger.Level, format: LogFormat) {
        let sink = LogSink.standardError
        LoggingSystem.bootstrap { label in
            PlimsollLogHandler(label: label, level: level, format: format, sink: sink)
        }
    }

    /// Records that were dropped because standard error did not take them in time.
    package static var dropped: Int { LogSink.standardError.dropped }
}
