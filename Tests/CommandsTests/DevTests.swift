import ArgumentParser
import FoundationEssentials
import Glibc
import TestSupport
import Testing

@testable import Commands

@Suite(.timeLimit(.minutes(1))) struct DevTests {
    @Test func theEnvironmentFileIsReadBackAsItWasWritten() {
        let pairs = [("A", "http://127.0.0.1:7800"), ("B", "postgresql:///x?host=/tmp/a b&user=y"), ("C", "control=1 gateway=2")]
        let text = DevEnvironment.render(pairs)
        #expect(text.hasSuffix("\nexport A B C\n"))
        #expect(text.hasPrefix("A=http://127.0.0.1:7800\nB=\"postgresql"))
        #expect(DevEnvironment.parse(text) == Dictionary(uniqueKeysWithValues: pairs))
    }

    @Test func portsMoveWithTheirBaseAndInstallationsDoNotMeet() throws {
        let layout = try DevLayout(environment: ["PLIMSOLL_STATE": "/tmp/x/", "PLIMSOLL_PORT_BASE": "20000"])
        #expect(layout.state == "/tmp/x" && layout.url == "http://127.0.0.1:20100" && layout.agentOperationsPort(1) == 20_212)
        #expect(throws: CommandFailure.self) { try DevLayout(environment: ["PLIMSOLL_PORT_BASE": "high"]) }
    }

    @Test func theIntroductionNamesADrillThatTheCommandLineTakes() throws {
        let layout = try DevLayout(environment: ["PLIMSOLL_STATE": "/tmp/x"])
        let drill = DevIntroduction(layout: layout, model: "tiny").drill
        #expect(drill.contains("\n. /tmp/x/demo.env; ") && drill.hasSuffix("/plimsoll drill provider-loss --compress --load 4"))
        let command = try PlimsollCommand.parseAsRoot(DevIntroduction.drillWords)
        #expect(command is DrillCommand)
    }

    @Test func aLongStateFolderGetsShortSockets() throws {
        let layout = try DevLayout(environment: ["PLIMSOLL_STATE": "/tmp/" + String(repeating: "d", count: 120)])
        #expect(layout.runtimeSocket("alpha").utf8.count < 100 && layout.postgresSocket.utf8.count < 90)
    }

    @Test func aProcessIsKnownByItsStartSoThatARecycledIdIsSpared() async throws {
        let program = DevProgram(path: "/bin/sleep", arguments: ["60"], log: "/dev/null")
        let process = try program.start()
        let stranger = DevProcess(pid: process.pid, startTicks: process.startTicks + 1)
        #expect(process.isAlive && !stranger.isAlive)
        stranger.send(SIGKILL)
        #expect(process.isAlive)
        process.send(SIGTERM)
        #expect(await process.end(within: .seconds(10)))
    }

    @Test func aProcessOfWhichOnlyTheFirstThreadEndedLives() async throws {
        let code = """
            import ctypes, threading, time
            threading.Thread(target=time.sleep, args=(60,)).start()
            ctypes.CDLL(None).pthread_exit(None)
            """
        let process = try DevProgram(path: "/usr/bin/python3", arguments: ["-c", code], log: "/dev/null").start()
        defer { process.sendToItAlone(SIGKILL) }
        let first = "/proc/\(process.pid)/task/\(process.pid)/stat"
        try await Waiting.until("its first thread has ended", within: .seconds(20)) { PrivateFile.read(first)?.contains(") Z ") == true }
        #expect(process.isAlive)
        process.send(SIGKILL)
        #expect(await process.end(within: .seconds(10)))
    }

    @Test func aProgramThatFailsOrIsMissingIsTold() async {
        await #expect(throws: CommandFailure.self) {
            try await DevProgram(path: "/bin/false", arguments: [], log: "/dev/null").run(within: .seconds(10))
        }
        #expect(throws: CommandFailure.self) { try DevProgram(path: "/nonexistent", arguments: [], log: "/dev/null").start() }
    }

    @Test func onlyAnInstallationsOwnFolderIsFilledAndOnlyItsOwnThingsAreRemoved() throws {
        let folder = "/tmp/plimsoll-dev-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let layout = try DevLayout(environment: ["PLIMSOLL_STATE": folder])
        try Data("mine".utf8).write(to: URL(filePath: folder + "/keep"))
        #expect(throws: CommandFailure.self) { try layout.makeFolders() }
        #expect(throws: CommandFailure.self) { try layout.remove() }
        try FileManager.default.removeItem(atPath: folder + "/keep")
        try layout.makeFolders()
        try Data("mine".utf8).write(to: URL(filePath: folder + "/keep"))
        try layout.remove()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["keep"])
    }

    @Test func aStateFolderThatIsNoneIsToldInWords() throws {
        #expect(try DevLayout(environment: ["PLIMSOLL_STATE": ""]).state.hasSuffix("/.plimsoll"))
        for name in [".", "..", "/", "/tmp/.."] {
            #expect(throws: CommandFailure.self, "\(name)") { try DevLayout(environment: ["PLIMSOLL_STATE": name]) }
        }
        let below = try DevLayout(environment: ["PLIMSOLL_STATE": "/proc/self/cmdline/x"])
        #expect(throws: CommandFailure.self) { try below.makeFolders() }
    }
}
