package import ArgumentParser
package import Logging
package import Telemetry

/// The options that every program has. Use as `@OptionGroup`.
package struct ProgramOptions: ParsableArguments, Sendable {
    @Option(name: .long, help: "JSON file with settings. Environment variables PLIMSOLL_* win over it.")
    package var config: String?

    @Option(name: .customLong("log-format"), help: "json or text.")
    package var logFormat: LogFormat = .json

    @Option(
        name: .customLong("log-level"), help: "trace, debug, info, notice, warning, error or critical.",
        transform: { text in
            guard let level = Logger.Level(rawValue: text) else { throw ValidationError("'\(text)' is not a log level.") }
            return level
        })
    package var logLevel: Logger.Level = .info

    package init() {}

    /// A reader over the file and the environment of this process.
    package func settings() -> SettingsReader {
        SettingsReader(file: config, environment: ProcessEnvironment.current)
    }

    /// What a program that holds secrets does before it reads any: nothing of its memory is ever written to a file, and logging is set up as asked for.
    ///
    /// - Parameter redact: Takes secrets and personal data out of what is written.
    package func begin(redact: @escaping LogSetup.Redaction = { $0 }) {
        MemoryDumps.forbid()
        LogSetup.bootstrap(level: logLevel, format: logFormat, redact: redact)
    }
}

extension LogFormat: ExpressibleByArgument {}
