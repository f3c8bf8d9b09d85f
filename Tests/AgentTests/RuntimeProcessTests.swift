import Cryptography
import Glibc
import Testing

@testable import Agent

@Suite("A runtime's processes", .timeLimit(.minutes(2)))
struct RuntimeProcessTests {
    private let tiny: TinyRuntime
    private var notes: String { tiny.folder.path + "/notes" }

    init() throws { tiny = try TinyRuntime() }

    /// What the script wrote down, a process id a line.
    private var noted: [Int32] {
        guard let bytes = try? SecretFile.read(notes) else { return [] }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap { Int32($0) }
    }

    @Test("none runs that cannot be put on record")
    func runsNothingUnrecorded() throws {
        let process = RuntimeProcess(configuration: tiny.shell("echo $$ > \(notes)"), state: tiny.state)
        // A folder in its place keeps the record from being written.
        #expect(mkdir(tiny.state.processRecord(runtime: "tiny"), 0o700) == 0)
        #expect(throws: AgentError.self) { try process.start() }
        #expect(noted.isEmpty)
    }

    @Test("one whose agent dies between start and record ends without having run, another that waits beside it notwithstanding")
    func endsWithAgent() throws {
        let output = nullDevice()
        defer { close(output) }
        let first = try HeldProcess(["/bin/sh", "-c", "echo $$ > \(notes)"], environment: [], output: output)
        let second = try HeldProcess(["/bin/sh", "-c", "echo $$ >> \(notes)"], environment: [], output: output)
        // What the kernel does for an agent that was killed: its ends of the gates close.
        first.abandon()
        second.abandon()
        #expect(ProcessIdentity(living: first.pid) == nil && ProcessIdentity(living: second.pid) == nil)
        #expect(noted.isEmpty)
    }

    @Test("a program that cannot be run is an error and leaves no record")
    func reportsMissingProgram() throws {
        var settings = tiny.configuration
        settings.command = ["/nonexistent/server"]
        let error = #expect(throws: AgentError.self) { try RuntimeProcess(configuration: settings, state: tiny.state).start() }
        #expect(error?.message == "its program cannot be run: No such file or directory")
        #expect(tiny.pid == nil)
    }

    @Test("children of a leader that obeys are ended, too, even if they do not obey themselves")
    func stopsChildren() async throws {
        let script = "(trap '' TERM; exec sleep 300) & echo $! > \(notes); trap 'exit 0' TERM; wait"
        let process = RuntimeProcess(configuration: tiny.shell(script), state: tiny.state)
        let leader = try process.start()
        #expect(await eventually { noted.count == 1 })
        let child = try #require(noted.first)
        #expect(await process.stop(leader))
        #expect(ProcessIdentity(living: leader.pid) == nil && ProcessIdentity(living: child) == nil)
    }

    @Test("children of a leader that crashed are ended before another is started")
    func sweepsBeforeRestart() async throws {
        let script = "(trap '' TERM; exec sleep 300) & echo $! >> \(notes); kill -9 $$"
        let status = RuntimeStatus(configuration: tiny.shell(script))
        try await tiny.supervise(status) {
            #expect(await eventually { noted.count > 1 })
            let child = try #require(noted.first)
            #expect(ProcessIdentity(living: child) == nil)
        }
        #expect(noted.allSatisfy { ProcessIdentity(living: $0) == nil })
    }

    @Test("children that a dead leader left to the next agent are ended by it")
    func sweepsAtAdoption() async throws {
        let script = "sleep 300 & echo $! > \(notes); kill -9 $$"
        let leader = try RuntimeProcess(configuration: tiny.shell(script), state: tiny.state).start()
        #expect(await eventually { noted.count == 1 && !leader.isAlive })
        #expect(leader.groupIsAlive)
        #expect(await RuntimeProcess(configuration: tiny.shell(script), state: tiny.state).adopt() == nil)
        #expect(!leader.groupIsAlive)
    }

    private func nullDevice() -> Int32 { open("/dev/null", O_RDWR | O_CLOEXEC) }
}
