import FoundationEssentials
import Glibc

/// Keeps the children of an installation running and `demo.env` true.
actor DevSupervisor {
    private struct Child {
        var program: DevProgram
        var process: DevProcess?
        var restartAt: ContinuousClock.Instant?
        /// How it is asked to end.
        var stopSignal: Int32
    }

    private let layout: DevLayout
    /// In the order of their start.
    private var names: [String] = []
    private var children: [String: Child] = [:]
    private var runtimes: [String: DevProcess] = [:]
    private var lines: [(String, String)] = []
    private var written = ""
    private let clock = ContinuousClock()

    init(_ layout: DevLayout) {
        self.layout = layout
    }

    /// - Parameter stopSignal: how it is asked to end.
    func start(_ name: String, _ program: DevProgram, stopSignal: Int32 = SIGTERM) throws(CommandFailure) {
        let process = try program.start()
        names.append(name)
        children[name] = Child(program: program, process: process, stopSignal: stopSignal)
        try recordProcesses()
    }

    /// Gives the file for users its lines; the processes' ids are added to them.
    func publish(_ lines: [(String, String)]) throws(CommandFailure) {
        self.lines = lines
        try writeEnvironment()
    }

    /// A child that has ended although nobody asked it to, while the installation is still starting.
    func fallen() -> String? {
        names.first { children[$0]?.process?.isAlive == false }
    }

    /// One look at everything: starts again what died a second ago, and writes down what changed.
    func tend() throws(CommandFailure) {
        var changed = false
        for name in names {
            guard var child = children[name] else { continue }
            changed = try tend(name, &child) || changed
            children[name] = child
        }
        let now = readRuntimes()
        if now != runtimes {
            runtimes = now
            changed = true
        }
        if changed {
            try recordProcesses()
            try writeEnvironment()
        }
    }

    func rotateLogs() {
        let folder = "\(layout.state)/logs"
        for file in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] where file.hasSuffix(".log") {
            DevLog.rotate("\(folder)/\(file)")
        }
    }

    private func tend(_ name: String, _ child: inout Child) throws(CommandFailure) -> Bool {
        if let process = child.process {
            if process.isAlive { return false }
            child.process = nil
            child.restartAt = clock.now + .seconds(1)
            DevReport.line("\(name) ended; starting it again in 1 s (\(child.program.log))")
            return true
        }
        guard let moment = child.restartAt, clock.now >= moment else { return false }
        do throws(CommandFailure) {
            child.process = try child.program.start()
            child.restartAt = nil
            return true
        } catch {
            DevReport.line("\(name): \(error.message)")
            child.restartAt = clock.now + .seconds(1)
            return false
        }
    }

    /// Stops everything, last started first, and what the agents have started.
    func stop() async {
        runtimes = readRuntimes()
        // Agents first and together: each stops its runtime and says goodbye to the gateway.
        await end(names.filter { $0.hasPrefix("agent:") }, within: .seconds(15))
        for runtime in runtimes.values { runtime.send(SIGTERM) }
        for runtime in runtimes.values where await !runtime.end(within: .seconds(3)) { runtime.send(SIGKILL) }
        for name in names.reversed() where !name.hasPrefix("agent:") { await end([name], within: .seconds(15)) }
        unlink(layout.processFile)
        unlink(layout.readyFile)
    }

    private func end(_ names: [String], within limit: Duration) async {
        let processes = names.compactMap { name in children[name].flatMap { child in child.process.map { (name, $0, child.stopSignal) } } }
        for (_, process, signal) in processes { process.sendToItAlone(signal) }
        let deadline = ContinuousClock.now + limit
        for (name, process, _) in processes where await !process.end(within: deadline - ContinuousClock.now) {
            DevReport.line("\(name) did not end in time and is killed")
            process.send(SIGKILL)
            _ = await process.end(within: .seconds(5))
        }
        for (name, _, _) in processes { children[name]?.process = nil }
    }

    /// Agents write down which runtime is theirs; one that was adopted counts as well.
    private func readRuntimes() -> [String: DevProcess] {
        var found: [String: DevProcess] = [:]
        for provider in DevLayout.providers {
            guard let text = PrivateFile.read(layout.runtimeProcessFile(provider)), let process = DevProcess(line: text[...]) else { continue }
            if process.isAlive { found[provider] = process }
        }
        return found
    }

    private func recordProcesses() throws(CommandFailure) {
        var lines = DevProcess(living: getpid()).map { ["dev \($0.pid) \($0.startTicks)"] } ?? []
        lines += names.compactMap { name in children[name]?.process.map { "\(name) \($0.pid) \($0.startTicks)" } }
        lines += runtimes.sorted { $0.key < $1.key }.map { "runtime:\($0.key) \($0.value.pid) \($0.value.startTicks)" }
        try PrivateFile.write(lines.joined(separator: "\n") + "\n", to: layout.processFile)
    }

    private func writeEnvironment() throws(CommandFailure) {
        guard !lines.isEmpty else { return }
        let order = ["control", "gateway", "agent:alpha", "agent:beta", "postgres"]
        var pids = order.compactMap { name in children[name]?.process.map { "\(name)=\($0.pid)" } }
        pids += runtimes.sorted { $0.key < $1.key }.map { "runtime:\($0.key)=\($0.value.pid)" }
        let text = DevEnvironment.render(lines + [("PLIMSOLL_PIDS", pids.joined(separator: " "))])
        guard text != written else { return }
        try PrivateFile.write(text, to: layout.environmentFile)
        written = text
    }
}

/// Lines for the person who watches.
enum DevReport {
    static func line(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        // Nobody may be listening any more.
        _ = write(STDOUT_FILENO, bytes, bytes.count)
    }
}
