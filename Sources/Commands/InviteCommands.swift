import ArgumentParser
import HTTPWire

/// `plimsoll hosts invite --pool NAME`
struct InviteHost: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invite", abstract: "Makes a one-use token with which a host joins a pool, and says what to do with it.")

    @OptionGroup var invitation: Invitation
    @Option(help: "The pool that the host will be in.") var pool: String

    func run() async throws {
        try await invitation.run([("role", .string("agent")), ("pool", .string(pool))]) { Invitation.agentSteps($0) }
    }
}

/// `plimsoll gateways invite --region NAME`
struct InviteGateway: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invite", abstract: "Makes a one-use token with which a gateway joins a region, and says what to do with it.")

    @OptionGroup var invitation: Invitation
    @Option(help: "The region that the gateway will serve.") var region: String

    func run() async throws {
        try await invitation.run([("role", .string("gateway")), ("region", .string(region))]) { Invitation.gatewaySteps($0) }
    }
}

/// An enrolment token with the words that somebody who has to use it needs.
struct Invitation: ParsableArguments {
    @OptionGroup var options: AdminOptions
    @Option(name: .customLong("seconds"), help: "How long the token is good, 60 to 86400.") var life = 900

    func validate() throws {
        guard (60...86_400).contains(life) else { throw ValidationError("--seconds must be 60 to 86400") }
    }

    func run(_ wish: [(String, JSONValue)], steps: (String) -> String) async throws {
        try await CommandFailure.reporting {
            var body = JSONObject()
            for (name, value) in wish + [("expires_in_seconds", .integer(Int64(life)))] { _ = body.append(name, value) }
            let made = try await options.client().create(EnrolmentTokenKind.self, body.value)
            guard options.output == .table else { return options.show(made) }
            let token = AdminColumn.text(made["token"])
            print("token   \(token)\nregion  \(AdminColumn.text(made["region"]))\nuntil   \(AdminColumn.text(made["expires_at"]))\n\n\(steps(token))")
        }
    }

    static func agentSteps(_ token: String) -> String {
        """
        The token is good for one host and is not shown again. On that host, before it expires:

          1. write the agent's file (docs/agent-configuration.md), with the address of this installation's control plane:
             "control_url": "https://CONTROL-PLANE:7701"
          2. PLIMSOLL_JOIN_TOKEN=\(token) plimsoll-agent serve --config FILE
             or put the token into a file that only the agent can read, and name it as "join_token_file"

        Then: plimsoll hosts list
        """
    }

    static func gatewaySteps(_ token: String) -> String {
        """
        The token is good for one gateway and is not shown again. On its machine, before it expires:

          1. write the gateway's file (docs/gateway-configuration.md), with the addresses of the control plane and of its own link:
             "control_url": "https://CONTROL-PLANE:7701", "link": { "listen": "0.0.0.0:7801", "advertise": "THIS-GATEWAY:7801" }
          2. PLIMSOLL_JOIN_TOKEN=\(token) plimsoll-gateway serve --config FILE
             or put the token into a file that only the gateway can read, and name it as "join_token_file"

        Then: plimsoll gateways list
        """
    }
}
