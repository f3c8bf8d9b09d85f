import FoundationEssentials
import Glibc
import Outbound
import PlimsollWire
import Testing

@testable import Agent

@Suite("Supervised runtimes are real processes", .timeLimit(.minutes(2)))
struct SupervisorTests {
    private let tiny: TinyRuntime

    init() throws { tiny = try TinyRuntime() }

    @Test("it is started, described and, at the end, stopped")
    func startsAndStops() async throws {
        let status = RuntimeStatus(configuration: tiny.configuration)
        let pid = try await tiny.supervise(status) {
            #expect(await eventually { status.isReady && status.report.slots == 4 && status.load.running == 2 })
            #expect(status.report.servedModel == "tiny")
            #expect(status.report.contextTokens == 512)
            return try #require(tiny.pid)
        }
        #expect(kill(pid, 0) == -1)
        #expect(status.report.state == .stopped)
    }

    @Test("killed: started again, under another process id")
    func restarts() async throws {
        let status = RuntimeStatus(configuration: tiny.configuration)
        try await tiny.supervise(status) {
            #expect(await eventually { status.isReady })
            let first = try #require(tiny.pid)
            #expect(kill(first, SIGKILL) == 0)
            #expect(await eventually { tiny.pid != nil && tiny.pid != first && status.isReady })
        }
    }

    @Test("a restart that is ordered puts another process in its place, once, and nothing new comes in meanwhile")
    func restartsWhenOrdered() async throws {
        let status = RuntimeStatus(configuration: tiny.configuration)
        try await tiny.supervise(status) {
            #expect(await eventually { status.isReady && status.report.restartable == true })
            guard case .ours(let first) = status.standing.holding else { return #expect(Bool(false), "it is not the agent's") }
            status.rest(true)
            #expect(!status.takesRequests && status.isReady && status.report.logTail == nil)
            status.order(replacing: first)
            #expect(await eventually { status.isReady && ![.ours(process: first), .ours(process: "")].contains(status.standing.holding) })
            let (second, pid) = (status.standing.holding, tiny.pid)
            #expect(status.report.logTail == ["hello from tiny"])
            // The same order, again: what it is about is gone.
            status.order(replacing: first)
            #expect(await eventually { status.takeOrder() == nil })
            status.rest(false)
            #expect(status.takesRequests && status.standing.holding == second && tiny.pid == pid)
        }
    }

    @Test("the next agent adopts the runtime of the last one; with another command it starts its own")
    func adopts() async throws {
        let first = RuntimeStatus(configuration: tiny.configuration)
        let pid = try await tiny.supervise(first, keeps: true) {
            #expect(await eventually { first.isReady })
            return try #require(tiny.pid)
        }
        let second = RuntimeStatus(configuration: tiny.configuration)
        try await tiny.supervise(second, keeps: true) {
            #expect(await eventually { second.isReady })
            #expect(tiny.pid == pid)
        }
        var settings = tiny.configuration
        settings.environment = ["TINY": "2"]
        let third = RuntimeStatus(configuration: settings)
        try await tiny.supervise(third) {
            #expect(await eventually { third.isReady && tiny.pid != pid })
        }
        #expect(kill(pid, 0) == -1)
    }

    @Test("an agent that was killed leaves its runtime to the next one, which stops it at its own end")
    func adoptsAfterKill() async throws {
        let first = RuntimeStatus(configuration: tiny.configuration)
        let killed = Held(RuntimeWatch(status: first, state: tiny.state, http: OutboundClient(), logger: tiny.logger))
        #expect(
            await eventually {
                _ = await killed.value.look()
                return first.isReady
            })
        let pid = try #require(tiny.pid)
        let second = RuntimeStatus(configuration: tiny.configuration)
        try await tiny.supervise(second) {
            #expect(await eventually { second.isReady })
            #expect(tiny.pid == pid)
        }
        #expect(ProcessIdentity(living: pid) == nil)
        #expect(tiny.pid == nil)
    }

