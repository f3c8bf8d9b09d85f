import FoundationEssentials
import Glibc
import Testing

@testable import Commands

@Suite struct AdminAccessTests {
    /// A configuration folder with this text as its profiles, for the time of `body`.
    private func withProfiles(_ text: String, mode: mode_t = 0o600, _ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "plimsoll-profiles-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder.appending(path: "plimsoll"), withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "plimsoll/profiles.json")
        try Data(text.utf8).write(to: file)
        #expect(chmod(file.path(), mode) == 0)
        try body(folder.path())
    }

    private static let profiles = #"{"default": {"url": "http://a", "token": "t"}, "eu": {"url": "https://eu/", "token": "t"}}"#

    @Test func theArgumentComesBeforeTheEnvironmentAndThatBeforeTheDefault() throws {
        try withProfiles(Self.profiles) { (folder: String) throws in
            var environment = ["XDG_CONFIG_HOME": folder]
            #expect(try AdminAccess.find(profile: nil, environment: environment).url == "http://a")
            environment["PLIMSOLL_PROFILE"] = "eu"
            #expect(try AdminAccess.find(profile: nil, environment: environment).url == "https://eu")
            environment["PLIMSOLL_ADMIN_URL"] = "http://b"
            environment["PLIMSOLL_ADMIN_TOKEN"] = "t"
            #expect(try AdminAccess.find(profile: nil, environment: environment).url == "http://b")
            #expect(try AdminAccess.find(profile: "eu", environment: environment).url == "https://eu")
        }
    }

    @Test(arguments: [
        (#"{"default": {"url": "http://a"}}"#, "has no profile 'default' with url and token; there are: default"),
        ("{", "profiles.json: "), (#"{"default": {"url": "ftp://a", "token": "t"}}"#, "is no http or https address"),
    ])
    func whatIsWrongWithAProfileIsSaid(_ text: String, _ message: String) throws {
        try withProfiles(text) { (folder: String) throws in
            do {
                _ = try AdminAccess.find(profile: nil, environment: ["XDG_CONFIG_HOME": folder])
                Issue.record("the profile was taken")
            } catch let failure as CommandFailure {
                #expect(failure.code == .usage && failure.message.contains(message))
            }
        }
    }

    @Test func tokensThatOthersMayReadAreRefused() throws {
        try withProfiles(Self.profiles, mode: 0o644) { (folder: String) throws in
            #expect(throws: CommandFailure.self) { try AdminAccess.find(profile: nil, environment: ["XDG_CONFIG_HOME": folder]) }
        }
    }

    @Test func halfAnEnvironmentIsNotPassedOver() {
        #expect(throws: CommandFailure.self) {
            try AdminAccess.find(profile: nil, environment: ["PLIMSOLL_ADMIN_URL": "http://a", "HOME": "/nonexistent"])
        }
    }
}
