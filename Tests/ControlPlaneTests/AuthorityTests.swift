import Cryptography
import FoundationEssentials
import Logging
import Telemetry
import Testing

@testable import ControlPlane

@Suite struct AuthorityTests {
    private static let day = 86_400.0

    private func withFolder(_ body: (AuthorityFolder) throws -> Void) throws {
        let folder = AuthorityFolder(path: "/tmp/plimsoll-authority-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(atPath: folder.path) }
        try body(folder)
    }

    private func watch(_ folder: AuthorityFolder, _ authority: Authority, _ metrics: MetricRegistry = MetricRegistry()) -> AuthorityWatch {
        AuthorityWatch(folder: folder, authority: authority, metrics: metrics, logger: Logger(label: "test"))
    }

    private func issue(_ authority: Authority, at moment: Date = Date()) throws {
        _ = try authority.issue(CertificateRequest(key: PrivateKey()), role: .agent, id: UUID(), joinState: 0, at: moment)
    }

    @Test func anExpiredIntermediateIsSaidToBeExpiredAndRenewedInPlace() throws {
        try withFolder { folder in
            let old = try folder.create(at: Date() - 91 * Self.day)
            let error = #expect(throws: CryptographyError.self) { try folder.load() }
            #expect(error?.code == .expired)
            #expect(!watch(folder, old).look())
            try folder.renewIntermediate(rootKeyPath: folder.rootKey)
            #expect(try folder.load().pin == old.pin)
            // The running program goes on with it.
            #expect(throws: CryptographyError.self) { try issue(old) }
            #expect(watch(folder, old).look())
            try issue(old)
        }
    }

    @Test func nothingIsIssuedWithinTheLastHour() throws {
        try withFolder { folder in
            let authority = try folder.create()
            let end = authority.intermediate.certificate.notAfter
            try issue(authority, at: end - 3_601)
            #expect(throws: CryptographyError.self) { try issue(authority, at: end - 3_599) }
        }
    }

    @Test func theTimeThatIsLeftIsTold() throws {
        try withFolder { folder in
            let metrics = MetricRegistry()
            let authority = try folder.create()
            _ = watch(folder, authority, metrics)
            let family = try #require(metrics.families().first { $0.name == "plimsoll_control_authority_expiry_seconds" })
            let left = family.samples.map { sample -> Double in
                if case .number(let seconds) = sample.value { return seconds / Self.day }
                return 0
            }
            #expect(left.count == 2)
            #expect((3_649...3_650).contains(left[0]) && (89...90).contains(left[1]))
        }
    }

    @Test(arguments: [["intermediate.key", "intermediate.pem", "table.key", "root.pem"], ["table.key", "root.pem"], ["root.pem"]])
    func whatWasHalfMadeIsFinishedAroundTheSameKey(_ missing: [String]) throws {
        try withFolder { folder in
            let made = try folder.create()
            for name in missing { try FileManager.default.removeItem(atPath: folder.path + "/" + name) }
            #expect(folder.isUnfinished)
            let finished = try folder.finish()
            #expect(finished.pin == made.pin)
            #expect(!folder.isUnfinished)
        }
    }

    @Test func withoutTheRootsKeyNothingIsMade() throws {
        try withFolder { folder in
            _ = try folder.create()
            #expect(throws: CryptographyError.self) { try folder.finish() }
            try FileManager.default.removeItem(atPath: folder.rootCertificate)
            try FileManager.default.removeItem(atPath: folder.rootKey)
            #expect(throws: CryptographyError.self) { try folder.finish() }
            #expect(throws: CryptographyError.self) { try folder.create() }
        }
    }
}
