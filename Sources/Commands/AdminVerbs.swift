import ArgumentParser
import HTTPWire

/// `plimsoll tenants list`
struct ListVerb<Kind: AdminKind>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "list", abstract: "Lists \(Kind.path).", discussion: KindHelp.filters(Kind.self))
    }

    @OptionGroup var options: AdminOptions
    @OptionGroup var extent: ListOptions
    @Argument(help: "Filters as name=value.") var filters: [String] = []

    func validate() throws {
        try FieldAssignment.parse(filters).check(Kind.filters.map(\.name), "filter of \(Kind.path)")
    }

    func run() async throws {
        try await CommandFailure.reporting {
            let chosen = try FieldAssignment.parse(filters).map { ($0.name, $0.text) }
            let rows = try await extent.rows(try options.client(), Kind.path, filters: chosen)
            options.show(rows, columns: Kind.columns, empty: "no \(Kind.path)")
        }
    }
}

/// `plimsoll tenants get NAME`
struct GetVerb<Kind: AdminKind>: AsyncParsableCommand {
    static var configuration: CommandConfiguration { CommandConfiguration(commandName: "get", abstract: "Shows one \(Kind.noun).") }

    @OptionGroup var options: AdminOptions
    @Argument(help: "Id, or name where there is one.") var reference: String

    func run() async throws {
        try await CommandFailure.reporting {
            options.show(try await options.client().get("\(Kind.path)/\(AdminClient.escape(reference))"))
        }
    }
}

/// `plimsoll tenants create name=acme tier=pro`
struct CreateVerb<Kind: AdminKind>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "create", abstract: "Makes a \(Kind.noun).", discussion: KindHelp.creation(Kind.self))
    }

    @OptionGroup var options: AdminOptions
    @Argument(help: "Fields as name=value.") var fields: [String]

    func validate() throws {
        let given = try FieldAssignment.parse(fields)
        try given.check(Kind.fields.filter { $0.presence != .later }.map(\.name), "field of a new \(Kind.noun)")
        let missing = Kind.fields.filter { $0.presence == .required }.map(\.name).filter { name in !given.contains { $0.name == name } }
        guard missing.isEmpty else { throw ValidationError("a \(Kind.noun) needs \(missing.joined(separator: ", ")) too") }
    }

    func run() async throws {
        try await CommandFailure.reporting {
            let body = FieldAssignment.document(try FieldAssignment.parse(fields), Kind.fields)
            options.show(try await options.client().create(Kind.self, body))
        }
    }
}

/// `plimsoll tenants update NAME tier=business`
struct UpdateVerb<Kind: AdminKind>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "update", abstract: "Changes fields of one \(Kind.noun).", discussion: KindHelp.update(Kind.self))
    }

    @OptionGroup var options: AdminOptions
    @Argument(help: "Id, or name where there is one.") var reference: String
    @Argument(help: "Fields as name=value.") var fields: [String]

    func validate() throws {
        try FieldAssignment.parse(fields).check(Kind.fields.filter(\.isChangeable).map(\.name), "field of a \(Kind.noun) that can be changed")
    }

    func run() async throws {
        try await CommandFailure.reporting {
            let body = FieldAssignment.document(try FieldAssignment.parse(fields), Kind.fields)
            options.show(try await options.client().change("PATCH", "\(Kind.path)/\(AdminClient.escape(reference))", body))
        }
    }
}

/// `plimsoll tenants delete NAME`
struct DeleteVerb<Kind: AdminKind>: AsyncParsableCommand {
    static var configuration: CommandConfiguration { CommandConfiguration(commandName: "delete", abstract: "Removes one \(Kind.noun).") }

    @OptionGroup var options: AdminOptions
    @Argument(help: "Id, or name where there is one.") var reference: String

    func run() async throws {
        try await CommandFailure.reporting {
            options.show(try await options.client().change("DELETE", "\(Kind.path)/\(AdminClient.escape(reference))"))
        }
    }
}

/// `plimsoll keys revoke ID`
struct RevokeVerb<Kind: AdminKind>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "revoke", abstract: "Ends one \(Kind.noun) for good; there is no way back.")
    }

    @OptionGroup var options: AdminOptions
    @Argument(help: "Its id, or name where there is one.") var reference: String
    @Option(help: "Why, for the record; hosts and gateways need it.") var reason: String?

    func run() async throws {
        try await CommandFailure.reporting {
            let body = reason.map { JSONValue.members(("reason", .string($0))) } ?? .object(JSONObject())
            options.show(try await options.client().change("POST", "\(Kind.path)/\(AdminClient.escape(reference))/revoke", body))
        }
    }
}
