import FoundationEssentials
import Glibc

/// An installation that runs on its own: started, looked at and stopped from another process.
struct DevBackground: Sendable {
    let layout: DevLayout

    /// - Parameter model: name of the model that customers ask for.
    func start(arguments: [String], environment: [String: String], model: String) async throws {
        let began = ContinuousClock.now
        try layout.makeFolders()
        unlink(layout.readyFile)
        let log = layout.log("dev")
        var shown = PrivateFile.read(log)?.utf8.count ?? 0
        let program = DevProgram(
            path: layout.program("plimsoll"), arguments: arguments, environment: environment, log: log,
            directory: FileManager.default.currentDirectoryPath)
        let keeper = try program.start()
        while keeper.isAlive {
            shown = show(log, from: shown)
            if PrivateFile.read(layout.readyFile) == "\(keeper.pid)\n" {
                _ = show(log, from: shown)
                try await DevIntroduction(layout: layout, model: model).show(took: ContinuousClock.now - began)
                return DevReport.line("\nIt runs in the background; the flag --stop ends it.")
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        _ = show(log, from: shown)
        throw CommandFailure(.refused, "the installation did not start")
    }

    func stop() async throws {
        let record = DevRecord(layout)
        guard let keeper = record.keeper else {
            await record.sweep()
            return DevReport.line("nothing runs in \(layout.state)")
        }
        let progress = ProgressLine("stopping")
        keeper.sendToItAlone(SIGTERM)
        if await !keeper.end(within: .seconds(60)) {
            keeper.sendToItAlone(SIGKILL)
            _ = await keeper.end(within: .seconds(5))
        }
        await record.sweep()
        progress.end("stopped")
    }

    func status() throws {
        let record = DevRecord(layout)
        guard record.keeper != nil else { throw CommandFailure(.refused, "nothing runs in \(layout.state)") }
        let rows = record.entries.map { [$0.name, String($0.process.pid), $0.process.isAlive ? "runs" : "ended"] }
        DevReport.line(TextTable(titles: ["process", "id", "state"], rows: rows).render(width: nil))
        DevReport.line("\n\(layout.url)/v1, \(layout.adminURL)/admin/v1, \(layout.environmentFile)")
    }

    func reset() async throws {
        guard FileManager.default.fileExists(atPath: layout.state) else { return DevReport.line("there is nothing in \(layout.state)") }
        if layout.isInstallation { try await stop() }
        try layout.remove()
        DevReport.line("removed \(layout.state)")
    }

    /// Writes what the log got since; gives where it ends now.
    private func show(_ log: String, from start: Int) -> Int {
        guard let bytes = PrivateFile.read(log).map({ Array($0.utf8) }), bytes.count > start else { return start }
        let rest = bytes[start...]
        rest.withUnsafeBytes { _ = write(STDOUT_FILENO, $0.baseAddress, $0.count) }
        return bytes.count
    }
}
