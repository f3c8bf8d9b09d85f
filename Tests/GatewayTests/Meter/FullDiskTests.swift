import Glibc
import NIOCore
import PlimsollWire
import Testing

@testable import Gateway

/// On a small file system in memory that only root can make; elsewhere these tests do not run.
@Suite("Spool on a full disk", .enabled(if: geteuid() == 0))
struct FullDiskTests {
    private func withSmallDisk(_ body: (String) async throws -> Void) async throws {
        let folder = try ScratchFolder()
        try #require(mount("tmpfs", folder.path, "tmpfs", 0, "size=1m") == 0)
        defer { umount2(folder.path, Int32(MNT_DETACH)) }
        try await body(folder.path)
    }

    @Test("admissions are refused, ends of running requests are still kept, and serving resumes when there is room")
    func fullDisk() async throws {
        try await withSmallDisk { path in
            let stand = try await SpoolStand(SpoolSettings(directory: path, gateway: "gw-1", reserveBytes: 64 << 10))
            let running = try #require(try await stand.admit(0))
            var served = 0
            while try await stand.admit(served + 1) != nil { served += 1 }
            #expect(served > 100)
            #expect(stand.spool.statistics.snapshot.loopsRefusing == 1)
            #expect(try await stand.finish(0, sequence: running))
            #expect(try SpoolReader(directory: path).records().map(\.sequence) == [running])
            #expect(try await stand.admit(served + 2) == nil)
            #expect(mount("tmpfs", path, "tmpfs", UInt(MS_REMOUNT), "size=4m") == 0)
            try await until { stand.spool.statistics.snapshot.loopsRefusing == 0 }
            #expect(try await stand.admit(served + 3) != nil)
            try await stand.spool.close()
        }
    }
}
