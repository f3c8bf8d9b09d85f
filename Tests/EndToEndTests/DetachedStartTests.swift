import Foundation
import TestSupport
import Testing

extension MachineTests {
    @Suite struct DetachedStartTests {
        /// Whoever starts it is shown keys and an answer; what runs on writes neither into its logs.
        @Test(.timeLimit(.minutes(2))) func keysAndAnswersAreShownAndNotLogged() async throws {
            let state = "/tmp/plimsoll-e2e-" + UUID().uuidString.prefix(8).lowercased()
            let environment = ["PLIMSOLL_STATE": state, "PLIMSOLL_PORT_BASE": "\(try FreePorts.base())"]
            func dev(_ arguments: String...) async throws -> [String] {
                let child = try ChildProcess(Checkout.program("plimsoll"), ["dev"] + arguments, environment: environment)
                #expect(try await child.ended(within: .seconds(60)) == 0)
                return child.lines
            }
            let shown = try await dev("--runtime", "simulated", "--detach")
            let logs = try FileManager.default.contentsOfDirectory(atPath: state + "/logs")
            let text = try logs.map { try String(contentsOfFile: "\(state)/logs/\($0)", encoding: .utf8) }.joined()
            _ = try await dev("--reset")
            let keys = shown.filter { $0.hasPrefix("key, ") }.compactMap { $0.split(separator: " ").last }
            let asked = try #require(shown.firstIndex { $0.hasPrefix("> ") })
            #expect(keys.count == 3 && shown[asked + 1].count > 20)
            for secret in keys + [shown[asked + 1].prefix(20)] { #expect(!text.contains(secret)) }
            #expect(!FileManager.default.fileExists(atPath: state))
        }
    }
}
