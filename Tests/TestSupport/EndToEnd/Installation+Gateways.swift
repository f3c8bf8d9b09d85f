import Foundation

/// A gateway beside the installation's own, started by a test.
package final class AddedGateway: Sendable {
    package let url: String
    package let child: ChildProcess

    fileprivate init(url: String, child: ChildProcess) {
        self.url = url
        self.child = child
    }
}

extension Installation {
    /// Joins one more gateway of the same region and waits until it answers. Numbers count from 1, up to 3; whoever starts it stops it.
    ///
    /// - Parameter environment: Added to its own, such as for another clock.
    package func addGateway(_ number: Int, environment: [String: String] = [:]) async throws -> AddedGateway {
        let made = try await admin("POST", "/enrolment-tokens", #"{"role":"gateway","region":"local"}"#)
        guard let token = made.at("token") else { throw Waiting.Timeout(description: "no token was made: \(made.status) \(made.body)") }
        let (base, folder) = (portBase + 100 + 10 * number, "\(state)/gateway-\(number)")
        let file = "\(folder).json"
        let settings = """
            {"control_url": "https://127.0.0.1:\(portBase + 1)", "join_token": "\(token)", "state_dir": "\(folder)",
            "listen": "127.0.0.1:\(base)", "link": {"listen": "127.0.0.1:\(base + 1)", "advertise": "127.0.0.1:\(base + 1)"},
            "operations": {"listen": "127.0.0.1:\(base + 2)"}, "drain_limit": "5s"}
            """
        try settings.write(toFile: file, atomically: true, encoding: .utf8)
        let child = try ChildProcess(
            Checkout.program("plimsoll-gateway"), ["serve", "--config", file], environment: environment, errors: "\(state)/logs/gateway-\(number).log"
        )
        let gateway = AddedGateway(url: "http://127.0.0.1:\(base)", child: child)
        let body = #"{"model":"\#(model)","max_tokens":1,"messages":[{"role":"user","content":"ready?"}]}"#
        do {
            try await Waiting.until("gateway \(number) serves", within: .seconds(40)) {
                try await HTTPCall.send(
                    "POST", gateway.url + "/v1/chat/completions", headers: ["Authorization": "Bearer \(key)"], body: body
                ).status == 200
            }
        } catch {
            await child.stop(grace: .seconds(1))
            throw error
        }
        return gateway
    }
}
