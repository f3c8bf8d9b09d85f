import ArgumentParser
import HTTPWire

/// `plimsoll tenants list`
struct ListVerb<Kind: AdminKind>: AsyncParsableCommand {
    static var configuration: CommandConfiguration { CommandConfiguration(commandName: "list", abstract: "Lists \(Kind.path).") }

    @OptionGroup var options: AdminOptions
    @Option(help: "At most so many rows.") var limit = 50
    @Flag(help: "All rows, however many.") var all = false
    @Argument(help: "Filters as name=value.") var filters: [String] = []

    func validate() throws {
        guard limit > 0 else { throw ValidationError("--limit must be above zero") }
        for filter in try FieldAssignment.parse(filters) where !Kind.filters.contains(filter.name) {
            let known = Kind.filters.isEmpty ? "there are none" : Kind.filters.joined(separator: ", ")
            throw ValidationError("'\(filter.name)' is no filter of \(Kind.path): \(known)")
        }
    }

    func run() async throws {
        try await CommandFailure.reporting {
            let chosen = try FieldAssignment.parse(filters).map { ($0.name, $0.text) }
            let most = all ? Int.max : limit
            let rows = try await options.client().all(Kind.path, filters: chosen, most: most)
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
        CommandConfiguration(
            commandName: "create", abstract: "Makes a \(Kind.noun).",
            discussion: "Fields are name=value. A value that is a JSON number, true, false, null, list or object is sent as such; else as text.")
    }

    @OptionGroup var options: AdminOptions
    @Argument(help: "Fields as name=value.") var fields: [String]

    func validate() throws { _ = try FieldAssignment.parse(fields) }

    func run() async throws {
        try await CommandFailure.reporting {
            let body = FieldAssignment.document(try FieldAssignment.parse(fields))
            options.show(try await options.client().change("POST", Kind.path, body))
        }
    }
}

/// `plimsoll tenants update NAME tier=business`
struct UpdateVerb<Kind: AdminKind>: AsyncParsableCommand {
    static var configuration: CommandConfiguration { CommandConfiguration(commandName: "update", abstract: "Changes fields of one \(Kind.noun).") }

    @OptionGroup var options: AdminOptions
    @Argument(help: "Id, or name where there is one.") var reference: String
    @Argument(help: "Fields as name=value.") var fields: [String]

    func validate() throws { _ = try FieldAssignment.parse(fields) }

    func run() async throws {
        try await CommandFailure.reporting {
            let body = FieldAssignment.document(try FieldAssignment.parse(fields))
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
    @Argument(help: "Its id.") var reference: String
    @Option(help: "Why, for the record; hosts and gateways need it.") var reason: String?

    func run() async throws {
        try await CommandFailure.reporting {
            let body = reason.map { JSONValue.members(("reason", .string($0))) } ?? .object(JSONObject())
            options.show(try await options.client().change("POST", "\(Kind.path)/\(AdminClient.escape(reference))/revoke", body))
        }
    }
}
