import Cryptography
import Glibc

/// The file that lets the next agent find the runtime that this one started: `<pid> <start ticks> <hash of the command> <boot id>`.
struct ProcessRecord: Sendable, Equatable {
    var process: ProcessIdentity
    /// A runtime that was started with another command is stopped, not adopted.
    var commandHash: String
    /// The kernel's id of the boot in which it was started; empty when an older agent wrote the file.
    var bootId: String

    static func hash(command: [String], environment: [String: String]) -> String {
        let settings = environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return Hash.sha256((command + ["\u{0}"] + settings).joined(separator: "\u{0}")).hex
    }

    /// Nil when there is no such file, or when it was cut.
    static func read(_ path: String) -> ProcessRecord? {
        guard SecretFile.exists(path), let bytes = try? SecretFile.read(path, limit: 1024) else { return nil }
        let fields = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard (3...4).contains(fields.count), let pid = Int32(fields[0]), let ticks = UInt64(fields[1]) else { return nil }
        return ProcessRecord(
            process: ProcessIdentity(pid: pid, startTicks: ticks), commandHash: String(fields[2]), bootId: fields.count > 3 ? String(fields[3]) : "")
    }

    func write(to path: String) throws(AgentError) {
        do throws(CryptographyError) {
            try SecretFile.write(Array("\(process.pid) \(process.startTicks) \(commandHash) \(bootId)\n".utf8), to: path)
        } catch {
            throw AgentError(.state, "the runtime's process id cannot be written to \(path)", cause: error)
        }
    }

    static func remove(_ path: String) {
        unlink(path)
    }
}
