import Glibc
import Testing

@testable import Telemetry

@Suite("What the kernel says about processes")
struct ProcessStatTests {
    @Test("the kernel's line about a process is read behind its name, whatever that is")
    func readsStat() throws {
        let numbers = (1...40).map(String.init).joined(separator: " ")
        let stat = try #require(ProcessStat("77 (a) Z (b) S 1 70 71 " + numbers))
        #expect(stat.state == "S" && stat.group == 70 && stat.session == 71 && stat.startTicks == 16)
        #expect(ProcessStat("77 (x) S 1") == nil)
        let ended = (1...13).map(String.init).joined(separator: " ")
        #expect(ProcessStat("77 (x) Z 1 70 71 \(ended) 1 " + numbers)?.isAlive == false)
        #expect(ProcessStat("77 (x) Z 1 70 71 \(ended) 2 " + numbers)?.isAlive == true)
    }

    @Test("this process is alive, and one that never was is not there")
    func readsLiving() throws {
        let own = try #require(ProcessStat(pid: getpid()))
        #expect(own.isAlive && own.group == getpgrp() && own.session == getsid(0) && own.threads >= 1)
        #expect(ProcessStat(pid: -1) == nil)
    }
}
