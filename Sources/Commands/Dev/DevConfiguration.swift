import HTTPWire

/// The configuration files of an installation's programs: the one place here that knows the names of their settings.
struct DevConfiguration: Sendable {
    let layout: DevLayout
    let runtime: DevRuntime

    func writeControl() throws(CommandFailure) {
        try write(
            "control",
            .members(
                ("database", .members(("url", .string(layout.databaseURL)))),
                ("pki_dir", .string(layout.authorities)),
                ("admin", .members(("listen", .string("127.0.0.1:\(layout.base)")))),
                ("public", .members(("listen", .string("127.0.0.1:\(layout.base + 2)")), ("url", .string(layout.publicURL)))),
                ("peers", .members(("listen", .string("127.0.0.1:\(layout.base + 1)")))), ("advertise", texts(["127.0.0.1", "localhost"])),
                (
                    "outside_probes",
                    .members(
                        ("endpoints", texts(["\(DevBootstrap.region)=\(layout.url)"])), ("key_file", .string(layout.probeKeyFile)))
                ), ("drain_limit", .string("5s"))))
    }

    func writeGateway(joinToken: String) throws(CommandFailure) {
        try PrivateFile.write(joinToken + "\n", to: layout.joinToken("gateway"))
        try write(
            "gateway",
            .members(
                ("control_url", .string(layout.controlURL)),
                ("join_token_file", .string(layout.joinToken("gateway"))),
                ("state_dir", .string("\(layout.state)/gateway")),
                ("listen", .string("127.0.0.1:\(layout.base + 100)")),
                ("link", .members(("listen", .string("127.0.0.1:\(layout.base + 101)")), ("advertise", .string("127.0.0.1:\(layout.base + 101)")))),
                ("operations", .members(("listen", .string("127.0.0.1:\(layout.base + 102)"))))))
    }

    func writeAgent(_ provider: String, index: Int, joinToken: String) throws(CommandFailure) {
        try PrivateFile.write(joinToken + "\n", to: layout.joinToken(provider))
        let entry = JSONValue.members(
            ("name", .string(provider)), ("release", .string(runtime.release)), ("dialect", .string(runtime.dialect)),
            ("address", .string("unix:\(layout.runtimeSocket(provider))")), ("command", texts(runtime.command(layout, provider))),
            ("slots", .integer(Int64(runtime.slots))), ("stop_grace", .string("3s")))
        try write(
            provider,
            .members(
                ("control_url", .string(layout.controlURL)),
                ("join_token_file", .string(layout.joinToken(provider))),
                ("state_dir", .string(layout.agentState(provider))),
                ("drain_limit", .string("5s")),
                ("operations", .members(("listen", .string("127.0.0.1:\(layout.agentOperationsPort(index))")))),
                ("runtimes", .array([entry]))))
    }

    func serve(_ program: String, configuration: String, log: String) -> DevProgram {
        DevProgram(
            path: layout.program(program), arguments: ["serve", "--config", layout.configuration(configuration)],
            environment: DevEnvironment.forChildren, log: layout.log(log), directory: layout.state)
    }

    /// `plimsoll-control init` or `migrate`.
    func control(_ verb: String, _ arguments: [String] = []) -> DevProgram {
        DevProgram(
            path: layout.program("plimsoll-control"), arguments: [verb, "--config", layout.configuration("control")] + arguments,
            environment: DevEnvironment.forChildren, log: layout.log("control-setup"), directory: layout.state)
    }

    private func texts(_ texts: [String]) -> JSONValue {
        .array(texts.map(JSONValue.string))
    }

    private func write(_ name: String, _ value: JSONValue) throws(CommandFailure) {
        try PrivateFile.write(JSONPrinter.pretty(value) + "\n", to: layout.configuration(name))
    }
}
