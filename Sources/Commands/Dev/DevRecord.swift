import FoundationEssentials
import Glibc

/// What an installation's `pids` file says: the processes of a start that may be over.
struct DevRecord {
    let entries: [(name: String, process: DevProcess)]

    init(_ layout: DevLayout) {
        let lines = PrivateFile.read(layout.processFile)?.split(separator: "\n") ?? []
        entries = lines.compactMap { line in
            guard let space = line.firstIndex(of: " "), let process = DevProcess(line: line[line.index(after: space)...]) else { return nil }
            return (String(line[..<space]), process)
        }
    }

    /// The `plimsoll dev` that keeps the installation, when it lives.
    var keeper: DevProcess? {
        entries.first { $0.name == "dev" && $0.process.isAlive }?.process
    }

    /// Ends what a keeper that was killed has left behind.
    func sweep() async {
        let left = entries.filter { $0.name != "dev" && $0.process.isAlive }
        for (name, process) in left { process.send(name == "postgres" ? SIGINT : SIGTERM) }
        for (_, process) in left where await !process.end(within: .seconds(10)) {
            process.send(SIGKILL)
            _ = await process.end(within: .seconds(5))
        }
    }
}