    @Test("a runtime that hangs while new requests keep coming is found wedged and started again")
    func restartsWedged() async throws {
        var settings = tiny.configuration
        settings.progressTimeout = .milliseconds(200)
        let status = RuntimeStatus(configuration: settings)
        try await tiny.supervise(status) {
            #expect(await eventually { status.isReady })
            let first = try #require(tiny.pid)
            #expect(
                await eventually {
                    status.relayBegan()
                    return tiny.pid != nil && tiny.pid != first
                })
        }
    }

    @Test("the last whole lines of a log are told, whole and without what must not leave the host")
    func tellsLogTail() throws {
        let folder = try TemporaryFolder()
        let log = RuntimeLog(path: folder.path + "/r.log")
        #expect(log.tail { $0 }.isEmpty)
        let descriptor = try log.open()
        defer { close(descriptor) }
        let lines = (0..<600).map { "line \($0) key=secret\u{7} " + String(repeating: "x", count: $0 == 599 ? 900 : 4) }
        let text = Array((lines.joined(separator: "\n") + "\n\n").utf8)
        #expect(write(descriptor, text, text.count) == text.count)
        let tail = log.tail { $0.replacing("secret", with: "…") }
        #expect(tail.count == 20 && tail.first == "line 580 key=… xxxx")
        #expect(tail.last?.hasSuffix(String(repeating: "x", count: 900)) == true)
        #expect(tail.allSatisfy { !$0.contains("secret") && !$0.contains("\u{7}") })
        #expect(log.tail(most: 20) { $0 }.map(\.unicodeScalars.count) == [20], "of more than there is room for the last")
        #expect(log.tail(bytes: 10) { $0 }.isEmpty)
    }

    @Test("what must not stay in a log is covered in place, line by line, while the runtime adds to it")
    func coversLog() throws {
        let folder = try TemporaryFolder()
        let log = RuntimeLog(path: folder.path + "/r.log")
        func redact(_ text: String) -> String { text.replacing("sk-0123456789", with: "<redacted>").replacing("é-9", with: "<redacted>") }
        #expect(log.cover(from: 0, redact: redact) == 0)
        let descriptor = try log.open()
        defer { close(descriptor) }
        func add(_ text: String) { #expect(write(descriptor, text, text.utf8.count) == text.utf8.count) }
        func text() -> String { String(decoding: FileManager.default.contents(atPath: log.path) ?? Data(), as: UTF8.self) }
        add("first\nkey sk-0123456789 used\né-9 ü\n key sk-01234")
        let end = log.cover(from: 0, redact: redact)
        #expect(text() == "first\nkey <redacted> used   \n<redact\n key sk-01234")
        add("56789\nlast\n")
        let next = log.cover(from: end, redact: redact)
        #expect(text() == "first\nkey <redacted> used   \n<redact\n key <redacted>   \nlast\n")
        #expect(next == Int64(text().utf8.count) && log.cover(from: next, redact: redact) == next)
        #expect(ftruncate(descriptor, 0) == 0)
        add("sk-0123456789\n")
        _ = log.cover(from: next, redact: redact)
        #expect(text() == "<redacted>   \n")
        // A line without an end is not waited for without a bound.
        add(String(repeating: "x", count: 20) + "sk-0123456789")
        #expect(log.cover(from: 14, most: 33, redact: redact) == 47)
        #expect(text().hasSuffix("x<redacted>   "))
    }

    @Test("a private key over several lines is covered, in the file and in what is told of it, while it is being written")
    func coversKeys() throws {
        let folder = try TemporaryFolder()
        let log = RuntimeLog(path: folder.path + "/r.log")
        let descriptor = try log.open()
        defer { close(descriptor) }
        func add(_ text: String) { #expect(write(descriptor, text, text.utf8.count) == text.utf8.count) }
        func text() -> String { String(decoding: FileManager.default.contents(atPath: log.path) ?? Data(), as: UTF8.self) }
        let line = "MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQC7VJTUt9Us8cKj"
        add("loading\n-----BEGIN PRIVATE KEY-----\n\(line)\n")
        let middle = log.cover(from: 0) { $0 }
        #expect(middle == 8, "it is looked at from its first line again")
        add("\(line)\nQ+x=\n-----END PRIVATE KEY-----\nstarted\n")
        #expect(log.tail { $0 }.allSatisfy { !$0.contains("MII") && $0 != "Q+x=" })
        #expect(log.cover(from: middle) { $0 } == Int64(text().utf8.count))
        #expect(
            !text().contains("MII") && !text().contains("Q+x=") && text().hasPrefix("loading\n-----BEGIN") && text().hasSuffix("-----\nstarted\n"))
        // What only looks like the beginning of one is not waited for without a bound.
        let begin = Int64(text().utf8.count)
        add("-----BEGIN PRIVATE KEY-----\n" + String(repeating: "the next request is served as ever\n", count: 1_000))
        #expect(log.cover(from: begin) { $0 } == Int64(text().utf8.count) && text().hasSuffix("as ever\n"))
    }

    @Test("a log that grew too large is moved aside while the runtime goes on writing to it")
    func rotatesLog() throws {
        let folder = try TemporaryFolder()
        let log = RuntimeLog(path: folder.path + "/r.log", limit: 8)
        let descriptor = try log.open()
        defer { close(descriptor) }
        let text: [UInt8] = Array("0123456789".utf8)
        #expect(write(descriptor, text, text.count) == 10)
        #expect(log.rotateIfLarge())
        #expect(write(descriptor, text, 3) == 3)
        var facts = stat()
        #expect(stat(log.path, &facts) == 0 && facts.st_size == 3)
        #expect(stat(log.path + ".1", &facts) == 0 && facts.st_size == 10)
    }
}
