import Cryptography
import Exchange
import Glibc
import PlimsollWire
import Testing

@testable import Agent

@Suite("Joining and reporting")
struct JoiningTests {
    private static let id = String(repeating: "0a", count: 16)
    private static let secret = Base64.encodeURL([UInt8](repeating: 7, count: 32))
    private static let pin = Base64.encodeURL([UInt8](repeating: 9, count: 32))

    @Test("a whole token is read and never printed")
    func readsToken() throws {
        let token = try JoinToken("jt1.\(Self.id).\(Self.secret).\(Self.pin)")
        #expect(token.pin.bytes == [UInt8](repeating: 9, count: 32))
        var dumped = ""
        dump(token, to: &dumped)
        #expect(!"\(token) \(String(reflecting: token)) \(dumped)".contains(Self.secret))
    }

    @Test(
        "a damaged token is refused before anything is sent",
        arguments: ["", "jt1", "jt1.a.b.c", "jt2.\(id).\(secret).\(pin)", "jt1.\(id).\(secret)", "jt1.\(id).\(secret).\(pin)x"])
    func refusesToken(text: String) {
        #expect(throws: AgentError.self) { try JoinToken(text) }
    }

    @Test("the key is made once, with mode 0600, and kept")
    func keepsKey() throws {
        let folder = try TemporaryFolder()
        let state = try StateDirectory(path: folder.path + "/a/b")
        let key = try HostIdentity.keyForEnrolment(in: state)
        #expect(try HostIdentity.keyForEnrolment(in: state).pem == key.pem)
        var facts = stat()
        #expect(stat(state.key, &facts) == 0 && facts.st_mode & 0o777 == 0o600)
        #expect(try HostIdentity.load(from: state) == nil)
    }

    @Test("a folder that holds others' things is no state directory, and stays as it is")
    func leavesOthersAlone() throws {
        let folder = try TemporaryFolder()
        _ = try folder.file("theirs", "x")
        #expect(chmod(folder.path, 0o755) == 0)
        #expect(throws: AgentError.self) { try StateDirectory(path: folder.path) }
        var facts = stat()
        #expect(stat(folder.path, &facts) == 0 && facts.st_mode & 0o777 == 0o755)
        #expect(access(folder.path + "/runtimes", F_OK) != 0)
    }

    @Test("a state directory belongs to one agent at a time, and to no other user")
    func locksState() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/state"
        _ = try StateDirectory(path: path)
        #expect(chmod(path, 0o755) == 0)
        let state = try StateDirectory(path: path)
        var facts = stat()
        #expect(stat(path, &facts) == 0 && facts.st_mode & 0o777 == 0o700)
        do {
            let lock = try StateLock(state)
            #expect(throws: AgentError.self) { try StateLock(state) }
            withExtendedLifetime(lock) {}
        }
        #expect(throws: Never.self) { try StateLock(state) }
    }

    @Test(
        "a runtime's address must stay on the host",
        arguments: [
            "http://0.0.0.0:8000", "http://10.0.0.1:80", "http://example.com:80", "http://127.0.0.1.example.com:80", "https://127.0.0.1:80",
            "unix:relative", "ftp://127.0.0.1", "http://user@127.0.0.1:80",
        ])
    func refusesAddress(text: String) {
        #expect(throws: AgentError.self) { try RuntimeAddress.onThisHost(text) }
    }

    @Test(
        "loopback and sockets are taken",
        arguments: [
            ("http://127.0.0.1:8000", "127.0.0.1:8000"), ("http://localhost:80/", "127.0.0.1:80"), ("http://[::1]:9", "[::1]:9"),
            ("unix:/run/x.sock", "localhost"),
        ])
    func takesAddress(text: String, authority: String) throws {
        #expect(try RuntimeAddress.onThisHost(text).authority == authority)
    }

    @Test("a heartbeat is due at once when facts change, and not while the control plane is gone")
    func schedulesHeartbeats() {
        let start = ContinuousClock.now
        var schedule = HeartbeatSchedule(now: start)
        let serving = HeartbeatSchedule.Facts(state: .serving, runtimes: [], gateways: [])
        let draining = HeartbeatSchedule.Facts(state: .draining, runtimes: [], gateways: [])
        #expect(schedule.isDue(serving, now: start))
        let answer = HeartbeatResponse(generation: 1, nextHeartbeatSeconds: 10, wantsInventory: false)
        schedule.sent(serving, inventory: nil, answer: answer, now: start)
        #expect(!schedule.isDue(serving, now: start + .seconds(9)))
        #expect(schedule.isDue(serving, now: start + .seconds(10)))
        #expect(!schedule.isDue(draining, now: start + .milliseconds(200)))
        #expect(schedule.isDue(draining, now: start + .milliseconds(250)))
        schedule.failed(now: start)
        #expect(!schedule.isDue(draining, now: start + .milliseconds(249)))
    }

    @Test("the inventory goes along when asked for, when something lasting changed, and once a minute")
    func carriesInventory() {
        let start = ContinuousClock.now
        var schedule = HeartbeatSchedule(now: start)
        let facts = HeartbeatSchedule.Facts(state: .serving, runtimes: [], gateways: [])
        var inventory = Inventory(
            hostname: "h", operatingSystem: "o", kernel: "k", processor: .init(model: "m", cores: 1), memoryBytes: 1, memoryAvailableBytes: 1,
            diskFreeBytes: 1)
        #expect(schedule.inventory(inventory, now: start) == inventory)
        let answer = HeartbeatResponse(generation: 1, nextHeartbeatSeconds: 10, wantsInventory: false)
        schedule.sent(facts, inventory: inventory, answer: answer, now: start)
        inventory.diskFreeBytes = 2
        #expect(schedule.inventory(inventory, now: start + .seconds(59)) == nil)
        #expect(schedule.inventory(inventory, now: start + .seconds(60)) != nil)
        inventory.accelerators = [Inventory.Accelerator(uuid: "u", name: "n", memoryBytes: 1)]
        #expect(schedule.inventory(inventory, now: start + .seconds(1)) != nil)
    }
}
